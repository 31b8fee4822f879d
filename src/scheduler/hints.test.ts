/** Which events may cure whose rejection (upstream's `EventsToRegister` and queueing hints), as a table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Service } from '#api/core/v1/service.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { ClusterState } from './cluster-state.ts'
import type { ActionType } from './framework/plugin.ts'
import { nodeVolumeLimits } from './plugins/node-volume-limits.ts'
import { podTopologySpread } from './plugins/pod-topology-spread.ts'
import { defaultProfile } from './profiles.ts'

const pod = (spec: object = {}, more: object = {}) => ({
  metadata: { name: 'p', namespace: 'd', uid: 'p', labels: { app: 'web' }, ...more },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: '2' } } }], ...spec },
  status: {},
})
const placed = (spec: object = {}, more: object = {}) => pod({ nodeName: 'n', ...spec }, { uid: 'other', ...more })
const node = (more: { labels?: object; spec?: object; allocatable?: object } = {}) => ({
  metadata: { name: 'n', labels: { zone: 'a', ...more.labels } },
  spec: more.spec ?? {},
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10', ...more.allocatable } },
})
const taint = { taints: [{ key: 'k', effect: 'NoSchedule' }] }
const ports = (hostPort: number) => ({ containers: [{ name: 'c', ports: [{ hostPort, containerPort: 80, protocol: 'TCP' }] }] })
const rules = (side: string) => ({
  affinity: {
    [side]: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'db' } } }],
    },
  },
})
const spread = {
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } } },
  ],
}
const selecting = { nodeSelector: { disk: 'ssd' } }
const claiming = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'mine' } }] }
const db = { labels: { app: 'db' } }
const asking = (cpu: string) => ({ containers: [{ name: 'c', resources: { requests: { cpu } } }] })

const tokens = { volumes: [{ name: 't', projected: { sources: [] } }] }
const claim = (name: string) => ({ metadata: { name, namespace: 'd' } })
const limit = (count?: number) => ({
  metadata: {},
  spec: { drivers: count === undefined ? [] : [{ name: 'disks', nodeID: 'n', allocatable: { count } }] },
})
const room = (capacity: string) => ({ capacity })
const tells = (storageCapacity: boolean) => ({ spec: { storageCapacity } })
const migrated = { 'storage.alpha.kubernetes.io/migrated-plugins': 'kubernetes.io/aws-ebs' }
const volume = (zone: string) => ({ metadata: { labels: { 'topology.kubernetes.io/zone': zone } } })
const tolerant = { tolerations: [{ operator: 'Exists' }] }

type Case = readonly [
  plugin: string,
  it: string,
  waiting: object,
  kind: string,
  action: ActionType,
  change: Change,
  cures: boolean,
]

interface Change {
  readonly before?: object
  readonly after?: object
}

const declaring = (...declaredFeatures: string[]) => ({ ...node(), status: { ...node().status, declaredFeatures } })

const cases: readonly Case[] = [
  ['NodeDeclaredFeatures', 'a new node', pod(), 'Node', 'added', { after: declaring('A') }, true],
  [
    'NodeDeclaredFeatures',
    'a feature that comes',
    pod(),
    'Node',
    'declaredFeaturesChanged',
    { before: declaring(), after: declaring('A') },
    true,
  ],
  ['NodeName', 'a new node', pod(), 'Node', 'added', { after: node() }, true],
  ['NodeName', 'new labels', pod(), 'Node', 'labelsChanged', { before: node(), after: node() }, false],
  [
    'NodeUnschedulable',
    'uncordoning',
    pod(),
    'Node',
    'taintsChanged',
    { before: node({ spec: { unschedulable: true } }), after: node() },
    true,
  ],
  ['NodeUnschedulable', 'another taint', pod(), 'Node', 'taintsChanged', { before: node(), after: node({ spec: taint }) }, false],
  [
    'TaintToleration',
    'a taint that goes',
    pod(),
    'Node',
    'taintsChanged',
    { before: node({ spec: taint }), after: node() },
    true,
  ],
  [
    'TaintToleration',
    'a taint that comes',
    pod(),
    'Node',
    'taintsChanged',
    { before: node(), after: node({ spec: taint }) },
    false,
  ],
  ['TaintToleration', 'a new node with a taint', pod(), 'Node', 'added', { after: node({ spec: taint }) }, false],
  [
    'NodeAffinity',
    'the label wanted',
    pod(selecting),
    'Node',
    'labelsChanged',
    { before: node(), after: node({ labels: { disk: 'ssd' } }) },
    true,
  ],
  [
    'NodeAffinity',
    'another label',
    pod(selecting),
    'Node',
    'labelsChanged',
    { before: node(), after: node({ labels: { x: 'y' } }) },
    false,
  ],
  ['NodePorts', 'a pod with the port that goes', pod(ports(80)), 'Pod', 'deleted', { before: placed(ports(80)) }, true],
  ['NodePorts', 'a pod with another port', pod(ports(80)), 'Pod', 'deleted', { before: placed(ports(81)) }, false],
  ['NodeResourcesFit', 'a pod that goes', pod(), 'Pod', 'deleted', { before: placed() }, true],
  [
    'NodeResourcesFit',
    'a pod that asks for less',
    pod(),
    'Pod',
    'scaledDown',
    { before: placed(asking('3')), after: placed(asking('1')) },
    true,
  ],
  ['NodeResourcesFit', 'a pod that asks for as much', pod(), 'Pod', 'scaledDown', { before: placed(), after: placed() }, false],
  ['NodeResourcesFit', 'a large node', pod(), 'Node', 'added', { after: node() }, true],
  ['NodeResourcesFit', 'a small node', pod(), 'Node', 'added', { after: node({ allocatable: { cpu: '1' } }) }, false],
  [
    ...(['NodeResourcesFit', 'more of what is asked for', pod(), 'Node', 'allocatableChanged'] as const),
    ...([{ before: node({ allocatable: { cpu: '3' } }), after: node() }, true] as const),
  ],
  [
    ...(['NodeResourcesFit', 'more of something else', pod(), 'Node', 'allocatableChanged'] as const),
    ...([{ before: node({ allocatable: { memory: '4Gi' } }), after: node() }, false] as const),
  ],
  ['InterPodAffinity', 'a pod to be with', pod(rules('podAffinity')), 'Pod', 'added', { after: placed({}, db) }, true],
  ['InterPodAffinity', 'some other pod', pod(rules('podAffinity')), 'Pod', 'added', { after: placed() }, false],
  [
    'InterPodAffinity',
    'a pod to avoid that goes',
    pod(rules('podAntiAffinity')),
    'Pod',
    'deleted',
    { before: placed({}, db) },
    true,
  ],
  [
    'InterPodAffinity',
    'a pod to avoid that comes',
    pod(rules('podAntiAffinity')),
    'Pod',
    'added',
    { after: placed({}, db) },
    false,
  ],
  [
    ...(['InterPodAffinity', 'a node in another zone', pod(rules('podAntiAffinity')), 'Node', 'labelsChanged'] as const),
    ...([{ before: node(), after: node({ labels: { zone: 'b' } }) }, true] as const),
  ],
  [
    ...(['InterPodAffinity', 'labels that are no topology', pod(rules('podAntiAffinity')), 'Node', 'labelsChanged'] as const),
    ...([{ before: node(), after: node({ labels: { x: 'y' } }) }, false] as const),
  ],
  ['PodTopologySpread', 'a pod of the group', pod(spread), 'Pod', 'added', { after: placed() }, true],
  ['PodTopologySpread', 'a pod of another group', pod(spread), 'Pod', 'added', { after: placed({}, db) }, false],
  [
    'PodTopologySpread',
    'a pod of another namespace',
    pod(spread),
    'Pod',
    'deleted',
    { before: placed({}, { namespace: 'e' }) },
    false,
  ],
  [
    'PodTopologySpread',
    'a node without a zone',
    pod(spread),
    'Node',
    'added',
    { after: node({ labels: { zone: undefined } }) },
    false,
  ],
  ['PodTopologySpread', 'a node with one', pod(spread), 'Node', 'added', { after: node() }, true],
  ['VolumeRestrictions', 'its user goes', pod(claiming), 'Pod', 'deleted', { before: placed(claiming) }, true],
  ['VolumeRestrictions', 'a pod without volumes goes', pod(claiming), 'Pod', 'deleted', { before: placed() }, false],
  [
    ...(['VolumeRestrictions', "another's claim", pod(claiming), 'PersistentVolumeClaim', 'updated'] as const),
    ...([{ after: { metadata: { name: 'other', namespace: 'd' } } }, false] as const),
  ],
  ['NodeVolumeLimits', 'a pod without volumes that goes', pod(claiming), 'Pod', 'deleted', { before: placed() }, false],
  ['NodeVolumeLimits', 'a pod with tokens that goes', pod(claiming), 'Pod', 'deleted', { before: placed(tokens) }, false],
  ['NodeVolumeLimits', 'a pod with volumes that goes', pod(claiming), 'Pod', 'deleted', { before: placed(claiming) }, true],
  ['NodeVolumeLimits', 'a greater limit', pod(claiming), 'CSINode', 'updated', { before: limit(1), after: limit(2) }, true],
  ['NodeVolumeLimits', 'a limit that is gone', pod(claiming), 'CSINode', 'updated', { before: limit(1), after: limit() }, true],
  ['NodeVolumeLimits', 'a smaller limit', pod(claiming), 'CSINode', 'updated', { before: limit(2), after: limit(1) }, false],
  ['NodeVolumeLimits', 'its claim', pod(claiming), 'PersistentVolumeClaim', 'added', { after: claim('mine') }, true],
  ['NodeVolumeLimits', "another's claim", pod(claiming), 'PersistentVolumeClaim', 'added', { after: claim('other') }, false],
  ['VolumeBinding', 'its claim', pod(claiming), 'PersistentVolumeClaim', 'updated', { after: claim('mine') }, true],
  ['VolumeBinding', "another's claim", pod(claiming), 'PersistentVolumeClaim', 'added', { after: claim('other') }, false],
  [
    ...(['VolumeBinding', 'a claim of another namespace', pod(claiming), 'PersistentVolumeClaim', 'added'] as const),
    ...([{ after: { metadata: { name: 'mine', namespace: 'e' } } }, false] as const),
  ],
  ['VolumeBinding', 'a new class', pod(claiming), 'StorageClass', 'added', { after: { allowedTopologies: [] } }, true],
  [
    ...(['VolumeBinding', 'other topologies', pod(claiming), 'StorageClass', 'updated'] as const),
    ...([{ before: {}, after: { allowedTopologies: [] } }, true] as const),
  ],
  ['VolumeBinding', 'other words of a class', pod(claiming), 'StorageClass', 'updated', { before: {}, after: {} }, false],
  [
    'VolumeBinding',
    'more capacity',
    pod(claiming),
    'CSIStorageCapacity',
    'updated',
    { before: room('1Gi'), after: room('2Gi') },
    true,
  ],
  [
    ...(['VolumeBinding', 'less capacity', pod(claiming), 'CSIStorageCapacity', 'updated'] as const),
    ...([{ before: room('2Gi'), after: room('1Gi') }, false] as const),
  ],
  [
    ...(['VolumeBinding', 'larger volumes', pod(claiming), 'CSIStorageCapacity', 'updated'] as const),
    ...([
      { before: { ...room('9Gi'), maximumVolumeSize: '1Gi' }, after: { ...room('9Gi'), maximumVolumeSize: '2Gi' } },
      true,
    ] as const),
  ],
  [
    'VolumeBinding',
    'a driver that tells of room',
    pod(claiming),
    'CSIDriver',
    'updated',
    { before: tells(false), after: tells(true) },
    false,
  ],
  [
    ...(['VolumeBinding', 'a driver that tells of none any more', pod(claiming), 'CSIDriver', 'updated'] as const),
    ...([{ before: tells(true), after: tells(false) }, true] as const),
  ],
  ['VolumeBinding', 'a driver that comes', pod(claiming), 'CSINode', 'updated', { before: limit(), after: limit(1) }, false],
  [
    ...(['VolumeBinding', 'plugins that migrate', pod(claiming), 'CSINode', 'updated'] as const),
    ...([{ before: limit(), after: { metadata: { annotations: migrated } } }, true] as const),
  ],
  [
    ...(['VolumeZone', 'a class that waits for pods', pod(claiming), 'StorageClass', 'added'] as const),
    ...([{ after: { volumeBindingMode: 'WaitForFirstConsumer' } }, true] as const),
  ],
  [
    'VolumeZone',
    'a class that does not',
    pod(claiming),
    'StorageClass',
    'added',
    { after: { volumeBindingMode: 'Immediate' } },
    false,
  ],
  ['VolumeZone', 'its claim', pod(claiming), 'PersistentVolumeClaim', 'updated', { after: claim('mine') }, true],
  ['VolumeZone', "another's claim", pod(claiming), 'PersistentVolumeClaim', 'updated', { after: claim('other') }, false],
  ['VolumeZone', 'a new volume', pod(claiming), 'PersistentVolume', 'added', { after: volume('a') }, true],
  [
    'VolumeZone',
    'a volume in another zone',
    pod(claiming),
    'PersistentVolume',
    'updated',
    { before: volume('a'), after: volume('b') },
    true,
  ],
  [
    'VolumeZone',
    'a volume that is as it was',
    pod(claiming),
    'PersistentVolume',
    'updated',
    { before: volume('a'), after: volume('a') },
    false,
  ],
  ['VolumeZone', 'new labels of a node', pod(claiming), 'Node', 'labelsChanged', { before: node(), after: node() }, true],
  ['SchedulingGates', 'its last gate that goes', pod(), 'Pod', 'gatesEliminated', { after: pod() }, true],
  ['DynamicResources', 'claims that are made for it', pod(), 'Pod', 'claimsGenerated', { after: pod() }, true],
  ['TaintToleration', 'a toleration of its own', pod(), 'Pod', 'tolerationsChanged', { after: pod() }, true],
  ['NodeUnschedulable', 'a toleration of something else', pod(), 'Pod', 'tolerationsChanged', { after: pod() }, false],
  ['NodeUnschedulable', 'a toleration of all', pod(tolerant), 'Pod', 'tolerationsChanged', { after: pod(tolerant) }, true],
  ['NodeResourcesFit', 'asking for less itself', pod(), 'Pod', 'scaledDown', { before: pod(asking('3')), after: pod() }, true],
  [
    'InterPodAffinity',
    'new labels of its own',
    pod(rules('podAffinity')),
    'Pod',
    'labelsChanged',
    { before: pod(), after: pod() },
    true,
  ],
  ['PodTopologySpread', 'new labels of its own', pod(spread), 'Pod', 'labelsChanged', { before: pod(), after: pod() }, true],
]

function mayCure([plugin, , waiting, kind, action, { before, after }]: Case): boolean {
  const cures = defaultProfile.find((one) => one.plugin.name === plugin)?.plugin.requeueOn ?? []
  return cures.some((cure) => {
    return cure.kind.kind === kind && cure.when.includes(action) && (cure.helps?.(waiting as never, before, after) ?? true)
  })
}

for (const one of cases) {
  const [plugin, it, , , , , cures] = one
  test(`${plugin} ${cures ? 'is' : 'is not'} cured by ${it}`, () => assert.equal(mayCure(one), cures))
}

test('NodeVolumeLimits is cured by the detachment of a volume of the same driver alone', () => {
  const state = new ClusterState()
  const class_ = { metadata: { name: 'fast' }, provisioner: 'disks' }
  state.objects.set(StorageClass, class_ as unknown as StorageClass)
  const mine = { ...claim('mine'), spec: { storageClassName: 'fast' }, status: {} }
  state.objects.set(PersistentVolumeClaim, mine as unknown as PersistentVolumeClaim)
  const cure = nodeVolumeLimits.requeueOn.find(({ kind }) => kind.kind === 'VolumeAttachment')
  const helps = (attacher: string) => cure?.helps?.(pod(claiming) as never, { spec: { attacher } }, undefined, state)
  assert.deepEqual([helps('disks'), helps('others')], [true, false])
})

test('PodTopologySpread is cured by pods that the default constraints of the profile are about', () => {
  const defaultConstraints = [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' as const }]
  const plugin = podTopologySpread({ defaultingType: 'List', defaultConstraints })
  const state = new ClusterState()
  const service = { metadata: { name: 's', namespace: 'd' }, spec: { selector: { app: 'web' } } }
  state.objects.set(Service, service as unknown as Service)
  const helps = (kind: string, before: object) =>
    plugin.requeueOn.find((cure) => cure.kind.kind === kind)?.helps?.(pod() as never, before, undefined, state)
  assert.equal(helps('Pod', placed()), true)
  assert.equal(helps('Pod', placed({}, db)), false)
  assert.equal(helps('Node', node()), true)
  assert.equal(helps('Node', node({ labels: { zone: undefined } })), false)
})
