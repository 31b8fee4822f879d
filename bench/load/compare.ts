/** Two servers under the same load in short turns: what a noisy machine does to one it does to the other, and medians leave out its worst. */
import type { Figure } from '../define-bench.ts'
import type { OpenLoad, Round } from './load-client.ts'

export interface Side {
  readonly perSecond: number
  readonly megabytesPerSecond: number
  /** Microseconds of this thread's time for one request. */
  readonly cpu: number
  readonly bytes: number
  readonly p50: number
  readonly p99: number
}

export interface Turns {
  readonly rounds?: number
  readonly milliseconds?: number
  /** Milliseconds, or so many requests: what a busy machine does in a time is no warming. */
  readonly warmUp?: number
  readonly warmUpRequests?: number | undefined
  /** At most so many requests in a turn. */
  readonly requests?: number | undefined
  /** Makes what each of our turns uses up. */
  readonly before?: (() => Promise<void>) | undefined
}

/** Both servers live in this thread; the load does not. */
export async function compare(
  sides: { readonly limit: OpenLoad; readonly nami: OpenLoad },
  { rounds = 5, milliseconds = 600, warmUp = 1500, warmUpRequests, requests, before }: Turns = {},
): Promise<{ limit: Side; nami: Side }> {
  const most = requests === undefined ? {} : { requests }
  const enough = requests ?? warmUpRequests
  for (const load of [sides.limit, sides.nami]) {
    if (load === sides.nami) await before?.()
    await (enough === undefined ? load.run(warmUp) : load.run(Infinity, { requests: enough }))
  }
  const limit: Side[] = []
  const nami: Side[] = []
  for (let i = 0; i < rounds; i++) {
    limit.push(await side(sides.limit, milliseconds, most))
    await before?.()
    // What was made for this turn is used up in it.
    nami.push(await side(sides.nami, requests === undefined ? milliseconds : Infinity, most))
  }
  return { limit: median(limit), nami: median(nami) }
}

async function side(load: OpenLoad, milliseconds: number, most: { requests?: number }): Promise<Side> {
  const before = process.threadCpuUsage()
  const round = await load.run(milliseconds, most)
  return sideOf(round, process.threadCpuUsage(before))
}

export function sideOf({ requests, seconds, bytes, p50, p99 }: Round, { user, system }: NodeJS.CpuUsage): Side {
  return {
    ...{ p50, p99, perSecond: requests / seconds, megabytesPerSecond: bytes / seconds / 1e6 },
    ...{ cpu: (user + system) / requests, bytes: bytes / requests },
  }
}

/** Of each figure by itself. */
function median(sides: readonly Side[]): Side {
  const middle = (read: (side: Side) => number) => sides.map(read).sort((a, b) => a - b)[sides.length >> 1] as number
  return {
    perSecond: middle((side) => side.perSecond),
    megabytesPerSecond: middle((side) => side.megabytesPerSecond),
    cpu: middle((side) => side.cpu),
    bytes: middle((side) => side.bytes),
    p50: middle((side) => side.p50),
    p99: middle((side) => side.p99),
  }
}

/** Rates as the figure; thread time and times of answers beside it. */
export function figureOf(what: string, { limit, nami }: { limit: Side; nami: Side }, limitName: string): Figure {
  const cpu = `thread time ${nami.cpu.toFixed(1)} and ${limit.cpu.toFixed(1)} us, ratio ${(limit.cpu / nami.cpu).toFixed(2)}`
  const times = `p50 ${nami.p50.toFixed(1)} and ${limit.p50.toFixed(1)} ms, p99 ${nami.p99.toFixed(1)} and ${limit.p99.toFixed(1)} ms`
  return {
    what,
    value: nami.perSecond,
    unit: '/s',
    limit: { what: limitName, value: limit.perSecond },
    note: `${Math.round(nami.bytes).toLocaleString('en')} bytes; ${cpu}; ${times}`,
  }
}
