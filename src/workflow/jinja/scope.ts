/** Names and what they stand for, one scope inside the other; and what a template needs while it runs. */
import type { Place } from './fault.ts'
import { Undefined } from './values.ts'

export type Evaluate = (scope: Scope) => unknown
/** Appends what it prints. */
export type Execute = (scope: Scope, out: string[]) => void

export interface Parsed {
  readonly name: string
  readonly body: Execute
  readonly blocks: ReadonlyMap<string, Execute>
}

/** Of one template, with those that it extends. */
export interface Run {
  load(name: string, at: Place): Parsed
  /** Undefined where there is no such template. */
  find(name: string, from: string): Parsed | undefined
  readonly isLenient: boolean
  /** By name; the template's own first, then those of what it extends. */
  readonly blocks: Map<string, Execute[]>
  /** What the template said that it extends. */
  parent: Parsed | undefined
}

export class Scope {
  readonly run: Run
  readonly #held: Map<string, unknown>
  readonly #outer: Scope | undefined

  constructor(run: Run, options: { held?: Map<string, unknown>; outer?: Scope | undefined } = {}) {
    this.run = run
    this.#held = options.held ?? new Map()
    this.#outer = options.outer
  }

  inner(held: Iterable<readonly [string, unknown]> = []): Scope {
    return new Scope(this.run, { held: new Map(held), outer: this })
  }

  /** The outermost but for the globals: what a template as a whole has. */
  get top(): Scope {
    const outer = this.#outer
    return outer?.hasOuter ? outer.top : this
  }

  get hasOuter(): boolean {
    return this.#outer !== undefined
  }

  /** What every template knows. */
  globals(): Scope {
    return this.#outer ? this.#outer.globals() : this
  }

  /** The same names for another template. */
  within(run: Run): Scope {
    return new Scope(run, { held: this.#held, outer: this.#outer })
  }

  get(name: string, place: Place): unknown {
    for (let scope: Scope | undefined = this; scope; scope = scope.#outer) {
      if (scope.#held.has(name)) return scope.#held.get(name)
    }
    return new Undefined(`${JSON.stringify(name)} is undefined`, { place, isLenient: this.run.isLenient })
  }

  set(name: string, value: unknown): void {
    this.#held.set(name, value)
  }

  /** What was set in this very scope, for those that import the template. */
  own(): ReadonlyMap<string, unknown> {
    return new Map([...this.#held].filter(([name]) => !name.startsWith('_')))
  }
}
