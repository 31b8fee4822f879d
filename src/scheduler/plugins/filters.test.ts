/** What each plugin says of nodes, by the documented semantics: one row, one promise. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { CSIStorageCapacity } from '#api/storage/v1/csi-storage-capacity.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { ClusterState } from '../cluster-state.ts'
import { type PluginArgs, plugins } from '../profiles.ts'
import { prepareRun, reasonsOf, verdictOf } from '../run.ts'

type Thing = readonly [kind: Kind, object: object]

interface Row {
  readonly it: string
  readonly pod?: object
  readonly labels?: Record<string, string>
  /** By name, with what is laid over the usual; default `a` and `b`. */
  readonly nodes?: Readonly<Record<string, Over>>
  /** Pods that run: the node's name first. */
  readonly running?: readonly (readonly [node: string, spec: object, labels?: Record<string, string>, metadata?: object])[]
  readonly objects?: readonly Thing[]
  readonly args?: PluginArgs
  /** Of each node that does not fit what is said; `*`: of the pod, whatever the node. */
  readonly says?: Readonly<Record<string, string>>
}

interface Over {
  readonly labels?: Record<string, string>
  readonly spec?: object
  readonly allocatable?: Record<string, string>
  readonly status?: object
}

const asks = (requests: Record<string, string>, more: object = {}) => ({
  containers: [{ name: 'c', image: 'i', resources: { requests } }],
  ...more,
})
const inZones = { a: { labels: { zone: 'x' } }, b: { labels: { zone: 'y' } } }

const unschedulable: readonly Row[] = [
  {
    it: 'keeps pods off cordoned nodes',
    nodes: { a: { spec: { unschedulable: true } }, b: {} },
    says: { a: 'node(s) were unschedulable' },
  },
  {
    it: 'lets those in that tolerate the taint of a cordoned node',
    pod: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }] },
    nodes: { a: { spec: { unschedulable: true } } },
  },
]

const nodeName: readonly Row[] = [
  { it: 'keeps a pod to the node it names', pod: { nodeName: 'b' }, says: { a: "node(s) didn't match the requested node name" } },
]

const taint = (effect: string, value?: string) => ({ spec: { taints: [{ key: 'k', effect, ...(value && { value }) }] } })
const tainted = 'node(s) had untolerated taint(s)'

const taints: readonly Row[] = [
  {
    it: 'minds NoSchedule and NoExecute, not PreferNoSchedule',
    nodes: { a: taint('NoSchedule'), b: taint('NoExecute'), c: taint('PreferNoSchedule') },
    says: { a: tainted, b: tainted },
  },
  {
    it: 'compares value and effect of a toleration',
    pod: { tolerations: [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }] },
    nodes: { a: taint('NoSchedule', 'v'), b: taint('NoSchedule', 'w'), c: taint('NoExecute', 'v') },
    says: { b: tainted, c: tainted },
  },
  {
    it: 'takes a toleration without key for all',
    pod: { tolerations: [{ operator: 'Exists' }] },
    nodes: { a: taint('NoSchedule', 'v'), b: taint('NoExecute') },
  },
]

const required = (...terms: object[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
})
const expression = (key: string, operator: string, ...values: string[]) => ({
  key,
  operator,
  ...(values.length > 0 && { values }),
})
const mismatch = "node(s) didn't match Pod's node affinity/selector"

