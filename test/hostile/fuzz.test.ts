/**
 * Requests of all shapes against a server process of its own. The same cases each time, so that a change is to blame
 * for what it breaks; to look for more, by another seed:
 *
 *     NAMI_FUZZ_SEED=7 NAMI_FUZZ_CASES=20000 node --test test/hostile/fuzz.test.ts
 *
 * and to see a part of a run again, `NAMI_FUZZ_FROM=15000`: each case follows from the seed and its number.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diceOf } from '#testing/property.ts'
import { openServerProcess, type ServerProcess } from '#testing/server-process.ts'
import { type BrokenCase, brokenConnections, makeBrokenCase } from './broken-connections.ts'
import { type FuzzBed, openFuzzBed } from './fuzz-bed.ts'
import { type Case, makeCase } from './generate-case.ts'
import { faultOf, ofJavaScript, secretMark } from './judge.ts'
import { shrinkCase } from './shrink-case.ts'

const seed = Number(process.env.NAMI_FUZZ_SEED ?? 1)
const cases = Number(process.env.NAMI_FUZZ_CASES ?? 100_000)
const first = Number(process.env.NAMI_FUZZ_FROM ?? 0)
/** After so many, everything is read, cleared and put back. */
const perRound = Math.min(cases, 5_000)
const atOnce = 32
/** One of so many is a connection of its own that speaks no proper HTTP. */
const perBroken = 50
/** Milliseconds after which a case is told, though nothing is wrong with it. */
const slow = 1_000
const mebibyte = 2 ** 20

test(`${cases} hostile requests leave the server whole (seed ${seed})`, { timeout: 900_000 }, async (t) => {
  await using server = await openServerProcess({ runtimeConfig: 'api/all=true' })
  await using bed = await openFuzzBed(server)
  const faults = new Map<string, { readonly made: Case | BrokenCase; readonly fault: string; count: number }>()
  const counts = new Map<number, number>()
  const unreadable: string[] = []
  let heap = 0
  for (let from = first; from < first + cases; from += perRound) {
    const began = performance.now()
    const slowest: Slow[] = []
    await runRound(bed, server, { from, faults, counts, slowest })
    t.diagnostic(`from ${from}: ${((performance.now() - began) / 1000).toFixed(1)} s${tellSlow(slowest)}`)
    assert.equal(server.ended(), undefined, `the server ended:\n${server.printed().slice(-3000)}`)
    unreadable.push(...(await bed.faults()).map((fault) => `after case ${from + perRound}: ${fault}`))
    await bed.clear()
    await bed.restore()
    if (from === first) heap = await server.heapUsed()
  }
  t.diagnostic(
    [...counts]
      .sort()
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  )
  assert.deepEqual([...(await explain(bed, faults)), ...unreadable], [])
  assert.ok(bed.reviewed() > 0, 'the webhook was asked')
  t.diagnostic(`${bed.reviewed()} reviews by the webhook`)
  assert.deepEqual(complaintsOf(server), [])
  assert.equal(await server.evaluate('Object.keys(Object.prototype).length + Object.keys(Array.prototype).length'), 0)
  const growth = (await server.heapUsed()) - heap
  t.diagnostic(
    `heap ${(heap / mebibyte).toFixed()} MiB and ${(growth / mebibyte).toFixed()} MiB more; resident ${(server.resident() / mebibyte).toFixed()} MiB`,
  )
  assert(growth < 128 * mebibyte, `the heap has grown by ${growth} bytes`)
  await server.restart()
  assert.deepEqual(await bed.faults(), [], 'after a restart')
})

type Round = {
  readonly from: number
  readonly faults: Map<string, { readonly made: Case | BrokenCase; readonly fault: string; count: number }>
  readonly counts: Map<number, number>
  readonly slowest: Slow[]
}

interface Slow {
  readonly number: number
  readonly milliseconds: number
  readonly made: Case | BrokenCase
}

function tellSlow(slowest: Slow[]): string {
  const worst = slowest.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, 5)
  const lines = worst.map(
    ({ number, milliseconds, made }) => `\n  case ${number}: ${milliseconds.toFixed()} ms ${JSON.stringify(made).slice(0, 300)}`,
  )
  return `, ${slowest.length} cases above ${slow} ms${lines.join('')}`
}

async function runRound(
  { client, known }: FuzzBed,
  server: ServerProcess,
  { from, faults, counts, slowest }: Round,
): Promise<void> {
  using broken = brokenConnections(server, secretMark)
  let next = from
  const end = Math.min(from + perRound, first + cases)
  const work = async () => {
    while (next < end) {
      const number = next++
      const dice = diceOf(Math.imul(seed, 1_000_003) + number)
      if (next % perBroken === 0) {
        const made = makeBrokenCase(dice)
        const began = performance.now()
        const fault = await broken.send(made)
        const milliseconds = performance.now() - began
        if (milliseconds > slow) slowest.push({ number, milliseconds, made })
        if (fault !== undefined) note(faults, { made, fault })
        continue
      }
      const made = makeCase(dice, known)
      const outcome = await client.send(made).catch((error: Error) => error)
      const fault = outcome instanceof Error ? outcome.message : faultOf(made, outcome)
      if (!(outcome instanceof Error) && outcome.milliseconds > slow)
        slowest.push({ number, milliseconds: outcome.milliseconds, made })
      if (!(outcome instanceof Error)) counts.set(outcome.status, (counts.get(outcome.status) ?? 0) + 1)
      if (fault !== undefined) note(faults, { made, fault })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

function note(faults: Round['faults'], { made, fault }: { readonly made: Case | BrokenCase; readonly fault: string }): void {
  const kind = `${'method' in made ? made.method : made.alpn} ${fault.slice(0, 60)}`
  const same = faults.get(kind)
  if (same) same.count++
  else faults.set(kind, { made, fault, count: 1 })
}

/** Each kind of fault once, by the smallest request that still shows it. */
async function explain({ client }: FuzzBed, faults: Round['faults']): Promise<string[]> {
  const told: string[] = []
  for (const { made, fault, count } of [...faults.values()].slice(0, 20)) {
    if (!('method' in made)) {
      told.push(`${count} times: ${fault}\n  ${JSON.stringify(made)}`)
      continue
    }
    const breaks = async (smaller: Case) => {
      const outcome = await client.send(smaller).catch((error: Error) => error)
      const found = outcome instanceof Error ? outcome.message : faultOf(smaller, outcome)
      return found?.slice(0, 12) === fault.slice(0, 12)
    }
    const smallest = (await breaks(made)) ? await shrinkCase(made, breaks) : undefined
    told.push(`${count} times: ${fault}\n  ${JSON.stringify(smallest ?? { unrepeatable: made })}`)
  }
  return told
}

/** Defects that the server wrote down; controllers also write what they were refused. */
function complaintsOf(server: ServerProcess): string[] {
  const lines = server.printed().split('\n')
  return [
    ...new Set(
      lines
        .filter((line) => line.startsWith('{"level":50') && ofJavaScript.test(line))
        .map((line) => line.replace(/"time":"[^"]*",/, '')),
    ),
  ]
}
