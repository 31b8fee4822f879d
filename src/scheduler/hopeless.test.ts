/** Pods that fit nowhere, in masses, cost those that fit nothing: measured in runs of plugins and of hints, not in time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { ClusterState } from './cluster-state.ts'
import { place } from './cycle.ts'
import { onNode } from './framework/pod-facts.ts'
import { makeDefaultProfile, type Weighted } from './profiles.ts'
import { type ClusterEvent, createQueue } from './queue.ts'
import { ResultCache } from './shared-results.ts'

const count = 10_000
const nodes = 20
const random = seededRandom(1)

const pod = (name: string, cpu: string) =>
  ({
    metadata: { name, namespace: 'd', uid: name, labels: { app: name[0] } },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] },
    status: {},
  }) as unknown as Pod
const node = (name: string) =>
  ({
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: {},
    status: { allocatable: { cpu: '64', memory: '64Gi', pods: '500' } },
  }) as unknown as Node

/** Counts each time that a filter is asked. */
function counted(): { profile: readonly Weighted[]; runs: () => number } {
  let runs = 0
  const profile = makeDefaultProfile({ random }).map(({ plugin, weight }) => {
    const { filter } = plugin
    if (!filter) return { plugin, weight }
    const counting: typeof filter = (cycle, node) => {
      runs++
      return filter(cycle, node)
    }
    return { weight, plugin: { ...plugin, filter: counting } }
  })
  return { profile, runs: () => runs }
}

/** Queue and decisions as the scheduler puts them together, without a server. */
function scheduling(hopeless: number) {
  const { profile, runs } = counted()
  const state = new ClusterState()
  const cache = new ResultCache()
  for (let i = 0; i < nodes; i++) state.setNode(node(`n${i}`))
  const queue = createQueue({ clock: new VirtualClock(), pluginsOf: () => profile, onReady: () => {} })
  const decide = () => {
    let placed = 0
    for (let entry = queue.pop(); entry; entry = queue.pop()) {
      const placement = place(entry.pod, state, { profile, random, cache })
      if (!placement.node) {
        queue.reject(entry, placement.rejectedBy)
        continue
      }
      const bound = onNode(entry.pod, placement.node.name)
      state.setPod(bound)
      queue.done(entry)
      queue.happened({ kind: 'Pod', actions: ['added'], after: bound })
      placed++
    }
    return placed
  }
  for (let i = 0; i < hopeless; i++) queue.put(pod(`hopeless-${i}`, '100'))
  decide()
  return { queue, state, decide, runs }
}

/** What goes on in a cluster all the time and cures nobody of asking for too much. */
const noise: readonly ClusterEvent[] = [
  { kind: 'Node', actions: ['labelsChanged'], before: node('n0'), after: node('n0') },
  { kind: 'Node', actions: ['conditionsChanged'], before: node('n0'), after: node('n0') },
  { kind: 'Node', actions: ['taintsChanged'], before: node('n0'), after: node('n0') },
  { kind: 'Pod', actions: ['added'], after: onNode(pod('x', '1'), 'n0') },
  { kind: 'PersistentVolumeClaim', actions: ['updated'] },
  { kind: 'Service', actions: ['added'] },
]

test(`${count} pods that fit nowhere cost pods that fit no run of a filter more, and events no hint`, () => {
  const costs = [0, count].map((hopeless) => {
    const { queue, decide, runs } = scheduling(hopeless)
    const [runsBefore, workBefore] = [runs(), queue.work]
    for (let i = 0; i < 200; i++) {
      queue.put(pod(`fits-${i}`, '1'))
      for (const event of noise) queue.happened(event)
      assert.equal(decide(), 1)
    }
    return { filters: runs() - runsBefore, hints: queue.work - workBefore }
  })
  assert.deepEqual(costs[1], costs[0])
})

test('pods of one template that fit nowhere share the reasons: each node is asked once', () => {
  const { runs } = scheduling(count)
  assert.ok(runs() <= nodes * 20, `${runs()} runs`)
})

test('a node too small for pods that wait wakes none of them, one that is large enough all', () => {
  const { queue, state, decide } = scheduling(100)
  const small = node('small')
  state.setNode(small)
  queue.happened({ kind: 'Node', actions: ['added'], after: small })
  assert.equal(queue.pending().unschedulable, 100)
  const large = { ...node('large'), status: { allocatable: { cpu: '10000', memory: '64Gi', pods: '500' } } } as unknown as Node
  state.setNode(large)
  queue.happened({ kind: 'Node', actions: ['added'], after: large })
  assert.equal(decide(), 100)
})

test('pods that were woken in vain stand behind those that came later', () => {
  const { queue, state, decide } = scheduling(count)
  const gone = onNode(pod('gone', '1'), 'n0')
  state.setPod(gone)
  state.deletePod('gone')
  queue.happened({ kind: 'Pod', actions: ['deleted'], before: gone })
  queue.put(pod('new', '1'))
  assert.equal(queue.pop()?.pod.metadata.name, 'new')
  assert.equal(decide(), 0)
  assert.equal(queue.pending().unschedulable, count)
})
