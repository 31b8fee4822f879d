import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { type Beginning, Heard, nothing, type Recovered, type Told } from './conformance/told.ts'
import { parseTrace, type Traced, traceArguments } from './conformance/traced-calls.ts'
import { TracedFiles } from './conformance/traced-files.ts'
import type { Session } from './conformance/traced-writer.ts'
import { Ledger } from './ledger.ts'
import { DamagedStoreError } from './sqlite-damage.ts'
import { openFile } from './sqlite-file.ts'
import { loadFile } from './sqlite-load.ts'
import type { Row } from './store.ts'

/** How many different power cuts are drawn at each instant. */
const draws = Number(process.env.NAMI_POWER_CUTS ?? 1)

const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nami-power-'))
after(() => rmSync(root, { recursive: true }))

const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
const options = { skip: hasStrace ? false : 'strace is not installed, or may not trace here', timeout: 300_000 }

/** Microseconds by which a disk is late that takes its time with an fsync. */
const lateness = 15_000

type Files = ReadonlyMap<string, Buffer>

/** A store on which a session is to work: where it begins, and with which files. */
interface Life {
  readonly session: Omit<Session, 'path' | 'name'>
  readonly beginning: Beginning
  readonly files: Files
}

/** What a session did. */
interface Lived extends Life {
  readonly traced: readonly Traced[]
}

