import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { seededRandom } from '#lib/random.ts'
import type { Draft } from '#schema/words.ts'
import * as make from '#testing/make.ts'
import { ClusterState } from './cluster-state.ts'
import { enoughNodes, place } from './cycle.ts'
import { defaultProfile } from './profiles.ts'

let uids = 0
const pod = (spec: Draft<Pod['spec']> = {}) => {
  const draft = make.pod(`p${uids}`, { spec })
  return { ...draft, metadata: { ...draft.metadata, uid: `uid-${uids++}` }, status: {} } as unknown as Pod
}
const node = (...args: Parameters<typeof make.node>) => {
  const draft = make.node(...args)
  return { spec: {}, ...draft } as unknown as Node
}
const asks = (requests: Record<string, string>) => [{ name: 'main', image: 'a', resources: { requests } }]

function clusterOf(nodes: readonly Node[], pods: readonly Pod[] = []): ClusterState {
  const state = new ClusterState()
  for (const one of nodes) state.setNode(one)
  for (const one of pods) state.setPod(one)
  return state
}

const decide = (what: Pod, state: ClusterState) => place(what, state, { profile: defaultProfile, random: seededRandom(1) })

const hard = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' } as const
const inZone = (zone: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In' as const, values: [zone] }] }],
    },
  },
})

const declaring = (one: Node, ...declaredFeatures: string[]): Node => ({ ...one, status: { ...one.status, declaredFeatures } })

const fits: readonly { it: string; pod: Pod; nodes: readonly Node[]; pods?: readonly Pod[]; on: string }[] = [
  { it: 'the only node', pod: pod(), nodes: [node('a')], on: 'a' },
  { it: 'the node asked for by name', pod: pod({ nodeName: 'b' }), nodes: [node('a'), node('b')], on: 'b' },
  { it: 'the node that is not cordoned', pod: pod(), nodes: [node('a', { spec: { unschedulable: true } }), node('b')], on: 'b' },
  { it: 'the node without the taint', pod: pod(), nodes: [node('a', { spec: { taints: [hard] } }), node('b')], on: 'b' },
  {
    it: 'the node that declares what its restart rules need',
    pod: pod({ containers: [{ name: 'main', restartPolicyRules: [{ action: 'RestartAllContainers' }] }] as never }),
    nodes: [node('a'), declaring(node('b'), 'RestartAllContainersOnContainerExits')],
    on: 'b',
  },
  {
    it: 'a tainted node that it tolerates',
    pod: pod({ tolerations: [{ key: 'dedicated', operator: 'Exists' }], nodeSelector: { gpu: 'yes' } }),
    nodes: [node('a', { spec: { taints: [hard] }, labels: { gpu: 'yes' } }), node('b')],
    on: 'a',
  },
  {
    it: 'the node that matches the affinity',
    pod: pod({ affinity: inZone('z2') }),
    nodes: [node('a', { labels: { zone: 'z1' } }), node('b', { labels: { zone: 'z2' } })],
    on: 'b',
  },
  {
    it: 'the emptier node',
    pod: pod({ containers: asks({ cpu: '1', memory: '1Gi' }) }),
    nodes: [node('a'), node('b')],
    pods: [pod({ nodeName: 'a', containers: asks({ cpu: '2', memory: '8Gi' }) })],
    on: 'b',
  },
  {
    it: 'the node where the host port is free',
    pod: pod({ containers: [{ name: 'm', ports: [{ containerPort: 80, hostPort: 8080, protocol: 'TCP' }] }] }),
    nodes: [node('a'), node('b')],
    pods: [pod({ nodeName: 'a', containers: [{ name: 'm', ports: [{ containerPort: 1, hostPort: 8080, protocol: 'TCP' }] }] })],
    on: 'b',
  },
]

for (const { it, pod, nodes, pods, on } of fits) {
  test(`place() chooses ${it}`, () => assert.equal(decide(pod, clusterOf(nodes, pods)).node?.name, on))
}

const none: readonly { it: string; pod: Pod; nodes: readonly Node[]; says: string; by: string }[] = [
  { it: 'an empty cluster', pod: pod(), nodes: [], says: 'no nodes available to schedule pods', by: '' },
  {
    it: 'several reasons, counted and sorted',
    pod: pod({ containers: asks({ cpu: '2' }) }),
    nodes: [node('a', { cpu: '1' }), node('b', { cpu: '1' }), node('c', { spec: { unschedulable: true } })],
    says: '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
    by: 'NodeResourcesFit NodeUnschedulable',
  },
  {
    it: 'each lack of one node',
    pod: pod({ containers: asks({ cpu: '9', memory: '90Gi', 'example.com/gpu': '1' }) }),
    nodes: [node('a')],
    says: '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    by: 'NodeResourcesFit',
  },
  {
    it: 'a node selector',
    pod: pod({ nodeSelector: { disk: 'ssd' } }),
    nodes: [node('a')],
    says: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    by: 'NodeAffinity',
  },
]

for (const { it, pod, nodes, says, by } of none) {
  test(`place() explains ${it}`, () => {
    const placement = decide(pod, clusterOf(nodes))
    assert(!placement.node)
    assert.equal(placement.message, says)
    assert.equal([...placement.rejectedBy].sort().join(' '), by)
  })
}

test('place() counts the node full at its number of pods', () => {
  const state = clusterOf([node('a', { pods: '1' })], [pod({ nodeName: 'a' })])
  const placement = decide(pod(), state)
  assert(!placement.node)
  assert.equal(
    placement.message,
    '0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
  )
})

test('place() spreads equal pods over equal nodes', () => {
  const state = clusterOf(['a', 'b', 'c'].map((name) => node(name)))
  const counts: Record<string, number> = {}
  for (let i = 0; i < 30; i++) {
    const one = pod({ containers: asks({ cpu: '100m', memory: '100Mi' }) })
    const name = decide(one, state).node?.name ?? ''
    counts[name] = (counts[name] ?? 0) + 1
    state.setPod({ ...one, spec: { ...one.spec, nodeName: name } })
  }
  assert.deepEqual(counts, { a: 10, b: 10, c: 10 })
})

test('ClusterState forgets what a deleted pod asked for', () => {
  const big = pod({ nodeName: 'a', containers: asks({ cpu: '4' }) })
  const state = clusterOf([node('a')], [big])
  const wanted = pod({ containers: asks({ cpu: '1' }) })
  assert.equal(decide(wanted, state).node, undefined)
  state.deletePod(big.metadata.uid)
  assert.equal(decide(wanted, state).node?.name, 'a')
})

test('enoughNodes() looks at all of a small cluster and at a share of a large one', () => {
  assert.deepEqual(
    [3, 100, 1000, 5000].map((total) => enoughNodes(total)),
    [3, 100, 420, 500],
  )
})
