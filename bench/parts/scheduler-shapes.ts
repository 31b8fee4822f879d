/** The shapes of upstream's scheduler_perf: what stands in the cluster, what is to be placed, and upstream's threshold. */
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import type { Kind } from '#schema/kind.ts'

/** An object, which names no API version. */
export type Thing = readonly [kind: Kind, object: object]

export interface Shape {
  readonly name: string
  /** Upstream's, in pods per second. */
  readonly threshold: number
  readonly nodes?: number
  /** Pods that run before, of the same or another make. */
  readonly before?: number
  readonly pods: number
  pod(i: number): Partial<Pod['spec']>
  labels?(i: number): Record<string, string>
  namespace?(i: number): string
  /** Of those that run before. */
  old?(i: number): Partial<Pod['spec']>
  /** Of each node, beside the usual. */
  readonly allocatable?: Record<string, string>
  /** What else is in the cluster, for so many pods. */
  objects?(pods: number): readonly Thing[]
  /** Pods that wait in the queue and may not be tried. */
  readonly gated?: number
  /** Such a pod arrives five times a second, as upstream has it, and is not counted. */
  beside?(i: number): Partial<Pod['spec']>
  /** Nodes come and go, and pods that fit nowhere are tried between. */
  readonly churns?: boolean
  readonly shares?: boolean
  /** Pods, where it is measured with the API server as well. */
  readonly inLoop?: number
}

const zone = 'topology.kubernetes.io/zone'
const hostname = 'kubernetes.io/hostname'
const color = { labelSelector: { matchLabels: { color: 'green' } } }
const spread = (whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway') => ({
  topologySpreadConstraints: [{ maxSkew: 5, topologyKey: zone, whenUnsatisfiable, ...color }],
})
const team = { namespaceSelector: { matchLabels: { team: 'devops' } } }
const required = (side: 'podAffinity' | 'podAntiAffinity', topologyKey: string, more: object = {}) => ({
  affinity: { [side]: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, ...color, ...more }] } },
})
const preferred = (side: 'podAffinity' | 'podAntiAffinity', more: object = {}) => {
  const podAffinityTerm = { topologyKey: hostname, ...color, ...more }
  return { affinity: { [side]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm }] } } }
}
const inZones = {
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In' as const, values: ['zone-1', 'zone-2'] }] }],
      },
    },
  },
}
const green = () => ({ color: 'green' })

export const asking = (requests: Record<string, string>, more: object = {}) =>
  ({ containers: [{ name: 'pause', image: 'pause', resources: { requests } }], ...more }) as unknown as Pod['spec']

const device = { 'example.com/device': '1' }
const withDevice = {
  containers: [
    { name: 'pause', image: 'pause', resources: { requests: { cpu: '100m', memory: '500Mi', ...device }, limits: device } },
  ],
} as unknown as Pod['spec']

/** Four of these fill a node but for a little, and three make room for one of those. */
const modest = asking({ cpu: '900m', memory: '500Mi' }, { priority: 0, terminationGracePeriodSeconds: 0 })
const greedy = asking({ cpu: '3', memory: '500Mi' }, { priority: 10, terminationGracePeriodSeconds: 0 })

/** Every fifth fits nowhere. */
export const big = (i: number) => (i % 5 === 0 ? asking({ cpu: '900', memory: '1Gi' }) : {})

/** A tenth of the pods in each of ten namespaces of one team, and of others. */
const teams = {
  namespace: (i: number) => `team-${i % 20}`,
  objects: () =>
    Array.from({ length: 20 }, (_, i): Thing => {
      return [Namespace, { metadata: { name: `team-${i}`, labels: { team: i % 2 === 0 ? 'devops' : 'other' } } }]
    }),
}

const mixed = [
  {},
  required('podAffinity', zone),
  required('podAntiAffinity', hostname),
  preferred('podAffinity'),
  preferred('podAntiAffinity'),
]