const affinity: readonly Row[] = [
  { it: 'wants every label of the selector', pod: { nodeSelector: { zone: 'x' } }, nodes: inZones, says: { b: mismatch } },
  {
    it: 'wants one of the terms, and of it every rule',
    pod: required(
      { matchExpressions: [expression('zone', 'In', 'x'), expression('disk', 'Exists')] },
      { matchExpressions: [expression('size', 'Gt', '3')] },
    ),
    nodes: {
      a: { labels: { zone: 'x', disk: 'ssd' } },
      b: { labels: { zone: 'x' } },
      c: { labels: { size: '4' } },
      d: { labels: { size: '3' } },
    },
    says: { b: mismatch, d: mismatch },
  },
  {
    it: 'takes NotIn and DoesNotExist for fulfilled where there is no such label',
    pod: required({ matchExpressions: [expression('zone', 'NotIn', 'x'), expression('gpu', 'DoesNotExist')] }),
    nodes: { a: { labels: { zone: 'x' } }, b: {}, c: { labels: { gpu: 'yes' } } },
    says: { a: mismatch, c: mismatch },
  },
  { it: 'matches nothing with an empty term', pod: required({}), says: { a: mismatch, b: mismatch } },
  {
    it: "holds the profile's own rules against every pod",
    nodes: inZones,
    args: {
      NodeAffinity: {
        addedAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['y'] }] }],
          },
        },
      },
    },
    says: { a: "node(s) didn't match scheduler-enforced node affinity" },
  },
  {
    it: 'says so of fields that contradict each other',
    pod: required({ matchFields: [expression('metadata.name', 'In', 'a'), expression('metadata.name', 'In', 'b')] }),
    says: { '*': 'pod affinity terms conflict' },
  },
]

const port = (hostPort: number, more: object = {}) => ({
  containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort, ...more }] }],
})
const taken = "node(s) didn't have free ports for the requested pod ports"

const ports: readonly Row[] = [
  { it: 'keeps host ports apart', pod: port(80), running: [['a', port(80)]], says: { a: taken } },
  { it: 'tells protocols apart', pod: port(80, { protocol: 'UDP' }), running: [['a', port(80)]] },
  {
    it: 'tells addresses apart, unless either is all of them',
    pod: port(80, { hostIP: '10.0.0.1' }),
    nodes: { a: {}, b: {}, c: {} },
    running: [
      ['a', port(80, { hostIP: '10.0.0.2' })],
      ['b', port(80, { hostIP: '0.0.0.0' })],
      ['c', port(80, { hostIP: '10.0.0.1' })],
    ],
    says: { b: taken, c: taken },
  },
  {
    it: 'counts the ports of sidecars and not those of other init containers',
    pod: port(80),
    running: [
      ['a', { containers: [{ name: 'c' }], initContainers: [{ name: 's', restartPolicy: 'Always', ...port(80).containers[0] }] }],
      ['b', { containers: [{ name: 'c' }], initContainers: [{ ...port(80).containers[0], name: 'i' }] }],
    ],
    says: { a: taken },
  },
]

const resources: readonly Row[] = [
  {
    it: 'names all that is missing',
    pod: asks({ cpu: '5', memory: '9Gi', 'example.com/gpu': '1' }),
    nodes: { a: {}, b: { allocatable: { cpu: '8', memory: '16Gi', 'example.com/gpu': '1' } } },
    says: { a: 'Insufficient cpu, Insufficient memory, Insufficient example.com/gpu' },
  },
  {
    it: 'counts what pods ask for that run, not what they use',
    pod: asks({ cpu: '2' }),
    running: [
      ['a', asks({ cpu: '3' })],
      ['b', asks({ cpu: '2' })],
    ],
    says: { a: 'Insufficient cpu' },
  },
  { it: 'counts pods', nodes: { a: { allocatable: { pods: '1' } } }, running: [['a', {}]], says: { a: 'Too many pods' } },
  {
    it: 'takes the largest init container where it needs more than all others together',
    pod: asks({ cpu: '1' }, { initContainers: [{ name: 'i', resources: { requests: { cpu: '5' } } }] }),
    says: { a: 'Insufficient cpu', b: 'Insufficient cpu' },
  },
  {
    it: 'adds sidecars to the containers and to the init containers behind them',
    pod: asks(
      { cpu: '1' },
      {
        initContainers: [
          { name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '2' } } },
          { name: 'i', resources: { requests: { cpu: '3' } } },
        ],
      },
    ),
    nodes: { a: {}, b: { allocatable: { cpu: '5' } } },
    says: { a: 'Insufficient cpu' },
  },
  {
    it: 'adds the overhead',
    pod: asks({ cpu: '4' }, { overhead: { cpu: '1m' } }),
    says: { a: 'Insufficient cpu', b: 'Insufficient cpu' },
  },
  {
    it: 'goes by what the pod asks for as a whole, where it does',
    pod: asks({ cpu: '1' }, { resources: { requests: { cpu: '5' } } }),
    says: { a: 'Insufficient cpu', b: 'Insufficient cpu' },
  },
  {
    it: 'leaves ignored resources to others',
    pod: asks({ 'example.com/gpu': '1', 'foreign.io/a': '1' }),
    nodes: { a: {} },
    args: { NodeResourcesFit: { ignoredResources: ['example.com/gpu'], ignoredResourceGroups: ['foreign.io'] } },
  },
]

