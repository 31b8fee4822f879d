/** Which events may cure whose rejection (upstream's `EventsToRegister` and queueing hints), as a table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActionType } from './framework/plugin.ts'
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
  ['NodeVolumeLimits', 'a pod without volumes goes', pod(claiming), 'Pod', 'deleted', { before: placed() }, false],
  [
    ...(['VolumeBinding', 'a claim of another namespace', pod(claiming), 'PersistentVolumeClaim', 'added'] as const),
    ...([{ after: { metadata: { name: 'mine', namespace: 'e' } } }, false] as const),
  ],
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
