import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { type Dice, holdsForAll } from '#testing/property.ts'
import { maxSurge, maxUnavailable } from './budget.ts'
import { planRolling } from './rolling.ts'
import { planScale } from './scale.ts'

interface Recipe {
  replicas: number
  surge: number
  unavailable: number
  /** The new one first; `ready` in percent of its size. */
  sets: { size: number; ready: number }[]
}

function make({ upTo, some, chance }: Dice): Recipe {
  const one = () => ({ size: upTo(8), ready: chance(0.5) ? 100 : upTo(100) })
  return { replicas: upTo(10), surge: upTo(4), unavailable: upTo(4), sets: [one(), ...some(3, one)] }
}

function deploymentOf({ replicas, surge, unavailable }: Recipe): Deployment {
  const rollingUpdate = { maxSurge: surge, maxUnavailable: unavailable }
  return {
    metadata: { name: 'web' },
    spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate } },
    status: {},
  } as unknown as Deployment
}

function setsOf({ sets }: Pick<Recipe, 'sets'>): ReplicaSet[] {
  return sets.map(({ size, ready }, at) => {
    const creationTimestamp = new Date(Date.UTC(2026, 0, 9 - at)).toISOString()
    const availableReplicas = Math.floor((size * ready) / 100)
    return {
      metadata: { name: `s${at}`, uid: `s${at}`, creationTimestamp },
      spec: { replicas: size },
      status: { replicas: size, availableReplicas },
    } as unknown as ReplicaSet
  })
}

const total = (sets: readonly { size: number }[]) => sets.reduce((sum, { size }) => sum + size, 0)
const available = (sets: readonly ReplicaSet[]) => sets.reduce((sum, { status }) => sum + (status.availableReplicas ?? 0), 0)

/** Sizes after the plan; what is not available goes first, as the ReplicaSet controller has it. */
function after(recipe: Recipe): Recipe['sets'] {
  const sets = setsOf(recipe)
  const [current, ...old] = sets as [ReplicaSet, ...ReplicaSet[]]
  const sizes = new Map(sets.map((set, at) => [set, recipe.sets[at]!]))
  for (const { set, replicas } of planRolling(deploymentOf(recipe), { current, old })) {
    const alive = Math.min(set.status.availableReplicas ?? 0, replicas)
    sizes.set(set, { size: replicas, ready: replicas === 0 ? 0 : (alive * 100) / replicas + 1e-9 })
  }
  return [...sizes.values()]
}

test('planRolling() keeps within the surge, and keeps enough pods available', () => {
  holdsForAll({ make }, (recipe) => {
    if (recipe.sets.length === 0) return
    const deployment = deploymentOf(recipe)
    const next = after(recipe)
    const most = Math.max(recipe.replicas + maxSurge(deployment), total(recipe.sets))
    assert.ok(total(next) <= most, `${total(next)} pods`)
    const [current, then] = [setsOf(recipe), setsOf({ sets: next })].map((sets) => available(sets)) as [number, number]
    const shrinksOnPurpose = (next[0]?.size ?? 0) < (recipe.sets[0]?.size ?? 0)
    const least = Math.min(current, recipe.replicas - maxUnavailable(deployment))
    assert.ok(shrinksOnPurpose || then >= least, `${then} available of ${current}`)
  })
})

test('planRolling() brings every state to the new template', () => {
  holdsForAll({ make }, (recipe) => {
    if (recipe.sets.length === 0) return
    let state = recipe
    for (let rounds = 0; rounds < 80; rounds++) {
      state = { ...state, sets: after(state).map(({ size }) => ({ size, ready: 100 })) }
    }
    assert.deepEqual(
      state.sets.map(({ size }) => size),
      recipe.sets.map((_, at) => (at === 0 ? recipe.replicas : 0)),
    )
  })
})

test('planScale() shares out exactly what there is to share', () => {
  holdsForAll({ make }, (recipe) => {
    const [current, ...old] = setsOf(recipe)
    const deployment = { ...deploymentOf(recipe), status: { replicas: total(recipe.sets) } } as Deployment
    const plan = planScale(deployment, { current, old })
    assert.ok(plan.every(({ replicas }) => replicas >= 0))
    if (plan.length < 2 || recipe.replicas === 0) return
    const isDrain = plan.every(({ replicas }) => replicas === 0)
    const sum = plan.reduce((sum, { replicas }) => sum + replicas, 0)
    assert.ok(isDrain || sum === recipe.replicas + maxSurge(deployment), `${sum} pods`)
  })
})
