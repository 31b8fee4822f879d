/** What DynamicResources says of pods and nodes, and what it gives up for a pod that fits nowhere: one row, one promise. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { formatTime } from '#lib/clock.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { KubeObject } from '#schema/kind.ts'
import { ClusterState } from '../cluster-state.ts'
import type { Plugin, Verdicts } from '../framework/plugin.ts'
import { prepareRun, verdictOf } from '../run.ts'
import { type DynamicResourcesArgs, dynamicResources } from './dynamic-resources.ts'

const driver = 'd.io'
const clock = new VirtualClock()
const secondsAgo = (seconds: number) => formatTime(clock.now() - seconds * 1000)

interface Row {
  readonly it: string
  readonly pod?: object
  readonly podStatus?: object
  readonly claims?: readonly object[]
  readonly assumed?: readonly object[]
  readonly slices?: readonly object[]
  readonly classes?: readonly object[]
  readonly args?: DynamicResourcesArgs
  /** Of each node that does not fit what is said; `*`: of the pod, whatever the node. */
  readonly says?: Readonly<Record<string, string>>
  /** Where no node fits: what is done about it. */
  readonly does?: string
}

const uses = (...names: string[]) => ({ resourceClaims: names.map((name) => ({ name, resourceClaimName: name })) })
const fromTemplate = { resourceClaims: [{ name: 'd', resourceClaimTemplateName: 't' }] }
const made = { resourceClaimStatuses: [{ name: 'd', resourceClaimName: 'made' }] }
const exactly = (more: object = {}) => [{ name: 'r', exactly: { deviceClassName: 'gpu', ...more } }]
const claim = (
  name: string,
  status: object = {},
  { requests = exactly(), ...metadata }: { requests?: object[] } & object = {},
) => ({
  metadata: { name, namespace: 'n', uid: name, resourceVersion: '1', ...metadata },
  spec: { devices: { requests } },
  status,
})
const onNode = (name: string) => ({
  nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
})
const user = (name: string) => ({ resource: 'pods', name, uid: name })
const given = (node: string | undefined, more: object = {}, ...users: string[]) => ({
  allocation: {
    devices: { results: [{ request: 'r', driver, pool: node ?? 'a', device: 'one', ...more }] },
    ...(node && { nodeSelector: onNode(node) }),
    allocationTimestamp: secondsAgo(60),
  },
  reservedFor: users.map(user),
})
const slow = { bindingConditions: ['Attached'], bindingFailureConditions: ['Failed'] }
const said = (type: string) => ({ devices: [{ driver, pool: 'a', device: 'one', conditions: [{ type, status: 'True' }] }] })
const none = 'cannot allocate all claims'
const away = 'resourceclaim not available on the node'
const everywhere = (text: string) => ({ a: text, b: text })
const still = 'still not schedulable'
const gone = 'deallocation of ResourceClaim completed'

