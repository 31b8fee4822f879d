/** Sets of completion indexes, kept as ordered intervals and written as `0,2-5,7` (`indexed_job_utils.go`). */
import type { Pod } from '#api/core/v1/pod.ts'

export const indexKey = 'batch.kubernetes.io/job-completion-index'

/** The pod's completion index; undefined where it has none, or one that is no number. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[indexKey]
  return text !== undefined && /^\+?\d+$/.test(text) ? Number(text) : undefined
}

type Interval = readonly [first: number, last: number]

/** Immutable. The intervals are in order, and do not touch. */
export class Indexes {
  static readonly none = new Indexes([])
  readonly intervals: readonly Interval[]

  constructor(intervals: readonly Interval[]) {
    this.intervals = intervals
  }

  static of(numbers: Iterable<number>): Indexes {
    const sorted = [...new Set(numbers)].sort((a, b) => a - b)
    return Indexes.none.merge(new Indexes(sorted.map((number) => [number, number])))
  }

  /** What does not parse, or lies beyond the completions, names nothing. */
  static parse(text: string, completions: number): Indexes {
    let result = Indexes.none
    for (const part of text === '' ? [] : text.split(',')) {
      const [first = '', last = first] = part.split('-')
      if (!/^\d+$/.test(first) || !/^\d+$/.test(last)) continue
      if (Number(first) >= completions) break
      result = result.merge(new Indexes([[Number(first), Math.min(Number(last), completions - 1)]]))
    }
    return result
  }

  get size(): number {
    return this.intervals.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  }

  has(index: number): boolean {
    let [low, high] = [0, this.intervals.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.intervals[middle]![1] >= index) high = middle
      else low = middle + 1
    }
    const found = this.intervals[low]
    return found !== undefined && found[0] <= index
  }

  merge(other: Indexes): Indexes {
    if (other.intervals.length === 0) return this
    const sorted = [...this.intervals, ...other.intervals].sort((a, b) => a[0] - b[0])
    const merged: [number, number][] = []
    for (const [first, last] of sorted) {
      const before = merged.at(-1)
      if (!before || first > before[1] + 1) merged.push([first, last])
      else before[1] = Math.max(before[1], last)
    }
    return new Indexes(merged)
  }

  with(numbers: Iterable<number>): Indexes {
    return this.merge(Indexes.of(numbers))
  }

  /** How many of the indexes `other` has as well. */
  overlap(other: Indexes): number {
    let [i, j, total] = [0, 0, 0]
    while (i < this.intervals.length && j < other.intervals.length) {
      const [a, b] = [this.intervals[i]!, other.intervals[j]!]
      total += Math.max(0, Math.min(a[1], b[1]) - Math.max(a[0], b[0]) + 1)
      if (a[1] < b[1]) i++
      else j++
    }
    return total
  }

  /** The first `count` indexes below `completions` that are missing here. */
  missing(count: number, completions: number): readonly number[] {
    const found: number[] = []
    let candidate = 0
    for (const [first, last] of [...this.intervals, [completions, completions] as const]) {
      for (; candidate < Math.min(first, completions) && found.length < count; candidate++) found.push(candidate)
      candidate = Math.max(candidate, last + 1)
    }
    return found
  }

  toString(): string {
    return this.intervals
      .map(([first, last]) => (first === last ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`))
      .join(',')
  }
}
