import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Random, seededRandom } from '#lib/random.ts'
import { checkLinearizable } from '#testing/linearizability.ts'
import { type Output, Recording, storeModel } from './conformance/recorded-client.ts'
import { parseTrace, type Traced, TracedFiles, traceArguments } from './conformance/traced-files.ts'
import { Ledger } from './ledger.ts'
import { DamagedStoreError } from './sqlite-damage.ts'
import { openFile } from './sqlite-file.ts'
import { loadFile } from './sqlite-load.ts'
import type { Row } from './store.ts'

/** How often the process is killed, and the power cut: half of each. */
const cuts = Number(process.env.NAMI_KILLS ?? 1000)

const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nami-power-'))
after(() => rmSync(root, { recursive: true }))

const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
const skip = hasStrace ? false : 'strace is not installed, or may not trace here'

/** Microseconds by which a disk is late that takes its time with an fsync. */
const lateness = 15_000

const traces = new Map<number, Traced[]>()

/** A run of eight clients, traced once for all tests; `late` holds up each fsync by so many microseconds. */
function trace(late = 0): Traced[] {
  const found = traces.get(late)
  if (found) return found
  const directory = mkdtempSync(join(tmpdir(), 'nami-traced-'))
  try {
    const file = join(directory, 'trace')
    const writer = join(import.meta.dirname, 'conformance/traced-writer.ts')
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', writer, join(directory, 'state.db'), '7', '12']
    const delay = late ? ['-e', `inject=fsync,fdatasync:delay_enter=${late}`] : []
    spawnSync('strace', [...traceArguments, ...delay, '-o', file, ...command], { stdio: 'ignore', timeout: 60_000 })
    const traced = parseTrace(file, join(directory, 'state.db'))
    traces.set(late, traced)
    assert(
      traced.some((one) => one.type === 'out' && one.line.startsWith('"end"')),
      'the writer came to its end',
    )
    return traced
  } finally {
    rmSync(directory, { recursive: true })
  }
}

let places = 0

