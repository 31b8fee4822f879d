import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Dice, holdsForAll } from '#testing/property.ts'
import { planOwners } from './claim-owners.ts'
import { identityLabels, isInRange, ordinalOf, revisionLabel } from './identity.ts'
import { isHealthy, livingOf, maxUnavailable, planStatefulSet, type Step, type View } from './plan.ts'

interface PodRecipe {
  ordinal: number
  phase: string
  ready: boolean
  deleting: boolean
  updated: boolean
}

interface Recipe {
  replicas: number
  start: number
  parallel: boolean
  onDelete: boolean
  partition: number
  maxUnavailable: number
  pods: PodRecipe[]
}

function make({ upTo, chance, pick, some }: Dice): Recipe {
  const pods = some(8, () => ({
    ordinal: upTo(8),
    phase: pick(['Pending', 'Running', 'Running', 'Running', 'Failed', 'Succeeded']),
    ready: chance(0.7),
    deleting: chance(0.2),
    updated: chance(0.5),
  }))
  return {
    replicas: upTo(6),
    start: upTo(2),
    parallel: chance(0.5),
    onDelete: chance(0.15),
    partition: upTo(3),
    maxUnavailable: 1 + upTo(3),
    pods,
  }
}

function setOf({ replicas, start, parallel, onDelete, partition, maxUnavailable }: Recipe): StatefulSet {
  const updateStrategy = onDelete ? { type: 'OnDelete' } : { type: 'RollingUpdate', rollingUpdate: { partition, maxUnavailable } }
  const podManagementPolicy = parallel ? 'Parallel' : 'OrderedReady'
  return {
    metadata: { name: 'db', namespace: 'default', uid: 'set' },
    spec: {
      replicas,
      ordinals: { start },
      podManagementPolicy,
      updateStrategy,
      template: { metadata: {}, spec: { containers: [] } },
    },
    status: {},
  } as unknown as StatefulSet
}