const disk = (spec: object) => ({ volumes: [{ name: 'v', ...spec }] })
const using = (...claims: string[]) => ({
  volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
})
const claim = (name: string, spec: object = {}, metadata: object = {}): Thing => [
  PersistentVolumeClaim,
  {
    metadata: { name, namespace: 'd', uid: name, ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    status: { phase: 'Pending' },
  },
]
const bound = (name: string, volumeName: string, spec: object = {}): Thing =>
  claim(name, { volumeName, ...spec }, { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } })
const volume = (name: string, spec: object = {}, labels: Record<string, string> = {}): Thing => [
  PersistentVolume,
  {
    metadata: { name, labels },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...spec },
    status: { phase: 'Available' },
  },
]
const gce = (readOnly: boolean) => disk({ gcePersistentDisk: { pdName: 'p', readOnly } })
const rbd = { rbd: { monitors: ['m1', 'm2'], pool: 'p', image: 'i' } }
const once = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'

const restrictions: readonly Row[] = [
  { it: 'keeps a disk to one pod', pod: gce(false), running: [['a', gce(false)]], says: { a: 'node(s) had no available disk' } },
  { it: 'lets both read', pod: gce(true), running: [['a', gce(true)]] },
  {
    it: 'knows an image of rbd by one of its monitors',
    pod: disk({ rbd: { ...rbd.rbd, monitors: ['m2', 'm3'] } }),
    running: [['a', disk(rbd)]],
    says: { a: 'node(s) had no available disk' },
  },
  {
    it: 'keeps a ReadWriteOncePod claim to one pod, wherever that runs',
    pod: using('mine'),
    objects: [claim('mine', { accessModes: ['ReadWriteOncePod'] })],
    running: [['a', using('mine')]],
    says: { a: once, b: once },
  },
]

const csi = (handle: string) => ({ csi: { driver: 'd.io', volumeHandle: handle } })
const limited = (name: string, count: number): Thing => [
  CSINode,
  { metadata: { name }, spec: { drivers: [{ name: 'd.io', nodeID: name, allocatable: { count } }] } },
]

const limits: readonly Row[] = [
  {
    it: 'counts volumes of a driver, each once',
    pod: using('one', 'two'),
    nodes: { a: {}, b: {}, c: {} },
    objects: [
      ...[bound('one', 'v1'), bound('two', 'v2'), bound('three', 'v3')],
      ...[volume('v1', csi('1')), volume('v2', csi('2')), volume('v3', csi('3'))],
      ...[limited('a', 2), limited('b', 2), limited('c', 1)],
    ],
    running: [
      ['a', using('one')],
      ['b', using('three')],
    ],
    says: { b: 'node(s) exceed max volume count', c: 'node(s) exceed max volume count' },
  },
]

const onlyIn = (zone: string) => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression('zone', 'In', zone)] }] } },
})
const storageClass = (name: string, more: object = {}): Thing => [
  StorageClass,
  { metadata: { name }, provisioner: 'd.io', volumeBindingMode: 'WaitForFirstConsumer', ...more },
]
const late = { storageClassName: 'late' }
const noVolume = "node(s) didn't find available persistent volumes to bind"

