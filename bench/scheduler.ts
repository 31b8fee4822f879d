/**
 * The shapes of upstream's scheduler_perf, each with upstream's threshold as the limit. First the scheduler by itself, from the snapshot to the
 * decision, in pods per second of the thread's CPU time; then with an API server and a durable store in the loop, in the same process, in pods per
 * second from the start until the last is bound: fewer pods, of the shapes marked so.
 *
 * NAMI_BENCH_SHAPES names some of them, by commas; NAMI_BENCH_LOOP=only leaves out the first part.
 */
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { ClusterState } from '#scheduler/cluster-state.ts'
import { place } from '#scheduler/cycle.ts'
import { onNode } from '#scheduler/framework/pod-facts.ts'
import { makeDefaultProfile, type Weighted } from '#scheduler/profiles.ts'
import { createQueue } from '#scheduler/queue.ts'
import { ResultCache } from '#scheduler/shared-results.ts'
import type { KubeObject } from '#schema/kind.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { schedulerLoop } from './parts/scheduler-loop.ts'
import { asking, node, pod, type Shape, shapes } from './parts/scheduler-shapes.ts'

const names = process.env.NAMI_BENCH_SHAPES?.split(',')
const chosen = shapes.filter(({ name }) => !names || names.includes(name))

export default defineBench({
  name: 'scheduler',
  async run(report) {
    if (process.env.NAMI_BENCH_LOOP !== 'only') for (const shape of chosen) report(measure(shape))
    await using loop = await schedulerLoop()
    for (const shape of chosen) if (shape.inLoop) report(await loop.measure(shape, shape.inLoop))
  },
})

function measure(shape: Shape): Figure {
  const { nodes = 5_000, pods, shares = true, threshold } = shape
  const state = filled(shape, nodes)
  const waiting = Array.from({ length: pods }, (_, i) =>
    pod(`new-${i}`, shape.pod(i), { labels: shape.labels?.(i), namespace: shape.namespace?.(i) }),
  )
  const profile = makeDefaultProfile({ random: systemRandom })
  const cache = shares ? new ResultCache() : undefined
  const queue = createQueue({ clock: systemClock, pluginsOf: () => profile, onReady: () => {} })
  const gated = { schedulingGates: [{ name: 'wait' }] }
  for (let i = 0; i < (shape.gated ?? 0); i++) queue.put(pod(`gated-${i}`, gated))
  let startAt = 0
  let placed = 0
  let tried = 0
  let intruders = 0
  const start = process.threadCpuUsage()
  const elapsed = () => {
    const { user, system } = process.threadCpuUsage(start)
    return (user + system) / 1e6
  }
  for (const one of waiting) queue.put(one)
  for (let entry = queue.pop(); entry && tried < pods; entry = queue.pop(), tried++) {
    if (shape.beside && tried % 16 === 0 && elapsed() * 5 > intruders) {
      queue.put(pod(`beside-${intruders}`, shape.beside(intruders)))
      intruders++
      tried--
    }
    if (shape.churns && tried % 100 === 0) churn(state, { turn: tried / 100, profile, cache })
    const placement = place(entry.pod, state, { profile, random: systemRandom, startAt, cache })
    queue.done(entry)
    if (!placement.node) {
      const { node = '', victims = [] } = placement.nomination ?? {}
      for (const victim of victims) state.deletePod(victim.metadata.uid)
      if (node) state.setPod(onNode(entry.pod, node))
      continue
    }
    placed++
    startAt = (startAt + placement.evaluated) % nodes
    state.setPod(onNode(entry.pod, placement.node.name))
  }
  return {
    what: `${shape.name}: ${pods} pods on ${nodes} nodes`,
    value: pods / elapsed(),
    unit: '/s',
    limit: { what: "upstream's threshold", value: threshold },
    note: `${placed} placed${betweenThem(intruders)}`,
  }
}

function betweenThem(intruders: number): string {
  return intruders > 0 ? `, ${intruders} others between them` : ''
}

function filled(shape: Shape, nodes: number): ClusterState {
  const state = new ClusterState()
  for (const [kind, object] of shape.objects?.(shape.pods) ?? []) state.objects.set(kind, object as KubeObject)
  for (let i = 0; i < nodes; i++) state.setNode(node(i, shape.allocatable))
  for (let i = 0; i < (shape.before ?? 0); i++) {
    const old = pod(`old-${i}`, shape.old?.(i) ?? shape.pod(i), { labels: shape.labels?.(i), namespace: shape.namespace?.(i) })
    state.setPod(onNode(old, `node-${i % nodes}`))
  }
  return state
}

interface Churning {
  readonly turn: number
  readonly profile: readonly Weighted[]
  readonly cache: ResultCache | undefined
}

function churn(state: ClusterState, { turn, profile, cache }: Churning): void {
  state.deleteNode(`node-${1_000_000 + turn - 1}`)
  state.setNode(node(1_000_000 + turn))
  place(pod(`churn-${turn}`, { ...asking({ cpu: '900' }), priority: 10 }), state, { profile, random: systemRandom, cache })
}
