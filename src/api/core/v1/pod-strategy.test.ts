import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import {
  graceSecondsOf,
  prepareEphemeralContainers,
  preparePod,
  preparePodStatus,
  prepareResize,
} from '#api/core/v1/pod-strategy.ts'
import { made } from '#testing/errors-of.ts'

const container = { name: 'main', image: 'x:1' }
const pod = (spec: object = {}, more: object = {}) => made(Pod, { spec: { containers: [container], ...spec }, ...more })

test('preparePod() starts every pod as Pending with its class', () => {
  const made = pod({}, { status: { phase: 'Running', podIP: '1.2.3.4' } })
  preparePod(made, undefined)
  assert.deepEqual(made.status, { phase: 'Pending', qosClass: 'BestEffort' })
})

test('preparePod() says that a gated pod is not scheduled', () => {
  const made = pod({ schedulingGates: [{ name: 'example.com/wait' }] })
  preparePod(made, undefined)
  const { type, status, reason, message } = made.status.conditions![0]!
  const expected = ['PodScheduled', 'False', 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates']
  assert.deepEqual([type, status, reason, message], expected)
})

test('preparePod() turns matchLabelKeys into rules of the selector, once', () => {
  const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['hash', 'gone'] }
  const made = pod({ topologySpreadConstraints: [{ ...constraint, labelSelector: {} }] }, { metadata: { labels: { hash: '1' } } })
  preparePod(made, undefined)
  const { matchExpressions } = made.spec.topologySpreadConstraints![0]!.labelSelector!
  assert.deepEqual(matchExpressions, [{ key: 'hash', operator: 'In', values: ['1'] }])
})

test('preparePod() drops fields behind closed gates, unless the pod has them already', () => {
  const gated = { containers: [{ ...container, lifecycle: { stopSignal: 'SIGUSR1' } }] }
  const fresh = pod(gated)
  preparePod(fresh, undefined)
  assert.equal(fresh.spec.containers[0]?.lifecycle, undefined)
  const kept = pod(gated)
  preparePod(kept, pod(gated))
  assert.deepEqual(kept.spec.containers[0]?.lifecycle, { stopSignal: 'SIGUSR1' })
})

test('preparePodStatus() keeps the class and the generations that were seen', () => {
  const condition = { type: 'Ready', status: 'True' }
  const old = pod(
    {},
    { status: { qosClass: 'BestEffort', observedGeneration: 3, conditions: [{ ...condition, observedGeneration: 2 }] } },
  )
  const made = pod({}, { status: { phase: 'Running', conditions: [condition] } })
  preparePodStatus(made, old)
  assert.equal(made.status.qosClass, 'BestEffort')
  assert.equal(made.status.observedGeneration, 3)
  assert.equal(made.status.conditions?.[0]?.observedGeneration, 2)
})

test('prepareEphemeralContainers() changes nothing else', () => {
  const made = pod({ hostname: 'x', ephemeralContainers: [{ name: 'debug', image: 'y' }] })
  prepareEphemeralContainers(made, pod())
  assert.equal(made.spec.hostname, undefined)
  assert.equal(made.spec.ephemeralContainers?.[0]?.name, 'debug')
})

test('prepareResize() changes resources alone', () => {
  const made = pod({ hostname: 'x', containers: [{ ...container, image: 'y', resources: { requests: { cpu: '2' } } }] })
  prepareResize(made, pod())
  assert.equal(made.spec.hostname, undefined)
  assert.equal(made.spec.containers[0]?.image, 'x:1')
  assert.deepEqual(made.spec.containers[0]?.resources, { requests: { cpu: '2' } })
})

const graces = [
  { it: 'nothing for a pod that no node runs', spec: {}, requested: 10, seconds: 0 },
  { it: 'nothing for a pod that ended', spec: { nodeName: 'n' }, status: { phase: 'Failed' }, requested: 10, seconds: 0 },
  { it: 'what was asked for', spec: { nodeName: 'n' }, requested: 10, seconds: 10 },
  { it: 'the pod its own period', spec: { nodeName: 'n', terminationGracePeriodSeconds: 7 }, seconds: 7 },
  { it: 'one second for a negative request', spec: { nodeName: 'n' }, requested: -1, seconds: 1 },
]

for (const { it, spec, status, requested, seconds } of graces) {
  test(`graceSecondsOf() gives ${it}`, () => assert.equal(graceSecondsOf(pod(spec, { status }), requested), seconds))
}
