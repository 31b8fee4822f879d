/**
 * Preemption against all there is to choose from: every set of less important pods on every node, in clusters small enough to look at them all.
 * Pods ask for room and ports here, so that fewer pods never fit worse.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { naiveFeasible } from '#testing/naive-scheduler.ts'
import { randomNode, randomPod } from '#testing/random-cluster.ts'
import { ClusterState } from './cluster-state.ts'
import { place } from './cycle.ts'
import { priorityOf } from './framework/pod-facts.ts'
import { makeDefaultProfile } from './profiles.ts'

interface Cluster {
  readonly nodes: readonly Node[]
  readonly pods: readonly Pod[]
  readonly pod: Pod
}

const cases = 400

test(`preemption removes the fewest and least important, and no protected pod without need, in ${cases} random clusters`, () => {
  let preempted = 0
  let spared = 0
  for (let seed = 1; seed <= cases; seed++) {
    const cluster = crowded(seededRandom(seed))
    const { pod, pods, nodes } = cluster
    const state = stateOf(cluster)
    const placement = place(pod, state, { profile: makeDefaultProfile(), random: seededRandom(seed) })
    const choices = nodes.flatMap((node) => choicesOn(node, cluster))
    if (placement.node) {
      assert(naiveFeasible(pod, { nodes, pods }).length > 0, `seed ${seed}: placed where nothing fits`)
      continue
    }
    const { node: name, victims = [] } = placement.nomination ?? {}
    assert.equal(
      !!name,
      choices.length > 0,
      `seed ${seed}: room ${name ? 'made' : 'not made'}, ${choices.length} ways to make it`,
    )
    if (!name) continue
    preempted++
    const node = nodes.find(({ metadata }) => metadata.name === name) as Node
    assert(
      victims.every((victim) => victim.spec.nodeName === name && priorityOf(victim) < priorityOf(pod)),
      `seed ${seed}`,
    )
    assert(fitsWithout(node, victims, cluster), `seed ${seed}: it does not fit yet`)
    for (const one of victims) {
      const others = victims.filter((other) => other !== one)
      assert(!fitsWithout(node, others, cluster), `seed ${seed}: ${one.metadata.name} is evicted for nothing`)
    }
    const harmless = choices.filter((choice) => !choice.some(isProtected))
    if (harmless.length === 0) continue
    spared++
    assert.deepEqual(victims.filter(isProtected), [], `seed ${seed}: a budget is broken without need`)
    const least = Math.min(...harmless.map(highest))
    assert.equal(highest(victims), least, `seed ${seed}: less important pods would have done`)
  }
  assert(preempted > 100 && spared > 50, `${preempted} preemptions, ${spared} of them without harm`)
})

/** Pods of this label are under a budget that allows nothing. */
const isProtected = ({ metadata }: Pod) => metadata.labels?.app === 'a'

const highest = (victims: readonly Pod[]) => Math.max(...victims.map(priorityOf))

/** A pod that asks for room, ports and nodes alone. */
function simple(pod: Pod, priority: number): Pod {
  const { affinity, topologySpreadConstraints, ...spec } = pod.spec
  const { deletionTimestamp, ...metadata } = pod.metadata
  return { ...pod, metadata: { ...metadata, namespace: 'default' }, spec: { ...spec, priority } } as Pod
}

function crowded(random: Random): Cluster {
  const nodes = Array.from({ length: 1 + Math.floor(random.next() * 4) }, (_, i) => randomNode(`n${i}`, random))
  const pods: Pod[] = []
  for (let i = 0; i < 5 * nodes.length; i++) {
    const node = nodes[i % nodes.length] as Node
    const one = simple(randomPod(`p${i}`, random), Math.floor(random.next() * 4))
    if (naiveFeasible(one, { nodes: [node], pods }).length === 0) continue
    pods.push({ ...one, spec: { ...one.spec, nodeName: node.metadata.name } })
  }
  return { nodes, pods, pod: simple(randomPod('new', random), 2 + Math.floor(random.next() * 3)) }
}

function stateOf({ nodes, pods }: Cluster): ClusterState {
  const state = new ClusterState()
  for (const node of nodes) state.setNode(node)
  for (const pod of pods) state.setPod(pod)
  const spec = { selector: { matchLabels: { app: 'a' } } }
  const budget = { metadata: { name: 'none', namespace: 'default' }, spec, status: { disruptionsAllowed: 0 } }
  state.objects.set(PodDisruptionBudget, budget as unknown as PodDisruptionBudget)
  return state
}

/** Every set of pods whose going would let the pod in. */
function choicesOn(node: Node, cluster: Cluster): readonly (readonly Pod[])[] {
  const { pods, pod } = cluster
  const lesser = pods.filter((one) => one.spec.nodeName === node.metadata.name && priorityOf(one) < priorityOf(pod))
  const sets = Array.from({ length: 2 ** lesser.length }, (_, set) => lesser.filter((_, i) => set & (2 ** i)))
  return sets.filter((set) => set.length > 0 && fitsWithout(node, set, cluster))
}

function fitsWithout(node: Node, victims: readonly Pod[], { pods, pod }: Cluster): boolean {
  const left = pods.filter((one) => !victims.includes(one))
  return naiveFeasible(pod, { nodes: [node], pods: left }).length > 0
}
