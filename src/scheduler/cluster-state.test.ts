import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { ClusterState } from './cluster-state.ts'

const node = (name: string) =>
  ({
    metadata: { name, labels: {} },
    spec: {},
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } },
  }) as unknown as Node

const spec = { nodeName: 'n', containers: [{ name: 'c', resources: { requests: { cpu: '1', memory: '1Gi' } } }] }
const first = { metadata: { name: 'p', namespace: 'd', uid: 'p', labels: { app: 'a' } }, spec, status: {} } as unknown as Pod

const cases: readonly (readonly [it: string, next: Pod, isSame: boolean, cpu: number])[] = [
  ['another status', { ...first, status: { ...first.status, phase: 'Running' } }, true, 1000],
  ['equal labels', { ...first, metadata: { ...first.metadata, labels: { app: 'a' } } }, true, 1000],
  ['other labels', { ...first, metadata: { ...first.metadata, labels: { app: 'b' } } }, false, 1000],
  ['its deletion', { ...first, metadata: { ...first.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, false, 1000],
  ['another specification', { ...first, spec: { ...spec, containers: [] } as unknown as Pod['spec'] }, false, 0],
  [
    'a resize',
    { ...first, status: { containerStatuses: [{ name: 'c', allocatedResources: { cpu: '3' } }] } as unknown as Pod['status'] },
    false,
    3000,
  ],
]

for (const [it, next, isSame, cpu] of cases) {
  test(`ClusterState setPod() ${isSame ? 'leaves the node as it was' : 'changes the node'} on ${it}`, () => {
    const state = new ClusterState()
    state.setNode(node('n'))
    state.setPod(first)
    const info = state.get('n')
    const { generation = 0, sightings = 0 } = info ?? {}
    state.setPod(next)
    assert.equal(info?.generation === generation, isSame)
    assert.equal(info?.sightings !== sightings, isSame)
    assert.equal(info?.requested.cpu, cpu)
    assert.deepEqual(info?.pods, [next])
  })
}

test('ClusterState order and generations are those of its nodes, while nodes come and go', () => {
  const state = new ClusterState()
  const check = () => {
    assert.deepEqual(
      [...state.order],
      state.nodes.map(({ slot }) => slot),
    )
    for (const { slot, generation } of state.nodes) assert.equal(state.generations[slot], generation)
  }
  for (let i = 0; i < 200; i++) state.setNode(node(`n${i}`))
  check()
  for (let i = 0; i < 200; i += 3) state.deleteNode(`n${i}`)
  state.setNode(node('late'))
  state.setPod({ ...first, spec: { ...spec, nodeName: 'late' } as unknown as Pod['spec'] })
  check()
  assert.equal(state.order.length, 200 - 67 + 1)
})
