/** What changed of nodes and pods, in the words by which plugins say what may cure them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { nodeChanges, ownChanges, podChanges } from './changes.ts'

const asks = (requests: object, more: object = {}) => ({
  nodeName: 'n',
  containers: [{ name: 'c', resources: { requests } }],
  ...more,
})
const has = (allocated: object, actual: object = allocated) => ({
  containerStatuses: [{ name: 'c', allocatedResources: allocated, resources: { requests: actual } }],
})
const pod = (spec: object, status: object = {}, labels: object = {}) =>
  ({ metadata: { name: 'p', namespace: 'd', uid: 'p', labels }, spec, status }) as unknown as Pod

const level = (cpu: string) => ({ allocatedResources: { cpu }, resources: { requests: { cpu } } })
const small = asks({ cpu: '1' })

const placed: readonly (readonly [it: string, before: Pod, after: Pod, changes: readonly string[]])[] = [
  ['nothing', pod(small), pod(small), []],
  ['its phase', pod(small), pod(small, { phase: 'Running' }), []],
  ['other labels', pod(small), pod(small, {}, { a: 'b' }), ['labelsChanged']],
  ['more CPU', pod(asks({ cpu: '1' })), pod(asks({ cpu: '2' })), []],
  ['less CPU', pod(asks({ cpu: '2' })), pod(small), ['scaledDown']],
  ['less memory', pod(asks({ memory: '2Gi' })), pod(asks({ memory: '1Gi' })), ['scaledDown']],
  ['less of an extended resource', pod(asks({ 'a.b/gpu': '2' })), pod(asks({ 'a.b/gpu': '1' })), ['scaledDown']],
  ['nothing of one any more', pod(asks({ 'a.b/gpu': '2' })), pod(asks({})), ['scaledDown']],
  ['less local storage', pod(asks({ 'ephemeral-storage': '2Gi' })), pod(asks({})), ['scaledDown']],
  ['less CPU that is not taken away yet', pod(asks({ cpu: '2' }), has({ cpu: '2' })), pod(small, has({ cpu: '2' })), []],
  ['less CPU allocated, and not in force yet', pod(small, has({ cpu: '2' })), pod(small, has({ cpu: '1' }, { cpu: '2' })), []],
  ['the end of a resize to less', pod(small, has({ cpu: '1' }, { cpu: '2' })), pod(small, has({ cpu: '1' })), ['scaledDown']],
  ['the end of a resize to more', pod(small, has({ cpu: '1' })), pod(small, has({ cpu: '1' })), []],
  [
    'a resize that can never be',
    pod(asks({ cpu: '9' }), has({ cpu: '1' })),
    pod(asks({ cpu: '9' }), { ...has({ cpu: '1' }), conditions: [{ type: 'PodResizePending', reason: 'Infeasible' }] }),
    ['scaledDown'],
  ],
  [
    'the end of a resize of the pod as a whole',
    pod(asks({}, { resources: { requests: { cpu: '1' } } }), level('2')),
    pod(asks({}, { resources: { requests: { cpu: '1' } } }), level('1')),
    ['scaledDown'],
  ],
]

for (const [it, before, after, changes] of placed) {
  // The server shares what a write of the status leaves as it was.
  const sharing = JSON.stringify(before.spec) === JSON.stringify(after.spec) ? ({ ...after, spec: before.spec } as Pod) : after
  test(`podChanges() tells of ${it}`, () => assert.deepEqual(podChanges(before, sharing), changes))
}

const gated = { containers: [{ name: 'c' }], schedulingGates: [{ name: 'a' }, { name: 'b' }] }
const bare = { containers: [{ name: 'c' }] }

const own: readonly (readonly [it: string, before: Pod, after: Pod, changes: readonly string[]])[] = [
  ['an annotation', pod(bare), pod(bare), ['updated']],
  ['a toleration', pod(bare), pod({ ...bare, tolerations: [{ operator: 'Exists' }] }), ['tolerationsChanged', 'updated']],
  ['a gate that goes', pod(gated), pod({ ...gated, schedulingGates: [{ name: 'a' }] }), ['updated']],
  ['the last gate that goes', pod(gated), pod(bare), ['gatesEliminated', 'updated']],
  [
    'a claim that is made',
    pod(bare),
    pod(bare, { resourceClaimStatuses: [{ name: 'a', resourceClaimName: 'a-1' }] }),
    ['claimsGenerated', 'updated'],
  ],
  ['labels', pod(bare), pod(bare, {}, { a: 'b' }), ['labelsChanged', 'updated']],
  [
    'a smaller request',
    pod({ containers: [{ name: 'c', resources: { requests: { cpu: '2' } } }] }),
    pod({ containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] }),
    ['scaledDown', 'updated'],
  ],
]

for (const [it, before, after, changes] of own) {
  test(`ownChanges() tells of ${it}`, () => assert.deepEqual(ownChanges(before, after), changes))
}

const node = (over: { metadata?: object; spec?: object; status?: object }) =>
  ({ metadata: { name: 'n', ...over.metadata }, spec: over.spec ?? {}, status: over.status ?? {} }) as unknown as Node

const nodes: readonly (readonly [it: string, after: Node, changes: readonly string[]])[] = [
  ['nothing', node({}), []],
  ['its capacity', node({ status: { capacity: { cpu: '1' } } }), []],
  ['its room', node({ status: { allocatable: { cpu: '1' } } }), ['allocatableChanged']],
  ['labels', node({ metadata: { labels: { a: 'b' } } }), ['labelsChanged']],
  ['annotations', node({ metadata: { annotations: { a: 'b' } } }), ['annotationsChanged']],
  ['taints', node({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }), ['taintsChanged']],
  ['cordoning', node({ spec: { unschedulable: true } }), ['taintsChanged']],
  ['conditions', node({ status: { conditions: [{ type: 'Ready', status: 'True' }] } }), ['conditionsChanged']],
  ['features', node({ status: { declaredFeatures: ['A'] } }), ['declaredFeaturesChanged']],
]

for (const [it, after, changes] of nodes) {
  test(`nodeChanges() tells of ${it}`, () => assert.deepEqual(nodeChanges(node({}), after), changes))
}

test('nodeChanges() says nothing of heartbeats', () => {
  const beat = (lastHeartbeatTime: string) =>
    node({ status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }] } })
  assert.deepEqual(nodeChanges(beat('2026-01-01T00:00:00Z'), beat('2026-01-01T00:00:10Z')), [])
})