export const shapes: readonly Shape[] = [
  { name: 'basic', threshold: 810, before: 1_000, pods: 50_000, pod: () => ({}) },
  { name: 'basic', threshold: 680, before: 1_000, pods: 10_000, pod: () => ({}), inLoop: 5_000 },
  { name: 'basic, nothing shared', threshold: 680, before: 1_000, pods: 2_000, pod: () => ({}), shares: false },
  {
    name: 'one pod for each node',
    threshold: 1_100,
    nodes: 15_000,
    pods: 15_000,
    pod: (i) => onlyOn(`node-${i}`),
    inLoop: 3_000,
  },
  { name: 'beside gated pods', threshold: 910, gated: 10_000, pods: 10_000, pod: () => ({}), inLoop: 3_000 },
  { name: 'unschedulable mix', threshold: 590, before: 1_000, pods: 5_000, pod: big, inLoop: 1_500 },
  { name: 'mixed churn', threshold: 710, churns: true, pods: 10_000, pod: () => ({}), inLoop: 3_000 },
  {
    ...{ name: 'topology spread required', threshold: 460, before: 5_000, pods: 5_000, inLoop: 1_500 },
    ...{ pod: () => spread('DoNotSchedule'), labels: green },
  },
  {
    ...{ name: 'topology spread preferred', threshold: 340, before: 5_000, pods: 5_000, inLoop: 1_500 },
    ...{ pod: () => spread('ScheduleAnyway'), labels: green },
  },
  {
    ...{
      name: 'topology spread by default',
      threshold: 160,
      before: 5_000,
      pods: 5_000,
      pod: () => ({}),
      labels: green,
      inLoop: 1_500,
    },
    objects: () => [
      [
        Service,
        { metadata: { name: 'green', namespace: 'default' }, spec: { selector: { color: 'green' }, ports: [{ port: 80 }] } },
      ],
    ],
  },
  {
    ...{ name: 'pod affinity', threshold: 35, before: 5_000, pods: 2_000, inLoop: 1_000 },
    ...{ pod: () => required('podAffinity', zone), labels: green },
  },
  {
    ...{ name: 'pod anti-affinity', threshold: 60, before: 1_000, pods: 2_000, inLoop: 1_000 },
    ...{ pod: () => required('podAntiAffinity', hostname), labels: green },
  },
  {
    ...{ name: "others' anti-affinity", threshold: 595, before: 1_000, pods: 5_000, inLoop: 1_500 },
    ...{ old: () => required('podAntiAffinity', hostname), pod: () => ({}), labels: green },
  },
  {
    ...{ name: 'preferred affinity', threshold: 90, before: 5_000, pods: 2_000, inLoop: 1_000 },
    ...{ pod: () => preferred('podAffinity'), labels: green },
  },
  {
    ...{ name: 'preferred anti-affinity', threshold: 90, before: 5_000, pods: 2_000, inLoop: 1_000 },
    ...{ pod: () => preferred('podAntiAffinity'), labels: green },
  },
  {
    ...{ name: 'pod anti-affinity by namespace labels', threshold: 24, before: 1_000, pods: 2_000, ...teams, inLoop: 1_000 },
    ...{ pod: () => required('podAntiAffinity', hostname, team), labels: green },
  },
  {
    ...{
      name: 'preferred anti-affinity by namespace labels',
      threshold: 55,
      before: 1_000,
      pods: 2_000,
      ...teams,
      inLoop: 1_000,
    },
    ...{ pod: () => preferred('podAntiAffinity', team), labels: green },
  },
  {
    ...{ name: 'pod affinity by namespace labels', threshold: 35, before: 1_000, pods: 2_000, ...teams, inLoop: 1_000 },
    ...{ pod: () => required('podAffinity', zone, team), labels: green },
  },
  {
    ...{ name: 'preferred affinity by namespace labels', threshold: 90, before: 1_000, pods: 2_000, ...teams, inLoop: 1_000 },
    ...{ pod: () => preferred('podAffinity', team), labels: green },
  },
  { name: 'node affinity', threshold: 220, before: 5_000, pods: 10_000, pod: () => inZones, inLoop: 1_500 },
  {
    ...{ name: 'preemption async', threshold: 570, before: 20_000, pods: 5_000, old: () => modest, beside: () => greedy },
    ...{ pod: () => asking({ cpu: '100m', memory: '500Mi' }), inLoop: 3_000 },
  },
  { name: 'preemption', threshold: 570, before: 20_000, pods: 5_000, old: () => modest, pod: () => greedy, inLoop: 500 },
  {
    ...{ name: 'extended resources', threshold: 180, pods: 10_000, inLoop: 1_500, allocatable: { 'example.com/device': '4' } },
    pod: () => withDevice,
  },
  { name: 'CSI volumes', threshold: 100, pods: 2_000, pod: (i) => withClaim(`claim-${i}`), objects: volumes, inLoop: 1_000 },
  {
    ...{ name: 'mixed base', threshold: 140, before: 5_000, pods: 5_000, pod: () => ({}), labels: green, inLoop: 1_500 },
    old: (i) => mixed[i % mixed.length] ?? {},
  },
]

function onlyOn(name: string): Partial<Pod['spec']> {
  const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: [name] }]
  const terms = { nodeSelectorTerms: [{ matchFields }] }
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } } }
}

function withClaim(claimName: string): Partial<Pod['spec']> {
  return { volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }] } as Partial<Pod['spec']>
}

const driver = 'csi.example.com'

/** A bound claim for each pod, and nodes that take 39 volumes each. */
function volumes(pods: number): readonly Thing[] {
  const things: Thing[] = []
  const storage = '1Gi'
  const accessModes = ['ReadWriteOnce']
  for (let i = 0; i < pods; i++) {
    const metadata = { name: `claim-${i}`, namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }
    const spec = { volumeName: `volume-${i}`, accessModes, resources: { requests: { storage } } }
    things.push([PersistentVolumeClaim, { metadata, spec, status: { phase: 'Bound' } }])
    const claimRef = { name: `claim-${i}`, namespace: 'default' }
    const csi = { driver, volumeHandle: `${i}` }
    things.push([
      PersistentVolume,
      { metadata: { name: `volume-${i}` }, spec: { csi, claimRef, accessModes, capacity: { storage } } },
    ])
  }
  for (let i = 0; i < 5_000; i++) {
    const spec = { drivers: [{ name: driver, nodeID: `${i}`, allocatable: { count: 39 } }] }
    things.push([CSINode, { metadata: { name: `node-${i}` }, spec }])
  }
  return things
}

export function node(i: number, more: Record<string, string> = {}): Node {
  const allocatable = { cpu: '4', memory: '32Gi', pods: '110', ...more }
  const name = `node-${i}`
  const labels = { [hostname]: name, [zone]: `zone-${i % 10}` }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels },
    spec: {},
    status: { allocatable },
  } as unknown as Node
}

export function pod(name: string, spec: Partial<Pod['spec']>, { labels, namespace = 'default' }: Place = {}): Pod {
  const { containers } = asking({ cpu: '100m', memory: '500Mi' })
  const metadata = { name, namespace, uid: name, ...(labels && { labels }) }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...spec }, status: {} } as unknown as Pod
}

interface Place {
  readonly labels?: Record<string, string> | undefined
  readonly namespace?: string | undefined
}
