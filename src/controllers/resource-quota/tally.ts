/**
 * What the objects of one kind use of a quota, as a running controller remembers it: a change of one object costs a look at one. Objects
 * that use the same are counted together, so that the sum is over how many kinds of use there are.
 */
import { addAmounts } from '#api/core/v1/quota-amounts.ts'
import { type QuotaEvaluator, usedAmounts } from '#api/core/v1/quota-usage.ts'
import type { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import type { KubeObject } from '#schema/kind.ts'
import type { Changes } from '../runtime/controller.ts'

type Quota = Pick<ResourceQuota, 'spec'>

interface Use {
  readonly amounts: Readonly<Record<string, string>>
  count: number
}

export class Tally {
  readonly evaluator: QuotaEvaluator
  #quota: Quota
  /** Key of the object -> what it uses, as text. */
  #uses = new Map<string, string>()
  #sums = new Map<string, Use>()
  /** Objects that are being deleted: what they use may change as time passes. */
  #ending = new Map<string, KubeObject>()

  constructor(evaluator: QuotaEvaluator, quota: Quota) {
    this.evaluator = evaluator
    this.#quota = quota
  }

  look({ objects }: Changes<KubeObject>, now: number): void {
    for (const [key, object] of new Map<string, KubeObject | undefined>([...this.#ending, ...objects])) {
      this.#remove(key)
      if (!object) continue
      this.#add(key, this.#used([object], now))
      if (object.metadata.deletionTimestamp) this.#ending.set(key, object)
    }
  }

  /** The whole, by the names of the bounds that count such objects. */
  sum(now: number): Record<string, string> {
    let sum = this.#used([], now)
    for (const { amounts, count } of this.#sums.values()) sum = addAmounts(sum, times(amounts, count))
    return sum
  }

  #used(objects: readonly KubeObject[], now: number): Record<string, string> {
    const { spec } = this.#quota
    return usedAmounts({ spec, hard: spec.hard ?? {} }, { evaluator: this.evaluator, objects, now })
  }

  #add(key: string, amounts: Readonly<Record<string, string>>): void {
    const text = JSON.stringify(amounts)
    const use = this.#sums.get(text) ?? { amounts, count: 0 }
    use.count++
    this.#sums.set(text, use)
    this.#uses.set(key, text)
  }

  #remove(key: string): void {
    const text = this.#uses.get(key)
    this.#ending.delete(key)
    this.#uses.delete(key)
    const use = text === undefined ? undefined : this.#sums.get(text)
    if (use && --use.count === 0) this.#sums.delete(text as string)
  }
}

/** Added to itself so many times, by doubling. */
function times(amounts: Readonly<Record<string, string>>, count: number): Readonly<Record<string, string>> {
  if (count === 1) return amounts
  const half = times(amounts, Math.floor(count / 2))
  const even = addAmounts(half, half)
  return count % 2 === 0 ? even : addAmounts(even, amounts)
}
