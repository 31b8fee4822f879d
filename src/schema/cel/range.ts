/** Ranges of sizes and costs; what is too large is the largest there is (upstream: 64 bits). */

export interface Range {
  readonly min: number
  readonly max: number
}

export const largest = 2 ** 64

export const unknownRange: Range = { min: 0, max: largest }

export function fixed(value: number): Range {
  return { min: value, max: value }
}

function capped(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(value, largest)
}

export function addRange(a: Range, b: Range): Range {
  return { min: capped(a.min + b.min), max: capped(a.max + b.max) }
}

export function times(a: Range, b: Range): Range {
  return { min: capped(a.min * b.min), max: capped(a.max * b.max) }
}

/** Rounded up. */
export function scaled({ min, max }: Range, factor: number): Range {
  return { min: capped(Math.ceil(min * factor)), max: capped(Math.ceil(max * factor)) }
}

export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }
}
