/** Indexes of an Indexed Job as text, such as `1,3-5,7` (upstream `validateIndexesFormat`). */

export type Interval = readonly [first: number, last: number]
type Parsed = { readonly intervals: readonly Interval[]; readonly total: number } | { readonly error: string }

/** Upstream's words for the first thing that is wrong. */
export function parseIndexes(text: string, completions: number): Parsed {
  const intervals: Interval[] = []
  let total = 0
  for (const part of text === '' ? [] : text.split(',')) {
    const interval = parseInterval(part, completions)
    if (typeof interval === 'string') return { error: interval }
    const last = intervals.at(-1)?.[1]
    if (last !== undefined && last >= interval[0]) {
      return { error: `non-increasing order, previous: ${last}, current: ${interval[0]}` }
    }
    intervals.push(interval)
    total += interval[1] - interval[0] + 1
  }
  return { intervals, total }
}

/** The first index that both texts name; what does not parse names nothing. */
export function overlapOf(a: string, b: string, completions: number): number | undefined {
  const [left, right] = [a, b].map((text) => readable(text, completions)) as [Interval[], Interval[]]
  let [i, j] = [0, 0]
  while (i < left.length && j < right.length) {
    const [x, y] = [left[i]!, right[j]!]
    if (x[0] <= y[1] && y[0] <= x[1]) return Math.max(x[0], y[0])
    if (x[0] <= y[0]) i++
    else j++
  }
  return undefined
}

function readable(text: string, completions: number): Interval[] {
  const parts = text === '' ? [] : text.split(',')
  return parts.map((part) => parseInterval(part, completions)).filter((interval) => typeof interval !== 'string')
}

function parseInterval(text: string, completions: number): Interval | string {
  const limits = text.split('-')
  const quoted = JSON.stringify(text)
  if (limits.length > 2) {
    return `the fragment ${quoted} violates the requirement that an index interval can have at most two parts separated by '-'`
  }
  const numbers: number[] = []
  for (const limit of limits) {
    if (!/^[+-]?\d+$/.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`
    if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`
    numbers.push(Number(limit))
  }
  const [first = 0, last = first] = numbers
  if (limits.length === 2 && first >= last) return `non-increasing order, previous: ${first}, current: ${last}`
  return [first, last]
}
