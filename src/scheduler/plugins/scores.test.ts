/** What each plugin says in favour of nodes, from 0 to 100: one row, one promise. The numbers follow from upstream's formulas. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { ClusterState } from '../cluster-state.ts'
import { type PluginArgs, plugins } from '../profiles.ts'
import { prepareRun } from '../run.ts'

interface Row {
  readonly it: string
  readonly pod?: object
  readonly labels?: Record<string, string>
  readonly nodes: Readonly<Record<string, object>>
  readonly running?: readonly (readonly [node: string, spec: object, labels?: Record<string, string>])[]
  readonly args?: PluginArgs
  /** By node; undefined: the plugin has nothing to say. */
  readonly scores: Readonly<Record<string, number>> | undefined
}

const asks = (requests: Record<string, string>) => ({ containers: [{ name: 'c', image: 'i', resources: { requests } }] })
const node = (
  more: { cpu?: string; memory?: string; labels?: object; taints?: object[]; images?: object[]; gpu?: string } = {},
) => ({
  metadata: { labels: more.labels ?? {} },
  spec: { taints: more.taints ?? [] },
  status: {
    allocatable: {
      cpu: more.cpu ?? '4',
      memory: more.memory ?? '8Gi',
      pods: '110',
      ...(more.gpu && { 'example.com/gpu': more.gpu }),
    },
    images: more.images ?? [],
  },
})
const soft = (key: string) => ({ key, effect: 'PreferNoSchedule' })
const zone = (name: string) => node({ labels: { zone: name } })

const taints: readonly Row[] = [
  {
    it: 'prefers nodes with fewer soft taints that the pod does not tolerate',
    pod: { tolerations: [{ key: 'b', operator: 'Exists', effect: 'PreferNoSchedule' }] },
    nodes: { none: node(), one: node({ taints: [soft('a'), soft('b')] }), two: node({ taints: [soft('a'), soft('c')] }) },
    scores: { none: 100, one: 50, two: 0 },
  },
]

const preferring = (...terms: [weight: number, key: string, value: string][]) => ({
  affinity: {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: terms.map(([weight, key, value]) => ({
        weight,
        preference: { matchExpressions: [{ key, operator: 'In', values: [value] }] },
      })),
    },
  },
})

const affinity: readonly Row[] = [
  { it: 'says nothing of pods without preferences', nodes: { a: node() }, scores: undefined },
  {
    it: 'adds up the weights of the preferences that a node fulfils',
    pod: preferring([30, 'zone', 'x'], [10, 'disk', 'ssd']),
    nodes: {
      both: node({ labels: { zone: 'x', disk: 'ssd' } }),
      first: zone('x'),
      second: node({ labels: { disk: 'ssd' } }),
      none: node(),
    },
    scores: { both: 100, first: 75, second: 25, none: 0 },
  },
]

const strategy = (type: string, resources: object[], more: object = {}) =>
  ({ NodeResourcesFit: { scoringStrategy: { type, resources, ...more } } }) as PluginArgs
const cpuOnly = [{ name: 'cpu', weight: 1 }]
const shape = [
  { utilization: 0, score: 0 },
  { utilization: 50, score: 10 },
  { utilization: 100, score: 0 },
]

const fit: readonly Row[] = [
  {
    it: 'prefers what would be left free, by the mean of CPU and memory',
    pod: asks({ cpu: '1', memory: '2Gi' }),
    nodes: { empty: node(), busy: node(), large: node({ cpu: '10', memory: '20Gi' }) },
    running: [['busy', asks({ cpu: '2', memory: '2Gi' })]],
    scores: { empty: 75, busy: 37, large: 90 },
  },
  {
    it: 'assumes 100m and 200Mi for containers that ask for nothing',
    pod: asks({}),
    nodes: { a: node({ cpu: '1', memory: '2000Mi' }) },
    scores: { a: 90 },
  },
  {
    it: 'packs nodes where told to',
    pod: asks({ cpu: '1' }),
    args: strategy('MostAllocated', cpuOnly),
    nodes: { empty: node(), busy: node() },
    running: [['busy', asks({ cpu: '2' })]],
    scores: { empty: 25, busy: 75 },
  },
  {
    it: 'follows a curve over the share in use',
    pod: asks({ cpu: '1' }),
    args: strategy('RequestedToCapacityRatio', cpuOnly, { requestedToCapacityRatio: { shape } }),
    nodes: { quarter: node(), half: node({ cpu: '2' }), full: node({ cpu: '1' }) },
    scores: { quarter: 50, half: 100, full: 0 },
  },
  {
    it: 'weighs resources, and leaves out those that a pod does not ask for',
    pod: asks({ cpu: '1', 'example.com/gpu': '1' }),
    args: strategy('LeastAllocated', [
      { name: 'cpu', weight: 1 },
      { name: 'example.com/gpu', weight: 3 },
    ]),
    nodes: { two: node({ gpu: '2' }), four: node({ gpu: '4' }) },
    scores: { two: 56, four: 75 },
  },
]

