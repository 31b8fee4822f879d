/** Shapes as people write them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseShapes, ShapesError } from './read-shapes.ts'
import { wantedNodes } from './shapes.ts'

test('parseShapes() reads a number, and shapes with all they may have', () => {
  assert.deepEqual(parseShapes('12', 'few'), [{ name: 'few', count: 12 }])
  const shapes = parseShapes(`
nodes:
- { name: small, count: 2, cpu: 500m, memory: 1Gi, zones: [a, b], podLimit: 20 }
- name: gpu
  resources: { nvidia.com/gpu: 8 }
  taints: ["nvidia.com/gpu=true:NoSchedule", "old:NoExecute"]
  pods: { start: 5s }
pods: { start: 200ms..2s, failures: { share: 0.5, after: 1m } }
failures: { every: 24h, lasting: 2m..5m }
`)
  const [small, gpu] = shapes
  assert.deepEqual([small?.cpu, small?.pods, small?.zones], ['500m', '20', ['a', 'b']])
  assert.deepEqual(small?.behaviour, {
    start: { least: 200, most: 2_000 },
    podFailures: { share: 0.5, after: { least: 60_000, most: 60_000 } },
    nodeFailures: { every: 86_400_000, lasting: { least: 120_000, most: 300_000 } },
  })
  assert.deepEqual(gpu?.resources, { 'nvidia.com/gpu': '8' })
  assert.deepEqual(gpu?.taints, [
    { key: 'nvidia.com/gpu', value: 'true', effect: 'NoSchedule' },
    { key: 'old', effect: 'NoExecute' },
  ])
  assert.deepEqual(gpu?.behaviour?.start, { least: 5_000, most: 5_000 })
  assert.deepEqual(
    wantedNodes(shapes).map(({ name }) => name),
    ['small-0', 'small-1', 'gpu-0'],
  )
})

test('parseShapes() says what is wrong and where', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['nodes: 3', /^nodes: a list of shapes is wanted$/],
    ['nodes: [{ cpus: 3 }]', /^nodes\[0\]: nothing is called cpus here, only name, count, /],
    ['nodes: [{ cpu: much }]', /^nodes\[0\]\.cpu: /],
    ['nodes: [{ count: -1 }]', /^nodes\[0\]\.count: a whole number is wanted$/],
    ['nodes: [{ name: Big_One }]', /^nodes\[0\]\.name: "Big_One" cannot begin the name of a node$/],
    ['nodes: [{ taints: [gpu] }]', /^nodes\[0\]\.taints: "gpu" is no taint/],
    ['nodes: [{}, {}]', /^nodes: two shapes are called simulated$/],
    ['nodes: []\npods: { start: soon }', /^pods\.start: time: invalid duration "soon"$/],
    ['nodes: []\npods: { failures: { share: 2 } }', /^pods\.failures\.share: a number from 0 to 1 is wanted$/],
  ]
  for (const [text, message] of cases) {
    assert.throws(
      () => parseShapes(text),
      (error: Error) => error instanceof ShapesError && message.test(error.message),
      text,
    )
  }
})