const capacity = (name: string, zone: string, size: string): Thing => [
  CSIStorageCapacity,
  {
    metadata: { name, namespace: 'd' },
    storageClassName: 'late',
    capacity: size,
    nodeTopology: { matchLabels: { zone } },
  },
]

const binding: readonly Row[] = [
  { it: 'waits for a claim that is not there', pod: using('none'), says: { '*': 'persistentvolumeclaim "none" not found' } },
  {
    it: 'does not bind claims that are bound at once',
    pod: using('open'),
    objects: [claim('open', { storageClassName: 'now' }), storageClass('now', { volumeBindingMode: 'Immediate' })],
    says: { '*': 'pod has unbound immediate PersistentVolumeClaims' },
  },
  {
    it: 'goes where the volume of a claim is',
    pod: using('mine'),
    nodes: inZones,
    objects: [bound('mine', 'v'), volume('v', onlyIn('y'))],
    says: { a: "node(s) didn't match PersistentVolume's node affinity" },
  },
  {
    it: 'says so when the volume of a claim is gone',
    pod: using('mine'),
    objects: [bound('mine', 'v')],
    nodes: { a: {} },
    says: { a: 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)' },
  },
  {
    it: 'looks for a volume that is large enough and in the right place',
    pod: using('mine'),
    nodes: { ...inZones, c: { labels: { zone: 'z' } } },
    objects: [
      ...[claim('mine', late), storageClass('late', { provisioner: 'kubernetes.io/no-provisioner' })],
      ...[
        volume('small', { ...late, capacity: { storage: '512Mi' }, ...onlyIn('x') }),
        volume('fine', { ...late, ...onlyIn('y') }),
      ],
      volume('taken', { ...late, ...onlyIn('z'), claimRef: { name: 'other', namespace: 'd', uid: 'other' } }),
    ],
    says: { a: noVolume, c: noVolume },
  },
  {
    it: 'provisions where the class may',
    pod: using('mine'),
    nodes: inZones,
    objects: [
      claim('mine', late),
      storageClass('late', { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['x'] }] }] }),
    ],
    says: { b: noVolume },
  },
  {
    it: 'provisions where a driver that tells its capacity has enough',
    pod: using('mine'),
    nodes: inZones,
    objects: [
      ...[claim('mine', late), storageClass('late'), capacity('one', 'x', '512Mi'), capacity('two', 'y', '2Gi')],
      [CSIDriver, { metadata: { name: 'd.io' }, spec: { storageCapacity: true } }],
    ],
    says: { a: 'node(s) did not have enough free storage' },
  },
  {
    it: 'keeps to the node for which provisioning has begun',
    pod: using('mine'),
    objects: [claim('mine', late, { annotations: { 'volume.kubernetes.io/selected-node': 'b' } }), storageClass('late')],
    says: { a: noVolume },
  },
]

const zoned = { 'topology.kubernetes.io/zone': 'x__z' }
const zoneLabel = (zone: string) => ({ labels: { 'topology.kubernetes.io/zone': zone } })

const zones: readonly Row[] = [
  {
    it: 'keeps to the zones that the label of a volume names, on nodes that have any',
    pod: using('mine'),
    nodes: { a: zoneLabel('x'), b: zoneLabel('y'), c: zoneLabel('z'), d: {} },
    objects: [bound('mine', 'v'), volume('v', {}, zoned)],
    says: { b: 'node(s) had no available volume zone' },
  },
]

const web = { app: 'web' }
const spread = (maxSkew: number, more: object = {}) => ({
  topologySpreadConstraints: [
    { maxSkew, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: web }, ...more },
  ],
})
const uneven = "node(s) didn't match pod topology spread constraints"
const noLabel = "node(s) didn't match pod topology spread constraints (missing required label)"
const plain = {}

