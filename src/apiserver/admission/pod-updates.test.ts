/** What nodes allow running pods to become: PodResizeValidator and NodeDeclaredFeatureValidator. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { listerOf } from '#testing/lister.ts'
import { nodeDeclaredFeatureValidator } from './node-declared-feature-validator.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { podResizeValidator } from './pod-resize-validator.ts'

const allocatable = { cpu: '2', memory: '1Gi' }
const node = (os: string | undefined, status: object = {}) => ({
  metadata: { name: 'n1', ...(os && { labels: { 'kubernetes.io/os': os } }) },
  status: { allocatable, ...status },
})

const containers = (cpu: string, memory = '100Mi') => [{ name: 'a', image: 'i', resources: { requests: { cpu, memory } } }]

interface Case {
  readonly says?: string
  readonly node?: object | null
  readonly spec?: object
  readonly old?: object
  readonly subresource?: string
  readonly isSame?: boolean
  readonly reason?: string
}

/** The refusal's text and the reason of its cause; undefined where there is none. */
function refusal(plugin: AdmissionPlugin, { node: given = node('linux'), spec = {}, old = {}, isSame = false }: Case) {
  const podOf = (own: object, generation: number) => ({
    metadata: { name: 'web', namespace: 'default', generation },
    spec: { nodeName: 'n1', containers: containers('1'), ...own },
  })
  const request = {
    ...{ kind: Pod, operation: 'UPDATE', subresource: 'resize', namespace: 'default', name: 'web' },
    ...{ object: podOf(spec, isSame ? 1 : 2), old: podOf(old, 1) },
  } as unknown as AdmissionRequest
  try {
    plugin.validate?.(request, { lister: listerOf([Node, given ? [given] : []]) } as unknown as AdmissionContext)
    return undefined
  } catch (error) {
    const { message, code, details } = error as { message: string; code: number; details?: { causes?: { reason: string }[] } }
    assert.equal(code, 403)
    return { says: message.replace('pods "web" is forbidden: ', ''), reason: details?.causes?.[0]?.reason }
  }
}

const lacks = "Node didn't have enough allocatable resources: "

const resizes: readonly (Case & { readonly name: string })[] = [
  { name: 'what fits', spec: { containers: containers('2') } },
  { name: 'what is not bound', spec: { nodeName: '', containers: containers('9') } },
  { name: 'what did not change', spec: { containers: containers('9') }, isSame: true },
  {
    ...{ name: 'too much of one', spec: { containers: containers('2001m') }, reason: 'NodeCapacity' },
    says: `${lacks}cpu, requested: 2001, allocatable: 2000`,
  },
  {
    ...{ name: 'too much of both', spec: { containers: containers('3', '2Gi') }, reason: 'NodeCapacity' },
    says: `${lacks}cpu, requested: 3000, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824`,
  },
  {
    ...{ name: 'the pod as a whole', spec: { resources: { requests: { cpu: '4' } } }, reason: 'NodeCapacity' },
    says: `${lacks}cpu, requested: 4000, allocatable: 2000`,
  },
  {
    ...{ name: 'a node of another system', node: node('windows'), reason: 'UnsupportedPlatform' },
    says: 'pod resize is only supported on linux nodes, node "n1" is "windows"',
  },
  {
    ...{ name: 'a node without a label', node: node(undefined), reason: 'UnsupportedPlatform' },
    says: 'pod resize is only supported on linux nodes, node "n1" is ""',
  },
  { name: 'no node', node: null, says: 'node "n1" not found' },
]
for (const { name, says, reason, ...given } of resizes) {
  test(`PodResizeValidator ${says ? 'refuses' : 'passes over'} ${name}`, () => {
    assert.deepEqual(refusal(podResizeValidator, given), says && { says, reason })
  })
}

const init = (cpu: string, restartPolicy?: string) => ({
  initContainers: [{ ...containers(cpu)[0], name: 'i', ...(restartPolicy && { restartPolicy }) }],
})
const whole = (cpu: string) => ({ resources: { requests: { cpu } } })
const [ofPods, ofInits] = ['InPlacePodLevelResourcesVerticalScaling', 'InPlacePodVerticalScalingInitContainers']
const unavailable = (features: string) => `pod update requires features ${features} which are not available on node "n1"`

const updates: readonly (Case & { readonly name: string })[] = [
  { name: 'what needs no feature', spec: { containers: containers('2') } },
  { name: 'a sidecar', old: init('1', 'Always'), spec: init('2', 'Always') },
  { name: 'an init container', old: init('1'), spec: init('2'), says: unavailable(ofInits) },
  { name: 'resources of the pod', old: whole('1'), spec: whole('2'), says: unavailable(ofPods) },
  {
    ...{ name: 'both', old: { ...init('1'), ...whole('1') }, spec: { ...init('2'), ...whole('2') } },
    says: unavailable(`${ofPods}, ${ofInits}`),
  },
  {
    ...{ name: 'one of two', old: { ...init('1'), ...whole('1') }, spec: { ...init('2'), ...whole('2') } },
    ...{ node: node('linux', { declaredFeatures: [ofPods] }), says: unavailable(ofInits) },
  },
  {
    ...{ name: 'both, where they are declared', old: { ...init('1'), ...whole('1') }, spec: { ...init('2'), ...whole('2') } },
    node: node('linux', { declaredFeatures: [ofPods, ofInits] }),
  },
  { name: 'what is not bound', old: whole('1'), spec: { ...whole('2'), nodeName: '' } },
  { name: 'no node', old: whole('1'), spec: whole('2'), node: null, says: 'node "n1" not found' },
]
for (const { name, says, ...given } of updates) {
  test(`NodeDeclaredFeatureValidator ${says ? 'refuses' : 'passes over'} ${name}`, () => {
    assert.deepEqual(refusal(nodeDeclaredFeatureValidator, given), says && { says, reason: undefined })
  })
}

test('they look at pods and their resizing alone', () => {
  const place = (subresource: string, operation: AdmissionRequest['operation'] = 'UPDATE', kind: any = Pod) =>
    [podResizeValidator, nodeDeclaredFeatureValidator].map((plugin) => plugin.handles({ kind, operation, subresource }))
  assert.deepEqual(place('resize'), [true, true])
  assert.deepEqual(place(''), [false, true])
  assert.deepEqual(place('status'), [false, false])
  assert.deepEqual(place('', 'CREATE'), [false, false])
  assert.deepEqual(place('', 'UPDATE', Node), [false, false])
})