const balance: readonly Row[] = [
  {
    it: 'prefers nodes where it brings the shares of CPU and memory in use closer together',
    pod: asks({ cpu: '2', memory: '4Gi' }),
    nodes: { even: node(), wide: node({ memory: '16Gi' }), flat: node({ cpu: '20' }) },
    scores: { even: 75, wide: 68, flat: 65 },
  },
  {
    it: 'gives most where what was unbalanced is not any more',
    pod: asks({ cpu: '4' }),
    nodes: { mended: node(), spoilt: node() },
    running: [['mended', asks({ memory: '8Gi' })]],
    scores: { mended: 100, spoilt: 50 },
  },
  { it: 'says nothing of pods that ask for nothing', pod: asks({}), nodes: { a: node() }, scores: undefined },
]

const image = (name: string, megabytes: number) => ({ names: [name], sizeBytes: megabytes * 1024 * 1024 })

const images: readonly Row[] = [
  {
    it: 'prefers nodes that have a large image, the more the more nodes have it',
    pod: { containers: [{ name: 'c', image: 'big' }] },
    nodes: { has: node({ images: [image('big:latest', 1_000)] }), other: node({ images: [image('small:1', 900)] }) },
    scores: { has: 48, other: 0 },
  },
  {
    it: 'counts the images of volumes as well',
    pod: { containers: [{ name: 'c', image: 'none' }], volumes: [{ name: 'v', image: { reference: 'big' } }] },
    nodes: { has: node({ images: [image('big:latest', 1_000)] }), other: node() },
    scores: { has: 24, other: 0 },
  },
  {
    it: 'says nothing of images that no node has',
    pod: { containers: [{ name: 'c', image: 'x' }] },
    nodes: { a: node() },
    scores: undefined,
  },
]

const web = { app: 'web' }
const spread = {
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: web } },
  ],
}

const spreading: readonly Row[] = [
  {
    it: 'prefers domains with fewer such pods, and gives nothing to nodes outside of all',
    pod: spread,
    labels: web,
    nodes: { x: zone('x'), y: zone('y'), outside: node() },
    running: [
      ['x', {}, web],
      ['x', {}, web],
      ['y', {}, web],
    ],
    scores: { x: 33, y: 100, outside: 0 },
  },
]

const wish = (side: string, weight: number) => ({
  affinity: {
    [side]: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight, podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: web } } },
      ],
    },
  },
})

const together: readonly Row[] = [
  { it: 'says nothing where nobody wishes anything', nodes: { x: zone('x') }, running: [['x', {}, web]], scores: undefined },
  {
    it: 'prefers to be near, by the number of pods',
    pod: wish('podAffinity', 10),
    nodes: { x: zone('x'), y: zone('y'), z: zone('z') },
    running: [
      ['x', {}, web],
      ['x', {}, web],
      ['y', {}, web],
    ],
    scores: { x: 100, y: 50, z: 0 },
  },
  {
    it: 'prefers to be away, also from those who would rather be alone',
    pod: wish('podAntiAffinity', 10),
    labels: web,
    nodes: { x: zone('x'), y: zone('y'), z: zone('z') },
    running: [
      ['x', {}, web],
      ['y', wish('podAntiAffinity', 20)],
    ],
    scores: { x: 50, y: 0, z: 100 },
  },
]

const tables: Readonly<Record<string, readonly Row[]>> = {
  TaintToleration: taints,
  NodeAffinity: affinity,
  NodeResourcesFit: fit,
  NodeResourcesBalancedAllocation: balance,
  ImageLocality: images,
  PodTopologySpread: spreading,
  InterPodAffinity: together,
}

for (const [name, rows] of Object.entries(tables)) {
  for (const row of rows) test(`${name} ${row.it}`, () => assert.deepEqual(scoresOf(name, row), row.scores))
}

function scoresOf(name: string, row: Row): Record<string, number> | undefined {
  const state = new ClusterState()
  for (const [name, node] of Object.entries(row.nodes)) {
    const { metadata } = node as Node
    state.setNode({ ...node, metadata: { ...metadata, name, uid: name } } as Node)
  }
  for (const [i, [node, spec, labels]] of (row.running ?? []).entries()) {
    state.setPod(podOf(`old-${i}`, { ...spec, nodeName: node }, labels))
  }
  const made = plugins.map(({ make, weight }) => ({ weight, plugin: make({ args: row.args ?? {} }) }))
  const profile = made.filter(({ plugin }) => plugin.name === name)
  const [running] = prepareRun(podOf('new', row.pod ?? {}, row.labels), state, { profile }).running
  if (!running?.plugin.score) assert.fail('it scores nothing')
  const { plugin, cycle } = running
  const slots = Int32Array.from(state.nodes, ({ slot }) => slot)
  if (plugin.prepareScore?.(cycle, slots).skip) return undefined
  const scores = state.nodes.map((one) => plugin.score?.(cycle, one) ?? 0)
  plugin.normalize?.(scores, cycle, slots)
  return Object.fromEntries(state.nodes.map((one, i) => [one.name, scores[i] as number]))
}

function podOf(name: string, spec: object, labels: Record<string, string> = {}): Pod {
  const containers = [{ name: 'c', image: 'i' }]
  const metadata = { name, namespace: 'd', uid: name, labels }
  return { metadata, spec: { containers, ...spec }, status: {} } as unknown as Pod
}