/** Runs sessions under strace, one store after the other; `late` holds up each fsync by so many microseconds. */
function trace(lives: readonly Life[], late = 0): Lived[] {
  // On a disk, since an fsync in memory does nothing that takes time.
  const directory = mkdtempSync(join(tmpdir(), 'nami-traced-'))
  try {
    const file = join(directory, 'trace')
    const sessions = lives.map(({ session, files }, i): Session => {
      const folder = join(directory, `${i}`)
      put(folder, files)
      return { ...session, name: `${i}`, path: join(folder, 'state.db') }
    })
    const writer = join(import.meta.dirname, 'conformance/traced-writer.ts')
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', writer, JSON.stringify(sessions)]
    const delay = late ? ['-e', `inject=fsync,fdatasync:delay_enter=${late}`] : []
    const words = [...traceArguments, ...delay, '-o', file, ...command]
    // A pipe would be waited for as long as anybody has its other end.
    const ran = spawnSync('strace', words, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 60_000, killSignal: 'SIGKILL' })
    assert.equal(ran.status, 0, `strace ended with ${ran.status ?? ran.signal}`)
    const stores = Map.groupBy(parseTrace(file, directory), storeOf)
    return lives.map((life, i) => ({ ...life, traced: (stores.get(`${i}`) ?? []).map(named) }))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function storeOf(traced: Traced): string | undefined {
  if (traced.type === 'out') return JSON.parse(traced.line)[0]
  return (traced.type === 'syncNames' ? traced.folder : traced.file).split('/')[0]
}

/** With names as they are within the store's folder. */
function named(traced: Traced): Traced {
  if (traced.type === 'out') return { type: 'out', line: JSON.stringify(JSON.parse(traced.line)[1]) }
  return traced.type === 'syncNames' ? { ...traced, folder: '' } : { ...traced, file: basename(traced.file) }
}

function put(folder: string, files: Files): void {
  mkdirSync(folder)
  for (const [name, bytes] of files) if (!name.endsWith('-shm')) writeFileSync(join(folder, name), bytes)
}

let places = 0

/** What a start finds in these files. */
function found(files: Files): Recovered {
  const folder = join(root, `${places++}`)
  put(folder, files)
  try {
    const path = join(folder, 'state.db')
    const database = openFile(path)
    try {
      const ledger = new Ledger()
      const { leases } = loadFile(database, ledger, path)
      return { ledger, leases, rows: ledger.range({ key: '/', end: '0' }).rows }
    } finally {
      database.close()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Instant {
  readonly files: TracedFiles
  readonly heard: Heard
  readonly what: string
  /** Whether the last call has changed what a killed process leaves. */
  readonly hasChanged: boolean
}

/**
 * Calls back at every instant at which files or what is known of them differ: before each call, with all that was told until then, so
 * that an answer that came too early shows; answers how many there were. `forgetful`: as if nothing were synced after the first answer.
 */
function replay({ traced, files, beginning }: Lived, look: (instant: Instant) => void, forgetful = false): number {
  const now = new TracedFiles(files)
  const heard = new Heard(beginning)
  let instants = 0
  let hasChanged = true
  let isForgetful = false
  for (const [i, one] of traced.entries()) {
    if (one.type === 'out') {
      heard.hear(JSON.parse(one.line) as Told)
      isForgetful = forgetful
      continue
    }
    look({ files: now, heard, what: `before call ${i} of ${traced.length}, ${one.type}`, hasChanged })
    instants++
    hasChanged = ['write', 'truncate', 'create', 'unlink'].includes(one.type)
    if (!isForgetful || !one.type.startsWith('sync')) now.apply(one)
  }
  look({ files: now, heard, what: 'at the end', hasChanged })
  assert(heard.ended, 'the session came to its end')
  return instants + 1
}

/** Of many clients at once groups are made; few make many commits. */
const plans = [8, 3, 1].map((clients) => ({ seed: clients, clients, rounds: 11, each: 10, from: 0, checkpointBytes: 200_000 }))
const latePlans = plans.slice(0, 2).map((plan) => ({ ...plan, rounds: 4, checkpointBytes: 100_000 }))

const firstLives = new Map<number, readonly Lived[]>()

/** Stores in their first life. */
function begun(late = 0): readonly Lived[] {
  const found =
    firstLives.get(late) ??
    trace(
      (late ? latePlans : plans).map((session) => ({ session, beginning: nothing, files: new Map() })),
      late,
    )
  firstLives.set(late, found)
  return found
}

function judged(files: Files, heard: Heard, what: string): Recovered {
  let recovered: Recovered
  try {
    recovered = found(files)
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error })
  }
  heard.judge(recovered, what)
  return recovered
}

test(
  'a store that is killed before any call has lost nothing acknowledged, invented nothing, and its watch goes on without gap or repeat',
  options,
  (t) => {
    let kills = 0
    const look = ({ files, heard, what, hasChanged }: Instant) => {
      if (!hasChanged) return
      judged(files.killed(), heard, `killed ${what}`)
      kills++
    }
    for (const life of begun()) replay(life, look)
    t.diagnostic(`killed at ${kills} instants`)
    assert(kills >= 1000, `${kills}`)
  },
)

for (const late of [0, lateness]) {
  const disk = late ? ' on a disk whose fsync is late' : ''
  test(
    `a store${disk} that is cut off from power before or in any call has lost nothing acknowledged, invented nothing, and its watch goes on`,
    options,
    (t) => {
      const random = seededRandom(2)
      let cuts = 0
      const look = ({ files, heard, what }: Instant) => {
        for (let i = 0; i < draws; i++, cuts++) judged(files.cut(random), heard, `cut ${what}`)
      }
      for (const life of begun(late)) replay(life, look)
      t.diagnostic(`cut at ${cuts} instants`)
      assert(cuts >= (late ? 500 : 1000), `${cuts}`)
    },
  )
}

test('what was recovered is written to, killed and cut off again, and still nothing is lost', options, (t) => {
  const random = seededRandom(6)
  const lives: Life[] = []
  let instants = 0
  const revive = ({ files, heard, what }: Instant) => {
    if (++instants % 200 !== 0) return
    const left = copyOf(lives.length % 3 === 0 ? files.killed() : files.cut(random))
    const { rows, leases } = judged(left, heard, what)
    const beginning = { rows, leases, from: heard.next }
    const session = { seed: 20 + lives.length, clients: 2, rounds: 1, each: 4, from: heard.next, checkpointBytes: 50_000 }
    lives.push({ session, beginning, files: left })
  }
  for (const life of begun()) replay(life, revive)
  let cuts = 0
  for (const [i, life] of trace(lives).entries()) {
    replay(life, ({ files, heard, what, hasChanged }) => {
      if (hasChanged) judged(files.killed(), heard, `life ${i}, killed ${what}`)
      judged(files.cut(random), heard, `life ${i}, cut ${what}`)
      cuts += hasChanged ? 2 : 1
    })
  }
  t.diagnostic(`${lives.length} stores, ${cuts} times`)
  assert(lives.length >= 10 && cuts >= 1000, `${lives.length} ${cuts}`)
})

function copyOf(files: Files): Map<string, Buffer> {
  return new Map([...files].map(([name, bytes]) => [name, Buffer.from(bytes)]))
}

/** The write that makes the write-ahead log as long as it ever is: nothing of an earlier round is left in it. */
function longestLog(traced: readonly Traced[]): number {
  const ends = traced.map((one) => (one.type === 'write' && one.file.endsWith('-wal') ? one.offset + one.data.byteLength : 0))
  return ends.indexOf(Math.max(...ends))
}

/** A page as the write-ahead log has it. */
const frame = 4096 + 24

test('power cuts find out a store that forgets to fsync', options, () => {
  const random = seededRandom(5)
  let [lost, instants] = [0, 0]
  const look = ({ files, heard, what }: Instant) => {
    if (instants++ % 40 !== 0) return
    try {
      judged(files.cut(random), heard, what)
    } catch {
      lost++
    }
  }
  const all = begun().reduce((sum, life) => sum + replay(life, look, true), 0) / 40
  assert(lost > all / 2, `${lost} of ${all} were found out`)
})

test('a store with a changed byte anywhere, or a torn last page, is what it was, or is refused', options, () => {
  const { traced = [] } = begun()[2] ?? {}
  const files = new TracedFiles()
  for (const one of traced.slice(0, longestLog(traced) + 1)) files.apply(one)
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
      if (now.ledger.revision === sound.ledger.revision) assert.deepEqual(facts(now), facts(sound), `${name} at ${at}`)
      else
        assert(
          name.endsWith('-wal') && now.ledger.revision >= sound.ledger.revision - 32,
          `${name} at ${at}: ended at ${now.ledger.revision} of ${sound.ledger.revision}`,
        )
    } catch (error) {
      if (!(error instanceof DamagedStoreError) && !/is no(t a)? |store format/.test(String(error))) throw error
      refused++
    }
  }
  assert(refused > 50, `${refused}`)
})