/** The rows that a start finds in these files. */
function found(files: ReadonlyMap<string, Buffer>): { rows: readonly Row[]; revision: number } {
  const directory = join(root, `${places++}`)
  mkdirSync(directory)
  try {
    for (const [name, bytes] of files) if (!name.endsWith('-shm')) writeFileSync(join(directory, name), bytes)
    const path = join(directory, 'state.db')
    const database = openFile(path)
    try {
      const ledger = new Ledger()
      loadFile(database, ledger, path)
      return ledger.range({ key: '/', end: '0' })
    } finally {
      database.close()
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function judge(recording: Recording, { rows }: { rows: readonly Row[] }, what: string): void {
  const outputs = Array.from({ length: 6 }, (_, i) => {
    const row = rows.find(({ key }) => key === `/k/${i}`)
    const output: Output = { ok: true, revision: row?.revision ?? 0, ...(row && { value: Buffer.from(row.value).toString() }) }
    return { key: `/k/${i}`, output }
  })
  const verdict = checkLinearizable(storeModel, recording.history(outputs))
  if (!verdict.ok) assert.fail(`${what}: ${JSON.stringify({ stuck: verdict.stuck, longest: verdict.longest.slice(-5) })}`)
}

interface Replay {
  readonly times: number
  readonly random: Random
  readonly late?: number
  /** As if nothing were ever synced after the first answer. */
  readonly forgetful?: boolean
}

type Look = (files: TracedFiles, recording: Recording, what: string) => void

/** Calls back at chosen instants of the run, with the files and with what the clients know by then. */
function replay({ times, random, late = 0, forgetful = false }: Replay, look: Look): number {
  const all = trace(late)
  const instants = new Set<number>()
  const first = all.findIndex(({ type }) => type === 'out')
  while (instants.size < Math.min(times, all.length - first))
    instants.add(first + Math.floor(random.next() * (all.length - first)))
  const files = new TracedFiles()
  const recording = new Recording()
  for (const [i, one] of all.entries()) {
    if (!(forgetful && i > first && one.type === 'sync')) files.apply(one)
    if (one.type === 'out') {
      const { id, input, output } = JSON.parse(one.line)
      if (input) recording.called(id, input)
      else if (output) recording.answered(id, output)
    }
    if (instants.has(i)) look(files, recording, `after call ${i} of ${all.length}`)
  }
  return instants.size
}

test(`a store killed at ${cuts / 2} instants has lost nothing acknowledged and invented nothing`, {
  skip,
  timeout: 300_000,
}, () => {
  const plan = { times: cuts / 2, random: seededRandom(1) }
  const done = replay(plan, (files, recording, what) => judge(recording, found(files.killed()), what))
  assert.equal(done, Math.floor(cuts / 2))
})

test(`a store after ${cuts / 2} power cuts has lost nothing acknowledged and invented nothing`, {
  skip,
  timeout: 300_000,
}, () => {
  const random = seededRandom(2)
  replay({ times: cuts / 2, random }, (files, recording, what) => judge(recording, found(files.cut(random)), what))
})

test(`a store on a disk whose fsync is late has lost nothing acknowledged after ${cuts / 5} power cuts`, {
  skip,
  timeout: 300_000,
}, () => {
  const random = seededRandom(4)
  const plan = { times: cuts / 5, random, late: lateness }
  replay(plan, (files, recording, what) => judge(recording, found(files.cut(random)), what))
})

/** A page as the write-ahead log has it. */
const frame = 4096 + 24

test('power cuts find out a store that forgets to fsync', { skip, timeout: 300_000 }, () => {
  const random = seededRandom(5)
  let lost = 0
  const look: Look = (files, recording, what) => {
    try {
      judge(recording, found(files.cut(random)), what)
    } catch {
      lost++
    }
  }
  replay({ times: 50, random, forgetful: true }, look)
  assert(lost > 10, `${lost} of 50 were found out`)
})

test('a store with a changed byte anywhere, or a torn last page, is what it was, or is refused', {
  skip,
  timeout: 300_000,
}, () => {
  const files = new TracedFiles()
  for (const one of trace()) files.apply(one)
  const sound = found(files.killed())
  const facts = ({ rows }: { rows: readonly Row[] }) =>
    rows.map(({ key, revision, value }) => `${key} ${revision} ${Buffer.from(value)}`)
  const random = seededRandom(3)
  let refused = 0
  for (let i = 0; i < 400; i++) {
    const copies = new Map([...files.killed()].map(([name, bytes]) => [name, Buffer.from(bytes)]))
    const [name = '', bytes = Buffer.alloc(0)] =
      [...copies].filter(([file, { byteLength }]) => /\.db(-wal)?$/.test(file) && byteLength > 0)[i % 2] ?? []
    if (bytes.byteLength === 0) continue
    const isTorn = i % 4 > 1
    const at = isTorn
      ? Math.max(0, bytes.byteLength - 1 - Math.floor(random.next() * frame))
      : Math.floor(random.next() * bytes.byteLength)
    if (isTorn) copies.set(name, bytes.subarray(0, at))
    else bytes[at]! ^= 1 << Math.floor(random.next() * 8)
    try {
      const now = found(copies)
      // A flaw in the very last transaction looks like a power cut in it.
      if (now.revision === sound.revision) assert.deepEqual(facts(now), facts(sound), `${name} at ${at}`)
      else
        assert(
          name.endsWith('-wal') && now.revision >= sound.revision - 32,
          `${name} at ${at}: ended at ${now.revision} of ${sound.revision}`,
        )
    } catch (error) {
      if (!(error instanceof DamagedStoreError) && !/is no(t a)? |store format/.test(String(error))) throw error
      refused++
    }
  }
  assert(refused > 50, `${refused}`)
})
