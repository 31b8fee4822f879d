import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Dice, holdsForAll } from '#testing/property.ts'
import { isAvailable } from '../pod-state.ts'
import { FailurePauses } from './failure-pauses.ts'
import { fitOf, hashLabel, targetOf } from './node-fit.ts'
import { planDaemonSet, type View } from './plan.ts'
import { budgetOf, planRolling } from './rolling.ts'

interface PodRecipe {
  node: number
  phase: string
  ready: boolean
  deleting: boolean
  updated: boolean
}

interface Recipe {
  surge: number
  unavailable: number
  /** Taint's effect, '' for none. */
  nodes: string[]
  pods: PodRecipe[]
}

function make({ upTo, chance, pick, some }: Dice): Recipe {
  const surge = chance(0.4) ? 1 + upTo(2) : 0
  return {
    surge,
    unavailable: surge ? 0 : 1 + upTo(2),
    nodes: some(5, () => pick(['', '', '', 'NoSchedule', 'NoExecute'])),
    pods: some(8, () => ({
      node: upTo(4),
      phase: pick(['Pending', 'Running', 'Running', 'Running', 'Failed', 'Succeeded']),
      ready: chance(0.7),
      deleting: chance(0.2),
      updated: chance(0.5),
    })),
  }
}

const time = '2026-01-01T00:00:00Z'

function viewOf({ surge, unavailable, nodes }: Recipe, pods: readonly PodRecipe[]): View {
  const rollingUpdate = { maxSurge: surge, maxUnavailable: unavailable }
  const set = {
    metadata: {},
    spec: { template: { spec: {} }, updateStrategy: { type: 'RollingUpdate', rollingUpdate } },
  } as unknown as DaemonSet
  return {
    set,
    hash: 'new',
    now: Date.UTC(2026, 1),
    nodes: nodes.map(
      (effect, index) =>
        ({ metadata: { name: `n${index}` }, spec: effect ? { taints: [{ key: 'x', effect }] } : {} }) as unknown as Node,
    ),
    pods: pods
      .map(podOf)
      .filter(({ metadata, status }) => !(metadata.deletionTimestamp && /Failed|Succeeded/.test(status.phase ?? ''))),
  }
}

function podOf({ node, phase, ready, deleting, updated }: PodRecipe, index: number): Pod {
  const status = ready && phase === 'Running' ? 'True' : 'False'
  return {
    metadata: {
      name: `${index}`,
      creationTimestamp: time,
      labels: { [hashLabel]: updated ? 'new' : 'old' },
      ...(deleting && { deletionTimestamp: time }),
    },
    spec: { nodeName: `n${node}` },
    status: { phase, conditions: [{ type: 'Ready', status, lastTransitionTime: time }] },
  } as unknown as Pod
}

/** Nodes that should have an available pod and have none. */
function missing(view: View): number {
  const served = new Set(
    view.pods.filter((pod) => !pod.metadata.deletionTimestamp && isAvailable(pod, 0, view.now)).map(targetOf),
  )
  return view.nodes.filter((node) => fitOf(view.set, node).starts && !served.has(node.metadata.name)).length
}

test('planRolling() never leaves more nodes without a pod than it may', () => {
  holdsForAll({ make }, (recipe) => {
    const view = viewOf(recipe, recipe.pods)
    const { remove } = planRolling(view)
    const desired = view.nodes.filter((node) => fitOf(view.set, node).starts).length
    const { unavailable } = budgetOf(view.set, desired)
    const after = missing({ ...view, pods: view.pods.filter((pod) => !remove.includes(pod)) })
    assert.ok(after <= Math.max(unavailable, missing(view)), `${after} nodes without a pod`)
  })
})

test('planRolling() surges on no more nodes than it may, apart from those whose pod is of no use', () => {
  holdsForAll({ make }, (recipe) => {
    if (recipe.surge === 0) return
    const view = viewOf(recipe, recipe.pods)
    const { create } = planRolling(view)
    const useful = (node: string) =>
      view.pods.some((pod) => targetOf(pod) === node && !pod.metadata.deletionTimestamp && isAvailable(pod, 0, view.now))
    assert.ok(create.filter(useful).length <= recipe.surge)
    assert.equal(new Set(create).size, create.length)
  })
})

test('planDaemonSet() and planRolling() bring every state to one new pod on every node that fits', () => {
  holdsForAll({ make }, (recipe) => {
    let pods = recipe.pods
    for (let rounds = 0; rounds < 40; rounds++) {
      const view = viewOf(recipe, pods)
      const first = planDaemonSet(view)
      pods = apply(pods, view, { create: first.create, remove: [...first.remove, ...first.failed, ...first.succeeded] })
      const later = viewOf(recipe, pods)
      pods = apply(pods, later, planRolling(later))
      pods = pods
        .filter(({ deleting }) => !deleting)
        .map((pod) => (/Failed|Succeeded/.test(pod.phase) ? pod : { ...pod, phase: 'Running', ready: true }))
      // Pods of nodes that are gone are the pod garbage collector's.
      pods = pods.filter(({ node }) => node < recipe.nodes.length)
    }
    const view = viewOf(recipe, pods)
    for (const node of view.nodes) {
      const here = view.pods.filter((pod) => targetOf(pod) === node.metadata.name)
      const { starts, stays } = fitOf(view.set, node)
      if (starts) assert.equal(here.length, 1, node.metadata.name)
      else assert.ok(stays ? here.length <= 1 : here.length === 0, node.metadata.name)
      if (starts) assert.equal(here[0]?.metadata.labels?.[hashLabel], 'new')
    }
  })
})

function apply(
  pods: readonly PodRecipe[],
  view: View,
  { create, remove }: { create: readonly string[]; remove: readonly Pod[] },
): PodRecipe[] {
  const names = new Set(remove.map(({ metadata }) => metadata.name))
  assert.ok(
    view.pods.filter(({ metadata }) => names.has(metadata.name)).every(({ metadata }) => !metadata.deletionTimestamp),
    'removed twice',
  )
  const kept = pods.map((pod, index) => (names.has(String(index)) ? { ...pod, deleting: true } : pod))
  const made = create.map((name) => ({
    node: Number(name.slice(1)),
    phase: 'Pending',
    ready: false,
    deleting: false,
    updated: true,
  }))
  return [...kept, ...made]
}

test('FailurePauses doubles up to a quarter of an hour, and forgets after twice that', () => {
  const pauses = new FailurePauses()
  assert.equal(pauses.left('a', 0), 0)
  assert.equal(pauses.left('a', 400), 0.6)
  assert.equal(pauses.left('a', 1000), 0)
  assert.equal(pauses.left('a', 2000), 1)
  let now = 3000
  for (let tries = 0; tries < 12; tries++) now += Math.max(1, pauses.left('a', now)) * 1000
  assert.ok(pauses.left('a', now) <= 900)
  assert.equal(pauses.left('a', now + 1900_000), 0)
  assert.equal(pauses.left('a', now + 1901_000), 0)
})