const rows: readonly Row[] = [
  { it: 'has nothing to say of pods without claims', pod: {} },
  { it: 'takes nodes that have a device', claims: [claim('c')], slices: [pool('a')], says: { b: none }, does: still },
  { it: 'waits for a claim', says: { '*': 'could not find ResourceClaim "n/c"' } },
  {
    it: 'waits for the claim of a template',
    pod: fromTemplate,
    says: { '*': 'pod "n/p": ResourceClaim not created yet' },
  },
  {
    it: 'leaves out what needs no claim after all',
    pod: fromTemplate,
    podStatus: { resourceClaimStatuses: [{ name: 'd' }] },
  },
  {
    it: 'takes the claim that was made for the pod',
    ...{ pod: fromTemplate, podStatus: made, slices: [pool('a'), pool('b')] },
    claims: [claim('made', {}, { ownerReferences: [{ uid: 'p', controller: true }] } as object)],
  },
  {
    it: 'takes no claim of that name that was made for another pod',
    ...{ pod: fromTemplate, podStatus: made },
    claims: [claim('made', {}, { ownerReferences: [{ uid: 'other', controller: true }] } as object)],
    says: { '*': 'ResourceClaim n/made was not created for pod n/p (pod is not owner)' },
  },
  {
    it: 'takes no claim that is being deleted',
    claims: [claim('c', {}, { deletionTimestamp: secondsAgo(1) } as object)],
    says: { '*': 'resourceclaim "c" is being deleted' },
  },
  {
    it: 'takes no claim that has all the users it can have',
    claims: [claim('c', given('a', {}, ...Array.from({ length: 256 }, (_, i) => `u${i}`)))],
    says: { '*': 'resourceclaim in use' },
  },
  {
    it: 'takes it where the pod is one of them',
    claims: [claim('c', given(undefined, {}, 'p', ...Array.from({ length: 255 }, (_, i) => `u${i}`)))],
  },
  {
    it: 'waits for a class',
    claims: [claim('c', {}, { requests: exactly({ deviceClassName: 'none' }) })],
    says: { '*': 'request r: device class none does not exist' },
  },
  {
    it: 'waits for the class of any alternative',
    claims: [
      claim(
        'c',
        {},
        {
          requests: [
            {
              name: 'r',
              firstAvailable: [
                { name: 'x', deviceClassName: 'gpu' },
                { name: 'y', deviceClassName: 'none' },
              ],
            },
          ],
        },
      ),
    ],
    says: { '*': 'request r/y: device class none does not exist' },
  },
  {
    it: 'waits for a claim that another pod is about to allocate',
    claims: [claim('c')],
    assumed: [claim('c', given('a', {}, 'other'))],
    says: { '*': 'resource claim n/c is in the process of being allocated' },
  },
  {
    it: 'takes a claim whose allocation is written and not seen yet',
    claims: [claim('c')],
    assumed: [claim('c', given('a', {}, 'other'), { resourceVersion: '2' } as object)],
    ...{ says: { b: away }, does: still },
  },
  { it: 'goes where the devices are', claims: [claim('c', given('a', {}, 'other'))], says: { b: away }, does: still },
  {
    it: 'gives devices in the wrong place back that nobody else uses',
    ...{ pod: uses('c', 'd'), claims: [claim('c', given('a')), claim('d', given('b'))] },
    ...{ says: everywhere(away), does: gone },
  },
  {
    it: 'gives nothing back where other devices are missing, too',
    ...{ pod: uses('c', 'd'), claims: [claim('c', given('a')), claim('d')], slices: [pool('a')] },
    ...{ says: everywhere(none), does: still },
  },
  {
    it: 'gives back what cannot be used where the rest could be had',
    ...{ pod: uses('c', 'd'), claims: [claim('c', given('a')), claim('d')], slices: [pool('b')] },
    ...{ says: { a: none, b: away }, does: gone },
  },
  { it: 'takes a claim whose devices are being prepared', claims: [claim('c', given(undefined, slow, 'p'))] },
  { it: 'takes a claim whose devices are ready', claims: [claim('c', { ...given(undefined, slow), ...said('Attached') })] },
  {
    it: 'gives devices back that could not be prepared',
    claims: [claim('c', { ...given(undefined, slow, 'p'), ...said('Failed') })],
    ...{ says: everywhere(away), does: gone },
  },
  {
    it: 'gives devices back that were not ready in time',
    claims: [claim('c', given(undefined, slow, 'p'))],
    args: { bindingTimeout: '59s' },
    ...{ says: everywhere(away), does: gone },
  },
  {
    it: 'gives nothing back that others wait for, too',
    claims: [claim('c', { ...given(undefined, slow, 'p', 'other'), ...said('Failed') })],
    ...{ says: everywhere(away), does: still },
  },
  {
    it: 'fails where all devices of a pool are asked for that is being updated',
    claims: [claim('c', {}, { requests: exactly({ allocationMode: 'All' }) })],
    slices: [pool('a', { resourceSliceCount: 2 })],
    says: {
      a: 'error: claim n/c, request r: asks for all devices, but resource pool d.io/a is currently being updated',
      b: none,
    },
    does: still,
  },
  {
    it: 'fails where a selector cannot be read',
    claims: [claim('c')],
    classes: [{ metadata: { name: 'gpu' }, spec: { selectors: [{ cel: { expression: 'device.attributes["x"].y' } }] } }],
    slices: [pool('a')],
    says: { a: 'error: class gpu: selector #0: CEL runtime error: no such key: y', b: none },
    does: still,
  },
  {
    it: 'takes a device plugin for extended resources, where the node has one',
    ...{ pod: asking('example.com/gpu'), slices: [pool('b')] },
    classes: [{ metadata: { name: 'gpu' }, spec: { extendedResourceName: 'example.com/gpu' } }],
  },
  {
    it: 'deletes what an earlier try has made for extended resources',
    ...{ pod: asking('example.com/gpu') },
    classes: [{ metadata: { name: 'gpu' }, spec: { extendedResourceName: 'example.com/gpu' } }],
    claims: [
      claim('left', {}, {
        ownerReferences: [{ uid: 'p', controller: true, kind: 'Pod', name: 'p' }],
        annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
      } as object),
    ],
    says: everywhere('cannot schedule extended resource claim'),
    does: 'deletion of ResourceClaim completed',
  },
]