function podOf(set: StatefulSet, { ordinal, phase, ready, deleting, updated }: PodRecipe): Pod {
  const isReady = ready && phase === 'Running'
  return {
    metadata: {
      name: `db-${ordinal}`,
      labels: { ...identityLabels(set, ordinal), [revisionLabel]: updated ? 'new' : 'old' },
      ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: {},
    status: {
      phase,
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  } as unknown as Pod
}

const oneEach = (pods: readonly PodRecipe[]) => [...new Map(pods.map((pod) => [pod.ordinal, pod])).values()]

const viewOf = (recipe: Recipe, pods: readonly PodRecipe[] = oneEach(recipe.pods)): View => {
  const set = setOf(recipe)
  return {
    set,
    current: 'old',
    update: 'new',
    pods: pods.map((pod) => podOf(set, pod)),
    claim: () => undefined,
    now: Date.UTC(2026, 1),
  }
}

const stepsOf = (view: View) => planStatefulSet(view).flat()
const unhealthy = (view: View) => livingOf(view).filter((pod) => !pod || !isHealthy(view, pod)).length

test('planStatefulSet() never makes two pods of one ordinal, nor one beyond the replicas', () => {
  holdsForAll({ make }, (recipe) => {
    const view = viewOf(recipe)
    const created = stepsOf(view).flatMap((step) => (step.type === 'create' ? [step.ordinal] : []))
    assert.equal(new Set(created).size, created.length)
    assert.ok(created.every((ordinal) => isInRange(view.set, ordinal)))
    assert.ok(!view.pods.some((pod) => created.includes(ordinalOf(pod))), 'made although it is there')
    if (!recipe.parallel) assert.ok(created.length <= 1)
  })
})

test('planStatefulSet() never updates more pods than may be unavailable', () => {
  holdsForAll({ make }, (recipe) => {
    const view = viewOf(recipe)
    const removed = stepsOf(view).filter((step) => step.type === 'delete' && step.forUpdate)
    if (removed.length === 0) return
    const after = {
      ...view,
      pods: view.pods.filter((pod) => !removed.some((step) => step.type === 'delete' && step.pod === pod)),
    }
    assert.ok(unhealthy(after) <= maxUnavailable(view.set), `${unhealthy(after)} unavailable`)
    assert.ok(!recipe.onDelete)
  })
})

/** The node agents' part: what is being deleted goes, what runs becomes ready. */
function live(pods: PodRecipe[]): PodRecipe[] {
  const alive = pods.filter(({ deleting }) => !deleting)
  return alive.map((pod) =>
    pod.phase === 'Failed' || pod.phase === 'Succeeded' ? pod : { ...pod, phase: 'Running', ready: true },
  )
}

function apply(pods: readonly PodRecipe[], step: Step): PodRecipe[] {
  if (step.type === 'create') {
    const { ordinal, revision } = step
    return [...pods, { ordinal, phase: 'Pending', ready: false, deleting: false, updated: revision === 'update' }]
  }
  if (step.type !== 'delete') return [...pods]
  return pods.map((pod) => (pod.ordinal === ordinalOf(step.pod) ? { ...pod, deleting: true } : pod))
}

test('planStatefulSet() brings every state to the wanted one', () => {
  holdsForAll({ make }, (recipe) => {
    let pods = oneEach(recipe.pods)
    for (let rounds = 0; rounds < 60; rounds++) {
      const steps = stepsOf(viewOf(recipe, pods))
      pods = live(steps.reduce(apply, pods))
    }
    assert.deepEqual(stepsOf(viewOf(recipe, pods)), [])
    const wanted = Array.from({ length: recipe.replicas }, (_, index) => recipe.start + index)
    assert.deepEqual(
      pods.map(({ ordinal }) => ordinal).sort((a, b) => a - b),
      wanted,
    )
    if (!recipe.onDelete) {
      const outdated = pods.filter(({ ordinal, updated }) => !updated && ordinal >= recipe.start + recipe.partition)
      assert.deepEqual(outdated, [])
    }
  })
})

const owner = (kind: string, name: string, uid: string) => ({
  ...{ apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1', kind, name, uid },
  controller: true,
  blockOwnerDeletion: true,
})
const mine = owner('StatefulSet', 'db', 'set')
const pods = owner('Pod', 'db-9', 'pod')
const owners = [
  { it: 'nobody by default', policy: {}, ordinal: 0, has: [], becomes: undefined },
  { it: 'nobody any more', policy: {}, ordinal: 0, has: [mine], becomes: [] },
  { it: 'the set that takes them along', policy: { whenDeleted: 'Delete' }, ordinal: 0, has: [], becomes: [mine] },
  { it: 'the set, as it does', policy: { whenDeleted: 'Delete' }, ordinal: 0, has: [mine], becomes: undefined },
  { it: 'the surplus pod', policy: { whenDeleted: 'Delete', whenScaled: 'Delete' }, ordinal: 9, has: [mine], becomes: [pods] },
  {
    it: 'whom it did, where a set of that name has gone',
    policy: { whenDeleted: 'Delete' },
    ordinal: 0,
    has: [{ ...mine, uid: 'former' }],
    becomes: undefined,
  },
  {
    it: 'another controller alone',
    policy: { whenDeleted: 'Delete' },
    ordinal: 0,
    has: [owner('Database', 'x', 'x'), mine],
    becomes: [owner('Database', 'x', 'x')],
  },
]
for (const { it, policy, ordinal, has, becomes } of owners) {
  test(`planOwners() lets a claim belong to ${it}`, () => {
    const set = {
      ...mine,
      metadata: { name: 'db', uid: 'set' },
      spec: { replicas: 3, persistentVolumeClaimRetentionPolicy: policy },
    } as unknown as StatefulSet
    const claim = { metadata: { ownerReferences: has } } as unknown as PersistentVolumeClaim
    assert.deepEqual(planOwners(set, { name: `db-${ordinal}`, uid: 'pod' }, claim), becomes)
  })
}
