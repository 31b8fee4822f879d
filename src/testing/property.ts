/**
 * `holdsForAll`: a claim about plans, held against thousands of random states.
 *
 *     holdsForAll({ make: (dice) => ({ replicas: dice.upTo(5) }) }, ({ replicas }) => assert.ok(plan(replicas).length <= 5))
 *
 * States are recipes: plain JSON that the claim builds objects from. A recipe that breaks the claim is made smaller, part by
 * part, as long as it still does; the error shows what is left, and the seed.
 */
import assert from 'node:assert/strict'
import { seededRandom } from '#lib/random.ts'

export interface Dice {
  /** A whole number from 0 to `most`. */
  upTo(most: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** `most` items at most. */
  some<T>(most: number, make: (index: number) => T): T[]
}

export interface Property<T> {
  readonly make: (dice: Dice) => T
  /** Default 2000. */
  readonly runs?: number
  /** Default 1; a failure tells the one to repeat it with. */
  readonly seed?: number
}

export function holdsForAll<T>({ make, runs = 2000, seed = 1 }: Property<T>, claim: (recipe: T) => void): void {
  for (let run = 0; run < runs; run++) {
    const recipe = make(diceOf(seed + run))
    const error = failureOf(claim, recipe)
    if (!error) continue
    const smallest = shrink(recipe, (smaller) => failureOf(claim, smaller) !== undefined)
    const cause = failureOf(claim, smallest) ?? error
    assert.fail(`seed ${seed + run}: ${cause.message}\nfor ${JSON.stringify(smallest)}\n${cause.stack}`)
  }
}

export function diceOf(seed: number): Dice {
  const random = seededRandom(seed)
  const upTo = (most: number) => Math.floor(random.next() * (most + 1))
  return {
    upTo,
    chance: (probability) => random.next() < probability,
    pick: (items) => items[upTo(items.length - 1)] as never,
    some: (most, make) => Array.from({ length: upTo(most) }, (_, index) => make(index)),
  }
}

function failureOf<T>(claim: (recipe: T) => void, recipe: T): Error | undefined {
  try {
    claim(recipe)
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** So many attempts are enough for recipes of this size. */
const mostAttempts = 5000

export function shrink<T>(recipe: T, breaks: (recipe: T) => boolean): T {
  let smallest = recipe
  for (let attempts = 0, found = true; found && attempts < mostAttempts; ) {
    found = false
    for (const smaller of smallerThan(smallest)) {
      if (++attempts >= mostAttempts) break
      if (!breaks(smaller as T)) continue
      smallest = smaller as T
      found = true
      break
    }
  }
  return smallest
}

/** Lists lose items, numbers come closer to 0, flags become false; the greatest steps first. */
export function* smallerThan(value: unknown): Generator<unknown> {
  if (value === true) yield false
  if (typeof value === 'number' && value !== 0) {
    yield 0
    if (Math.abs(value) > 1) yield Math.trunc(value / 2)
    yield value - Math.sign(value)
  }
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) yield value.toSpliced(at, 1)
    for (const [at, item] of value.entries()) for (const smaller of smallerThan(item)) yield value.with(at, smaller)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      for (const smaller of smallerThan(item)) yield { ...value, [key]: smaller }
    }
  }
}
