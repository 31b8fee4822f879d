/**
 * Durable creates beside Debian's etcd in the same run: through the store's interface, as an API server writes, and through one and the
 * same client of etcd's API, which on our side speaks TLS to a process of its own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { openEtcdStore } from '#store/etcd/etcd.ts'
import type { TxnMessage } from '#store/etcd/messages.ts'
import { openSqliteStore } from '#store/sqlite.ts'
import { create, type Store } from '#store/store.ts'
import { missingEtcd, testEtcd } from '#testing/etcd.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { connectEtcd, type EtcdClient } from './parts/etcd-client.ts'
import { processorTimeOf } from './parts/timing.ts'

const seconds = 1.5
const rounds = 2
const value = new Uint8Array(1024).fill(97)
const cause = { user: 'system:admin', time: 1_767_225_600_000, request: '00000000-0000-0000-0000-000000000000' }

type Write = (key: string) => Promise<unknown>

interface Side {
  readonly write: Write
  /** Its process, where it has one of its own. */
  readonly pid?: number | undefined
}

export default defineBench({
  name: 'etcd',
  skip: () => missingEtcd(),
  async run(report) {
    const directory = mkdtempSync(join(process.env.NAMI_BENCH_DIR ?? tmpdir(), 'nami-bench-'))
    try {
      await throughStore(directory, report)
      await throughEtcdApi(directory, report)
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
})

async function throughStore(directory: string, report: (figure: Figure) => void): Promise<void> {
  await using etcd = await testEtcd()
  const there = await openEtcdStore({ endpoints: etcd.endpoints, name: 'bench', clock: systemClock, random: systemRandom })
  const here = await openSqliteStore({ path: join(directory, 'state.db'), clock: systemClock })
  const writing =
    (store: Store): Write =>
    (key) =>
      create(store, { key, value }, cause)
  await compare('creates through the store', { ours: { write: writing(here) }, theirs: { write: writing(there) } }, report)
  await there.close()
  await here.close()
}

async function throughEtcdApi(directory: string, report: (figure: Figure) => void): Promise<void> {
  await using etcd = await testEtcd()
  const script = fileURLToPath(new URL('./load/etcd-api-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(child.stdout, 'data')
  const file = (name: string) => readFileSync(join(directory, 'pki', name))
  const tls = { ca: file('ca.crt'), certificate: file('admin.crt'), key: file('admin.key') }
  const here = await connectEtcd(`https://localhost:${String(port).trim()}`, tls)
  const there = await connectEtcd(etcd.endpoints[0] as string)
  try {
    const sides = {
      ours: { write: creating(here), pid: child.pid },
      theirs: { write: creating(there), pid: etcd.members[0]?.pid },
    }
    await compare("creates through etcd's API", sides, report)
  } finally {
    here.close()
    there.close()
    child.kill('SIGKILL')
    await once(child, 'close')
  }
}

function creating(client: EtcdClient): Write {
  return async (text) => {
    const key = Buffer.from(text)
    const absent = { key, target: 2, result: 0, mod_revision: 0 }
    const request: TxnMessage = {
      compare: [absent],
      success: [{ request_put: { key, value } }],
      failure: [{ request_range: { key } }],
    }
    if (!(await client.txn(request)).succeeded) throw new Error(`${text} was there`)
  }
}

/** In turns, after one to warm up. */
async function compare(what: string, sides: { ours: Side; theirs: Side }, report: (figure: Figure) => void): Promise<void> {
  for (const writers of [1, 64, 500]) {
    const [here, there]: [Turn[], Turn[]] = [[], []]
    for (let round = -1; round < rounds; round++) {
      const theirs = await turn(sides.theirs, writers, `${writers}/${round}`)
      const ours = await turn(sides.ours, writers, `${writers}/${round}`)
      if (round < 0) continue
      there.push(theirs)
      here.push(ours)
    }
    const limit = { what: "Debian's etcd", value: mean(there, 'rate') }
    const shares = (turns: readonly Turn[]) => `${mean(turns, 'server').toFixed(0)} and ${mean(turns, 'client').toFixed(0)} us`
    const note = `processor time of server and client for each: ${shares(here)}; of etcd and client: ${shares(there)}`
    const name = `${what}, ${writers} writer${writers > 1 ? 's' : ''}`
    report({ what: name, value: mean(here, 'rate'), unit: '/s', limit, ...(sides.ours.pid && { note }) })
  }
}

interface Turn {
  readonly rate: number
  /** Microseconds of processor time for each write. */
  readonly server: number
  readonly client: number
}

function mean(turns: readonly Turn[], what: keyof Turn): number {
  return turns.reduce((sum, turn) => sum + turn[what], 0) / turns.length
}

async function turn({ write, pid }: Side, writers: number, name: string): Promise<Turn> {
  const start = performance.now()
  const own = process.cpuUsage()
  const others = pid ? processorTimeOf(pid) : 0
  const end = start + seconds * 1000
  let count = 0
  const writer = async (writer: number) => {
    for (let i = 0; performance.now() < end; i++) {
      await write(`/registry/pods/${name}-${writer}/pod-${i}`)
      count++
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, i) => writer(i)))
  const { user, system } = process.cpuUsage(own)
  const server = pid ? ((processorTimeOf(pid) - others) * 1000) / count : 0
  return { rate: count / ((performance.now() - start) / 1000), server, client: (user + system) / count }
}
