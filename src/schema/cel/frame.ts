/** What one evaluation has: the values of its variables, and what is left of its budget. */
import { CelBudgetExceeded } from './errors.ts'
import type { Meter } from './value.ts'

export class Frame implements Meter {
  readonly variables: Readonly<Record<string, unknown>>
  /** Values of variables that have been read, and of those of macros. */
  readonly slots: unknown[]
  #remaining: number

  constructor(variables: Readonly<Record<string, unknown>>, size: number, budget: number) {
    this.variables = variables
    this.slots = new Array(size)
    this.#remaining = budget
  }

  get remaining(): number {
    return this.#remaining
  }

  charge(cost: number): void {
    this.#remaining -= cost
    // Not "less than zero": a cost that is no number ends the evaluation, too.
    if (!(this.#remaining >= 0)) throw new CelBudgetExceeded()
  }
}