const spreading: readonly Row[] = [
  {
    it: 'allows so much more than in the emptiest domain, and wants the label',
    pod: spread(1),
    labels: web,
    nodes: { ...inZones, c: {} },
    running: [['a', plain, web]],
    says: { a: uneven, c: noLabel },
  },
  { it: 'allows a larger skew', pod: spread(2), labels: web, nodes: inZones, running: [['a', plain, web]] },
  {
    it: 'counts neither other labels, nor other namespaces, nor pods that are being deleted',
    pod: spread(1),
    labels: web,
    nodes: inZones,
    running: [
      ['a', plain, { app: 'db' }],
      ['a', plain, web, { namespace: 'other' }],
      ['a', plain, web, { deletionTimestamp: '2026-01-01T00:00:00Z' }],
    ],
  },
  {
    it: 'takes the emptiest for empty while there are fewer domains than wanted',
    pod: spread(1, { minDomains: 3 }),
    labels: web,
    nodes: inZones,
    running: [
      ['a', plain, web],
      ['b', plain, web],
    ],
    says: { a: uneven, b: uneven },
  },
  {
    it: "counts domains that the pod's own node selector leaves, unless told to ignore it",
    pod: { ...spread(1), nodeSelector: { disk: 'ssd' } },
    labels: web,
    nodes: { a: { labels: { zone: 'x', disk: 'ssd' } }, b: { labels: { zone: 'y' } } },
    running: [['a', plain, web]],
  },
  {
    it: 'counts all domains where it is to ignore the node selector',
    pod: { ...spread(1, { nodeAffinityPolicy: 'Ignore' }), nodeSelector: { disk: 'ssd' } },
    labels: web,
    nodes: { a: { labels: { zone: 'x', disk: 'ssd' } }, b: { labels: { zone: 'y' } } },
    running: [['a', plain, web]],
    says: { a: uneven },
  },
  {
    it: 'leaves tainted nodes out only where told to honor taints',
    pod: spread(1, { nodeTaintsPolicy: 'Honor' }),
    labels: web,
    nodes: { a: { labels: { zone: 'x' } }, b: { labels: { zone: 'y' }, ...taint('NoSchedule') } },
    running: [['a', plain, web]],
  },
  {
    it: 'counts by the values of its own labels that matchLabelKeys names',
    pod: spread(1, { matchLabelKeys: ['version'] }),
    labels: { ...web, version: '2' },
    nodes: inZones,
    running: [['a', plain, { ...web, version: '1' }]],
  },
]

const terms = (side: string, more: object = {}) => ({
  affinity: {
    [side]: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'db' } }, ...more },
      ],
    },
  },
})
const db = { app: 'db' }
const alone = "node(s) didn't match pod affinity rules"
const near = "node(s) didn't match pod anti-affinity rules"
const minded = "node(s) didn't satisfy existing pods anti-affinity rules"
const namespaces: readonly Thing[] = ['d', 'other'].map((name) => [Namespace, { metadata: { name, labels: { team: name } } }])

