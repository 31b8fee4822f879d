/** Preemption with what pods of one template share, against preemption without, while room is kept for others and budgets change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { randomNode, randomPod } from '#testing/random-cluster.ts'
import { ClusterState } from './cluster-state.ts'
import { type Placement, place } from './cycle.ts'
import { onNode } from './framework/pod-facts.ts'
import { makeDefaultProfile } from './profiles.ts'
import { ResultCache } from './shared-results.ts'

test('place() preempts the same with and without shared results', () => {
  let preempted = 0
  for (let seed = 1; seed <= 8; seed++) {
    const [alone, shared] = [undefined, new ResultCache()].map((cache) => decisions(seed, cache))
    assert.deepEqual(shared, alone, `seed ${seed}`)
    preempted += alone?.filter((decision) => decision.includes(' instead of ')).length ?? 0
  }
  assert.ok(preempted > 50, `only ${preempted} preemptions`)
})

function decisions(seed: number, cache: ResultCache | undefined): readonly string[] {
  const random = seededRandom(seed)
  const profile = makeDefaultProfile({ random: seededRandom(seed) })
  const state = crowded(random)
  const templates = [1, 2, 3].map((i) => withPriority(randomPod(`t${i}`, random), i < 3 ? 10 : 20))
  return Array.from({ length: 40 }, (_, i) => {
    const template = templates[i % templates.length] as Pod
    const pod = { ...template, metadata: { ...template.metadata, name: `x${i}`, uid: `x${i}` } }
    const placement = place(pod, state, { profile, random: seededRandom(i), startAt: i, cache })
    if (i % 5 === 0) setBudget(state, Math.floor(random.next() * 4))
    return follow(state, pod, { placement, waits: random.next() < 0.5 })
  })
}

/** Pods without importance wherever there is room. */
function crowded(random: Random): ClusterState {
  const state = new ClusterState()
  for (let i = 0; i < 16; i++) state.setNode(randomNode(`n${i}`, random))
  const profile = makeDefaultProfile()
  for (let i = 0; i < 80; i++) {
    const pod = withPriority(randomPod(`old${i}`, random), Math.floor(random.next() * 3))
    const { node } = place(pod, state, { profile, random })
    if (node) state.setPod(onNode({ ...pod, metadata: { ...pod.metadata, labels: { app: `a${i % 3}` } } }, node.name))
  }
  setBudget(state, 1)
  return state
}

function withPriority(pod: Pod, priority: number): Pod {
  return { ...pod, spec: { ...pod.spec, priority } }
}

function setBudget({ objects }: ClusterState, disruptionsAllowed: number): void {
  const spec = { selector: { matchLabels: { app: 'a0' } } }
  const budget = { metadata: { name: 'budget', namespace: 'default' }, spec, status: { disruptionsAllowed } }
  objects.set(PodDisruptionBudget, budget as unknown as PodDisruptionBudget)
}

interface Decided {
  readonly placement: Placement
  /** The victims take their time, and room is kept meanwhile. */
  readonly waits: boolean
}

function follow(state: ClusterState, pod: Pod, { placement, waits }: Decided): string {
  if (placement.node) {
    state.setPod(onNode(pod, placement.node.name))
    return placement.node.name
  }
  const { node, victims = [] } = placement.nomination ?? {}
  if (!node) return placement.message
  if (waits) state.nominate(pod, node)
  else {
    for (const { metadata } of victims) state.deletePod(metadata.uid)
    state.setPod(onNode(pod, node))
  }
  return `${node} instead of ${victims.map(({ metadata }) => metadata.name)}`
}
