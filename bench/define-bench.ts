/** What a benchmark is. Each file of this folder that has one exports it as its default; `bench.ts` runs them. */

export interface Figure {
  readonly what: string
  readonly value: number
  /** `/s`, `ms`, `MB`: of the value and of its limit. */
  readonly unit: string
  /** What the machine can do at best in the same run, by the plainest program that does the same. */
  readonly limit?: { readonly what: string; readonly value: number }
  /** More figures of the same measurement, in words. */
  readonly note?: string
}

export interface Bench {
  readonly name: string
  /** Why it cannot run here; undefined when it can. */
  skip?(): string | false
  /** Reports each figure as soon as it is known. Leaves nothing behind. */
  run(report: (figure: Figure) => void): Promise<void>
}

export function defineBench(bench: Bench): Bench {
  return bench
}