const together: readonly Row[] = [
  {
    it: 'goes where such a pod is',
    pod: terms('podAffinity'),
    nodes: { ...inZones, c: {} },
    running: [['b', plain, db]],
    says: { a: alone, c: alone },
  },
  { it: 'lets the first of a group go anywhere', pod: terms('podAffinity'), labels: db, nodes: inZones },
  {
    it: 'does not let a stranger to the group go first',
    pod: terms('podAffinity'),
    nodes: inZones,
    says: { a: alone, b: alone },
  },
  {
    it: 'keeps away from such pods',
    pod: terms('podAntiAffinity'),
    nodes: { ...inZones, c: {} },
    running: [['b', plain, db]],
    says: { b: near },
  },
  {
    it: 'keeps away from pods that mind it',
    labels: db,
    nodes: inZones,
    running: [['a', terms('podAntiAffinity')]],
    says: { a: minded },
  },
  {
    it: 'looks only into the namespace of the pod, where none is named',
    pod: terms('podAntiAffinity'),
    nodes: inZones,
    running: [['a', plain, db, { namespace: 'other' }]],
  },
  {
    it: 'looks into namespaces by their labels',
    pod: terms('podAntiAffinity', { namespaceSelector: { matchLabels: { team: 'other' } } }),
    nodes: inZones,
    objects: namespaces,
    running: [
      ['a', plain, db, { namespace: 'other' }],
      ['b', plain, db],
    ],
    says: { a: near },
  },
  {
    it: 'leaves out pods with the same value of a label that mismatchLabelKeys names',
    pod: terms('podAntiAffinity', { mismatchLabelKeys: ['team'] }),
    labels: { team: 'one' },
    nodes: inZones,
    running: [
      ['a', plain, { ...db, team: 'one' }],
      ['b', plain, { ...db, team: 'two' }],
    ],
    says: { b: near },
  },
]

const restarting = { containers: [{ name: 'c', restartPolicyRules: [{ action: 'RestartAllContainers' }] }] }

const features: readonly Row[] = [
  {
    it: 'wants the features declared that the pod needs',
    pod: restarting,
    nodes: { a: {}, b: { status: { declaredFeatures: ['RestartAllContainersOnContainerExits'] } } },
    says: { a: "node(s) didn't match Pod's required features" },
  },
]

const tables: Readonly<Record<string, readonly Row[]>> = {
  NodeUnschedulable: unschedulable,
  NodeName: nodeName,
  TaintToleration: taints,
  NodeAffinity: affinity,
  NodePorts: ports,
  NodeResourcesFit: resources,
  VolumeRestrictions: restrictions,
  NodeVolumeLimits: limits,
  VolumeBinding: binding,
  VolumeZone: zones,
  PodTopologySpread: spreading,
  InterPodAffinity: together,
  NodeDeclaredFeatures: features,
}

for (const [name, rows] of Object.entries(tables)) {
  for (const row of rows) test(`${name} ${row.it}`, () => assert.deepEqual(said(name, row), row.says ?? {}))
}

function said(name: string, row: Row): Record<string, string> {
  const state = new ClusterState()
  for (const [kind, object] of row.objects ?? []) state.objects.set(kind, object as KubeObject)
  for (const [name, over] of Object.entries(row.nodes ?? { a: {}, b: {} })) state.setNode(nodeOf(name, over))
  for (const [i, [node, spec, labels, metadata]] of (row.running ?? []).entries()) {
    state.setPod(podOf(`old-${i}`, { ...spec, nodeName: node }, { labels, ...metadata }))
  }
  const made = plugins.map(({ make, weight }) => ({ weight, plugin: make({ args: row.args ?? {} }) }))
  const profile = made.filter(({ plugin }) => plugin.name === name)
  const run = prepareRun(podOf('new', row.pod ?? {}, { labels: row.labels }), state, { profile })
  if (run.reject) return { '*': run.reject.rejection.message }
  const verdicts = state.nodes.map((node) => [node.name, verdictOf(run, node)] as const)
  return Object.fromEntries(
    verdicts.flatMap(([node, verdict]) => (verdict ? [[node, reasonsOf(verdict.rejection).join(', ')]] : [])),
  )
}

function nodeOf(name: string, { labels, spec = {}, allocatable, status }: Over): Node {
  const room = { cpu: '4', memory: '8Gi', pods: '10', ...allocatable }
  return {
    metadata: { name, uid: name, labels: labels ?? {} },
    spec,
    status: { allocatable: room, ...status },
  } as unknown as Node
}

function podOf(name: string, spec: object, metadata: object): Pod {
  const containers = [{ name: 'c', image: 'i' }]
  return {
    metadata: { name, namespace: 'd', uid: name, ...metadata },
    spec: { containers, ...spec },
    status: {},
  } as unknown as Pod
}