function pool(node: string, { resourceSliceCount = 1 } = {}) {
  const spec = { driver, nodeName: node, pool: { name: node, generation: 1, resourceSliceCount }, devices: [{ name: 'one' }] }
  return { metadata: { name: node }, spec }
}

function asking(resource: string) {
  return { containers: [{ name: 'c', image: 'i', resources: { requests: { [resource]: '1' }, limits: { [resource]: '1' } } }] }
}

for (const row of rows) {
  test(`DynamicResources ${row.it}`, () => {
    const found = look(row)
    assert.deepEqual(found.says, row.says ?? {})
    assert.equal(found.does, row.does)
  })
}

function look({ pod = uses('c'), podStatus = {}, classes = [{ metadata: { name: 'gpu' }, spec: {} }], args, ...objects }: Row) {
  const state = new ClusterState()
  for (const one of classes) state.objects.set(DeviceClass, one as KubeObject)
  for (const one of objects.claims ?? []) state.objects.set(ResourceClaim, one as KubeObject)
  for (const one of objects.assumed ?? []) state.objects.assume(ResourceClaim, one as ResourceClaim)
  for (const one of objects.slices ?? []) state.objects.set(ResourceSlice, one as KubeObject)
  for (const name of ['a', 'b']) {
    const allocatable = { cpu: '4', ...(name === 'a' && { 'example.com/gpu': '1' }) }
    state.setNode({ metadata: { name, labels: {} }, spec: {}, status: { allocatable } } as unknown as Node)
  }
  const plugin: Plugin = dynamicResources(args, { clock })
  const containers = [{ name: 'c', image: 'i' }]
  const subject = { metadata: { name: 'p', namespace: 'n', uid: 'p' }, spec: { containers, ...pod }, status: podStatus }
  const run = prepareRun(subject as unknown as Pod, state, { profile: [{ plugin, weight: 0 }] })
  if (run.reject) return { says: { '*': run.reject.rejection.message }, does: undefined }
  const says: Record<string, string> = {}
  for (const node of state.nodes) {
    const rejection = verdictOf(run, node)?.rejection
    if (rejection) says[node.name] = `${rejection.error ? 'error: ' : ''}${rejection.message}`
  }
  const cycle = run.running[0]?.cycle
  assert.ok(cycle)
  const does = Object.keys(says).length > 0 ? plugin.postFilter?.(cycle, {} as Verdicts)?.message : undefined
  return { says, does }
}
