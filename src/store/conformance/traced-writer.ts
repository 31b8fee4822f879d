/**
 * What the power cut test traces: clients, a watch and leases on one sqlite store after the other, and on standard output, a line at a time,
 * what each of them asks and hears. Its argument is a JSON array of `Session`s.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { openSqliteStore } from '../sqlite.ts'
import type { Store } from '../store.ts'
import { runClients } from './recorded-client.ts'
import { keys, keysOfLease, type LeaseState, type Told, toldOf } from './told.ts'

export interface Session {
  readonly name: string
  readonly path: string
  readonly seed: number
  readonly clients: number
  readonly rounds: number
  /** Operations of each client in a round. */
  readonly each: number
  /** First revision for the watch; 0: from now on. */
  readonly from: number
  /** Bytes after which the write-ahead log is copied. */
  readonly checkpointBytes: number
}

const cause = { user: 'client', time: 0, request: '' }

type Tell = (told: Told) => void

async function run({ name, path, seed, clients, rounds, each, from, checkpointBytes }: Session): Promise<void> {
  const tell: Tell = (told) => void writeSync(1, `${JSON.stringify([name, told])}\n`)
  const store = await openSqliteStore({ path, clock: systemClock, reserveBytes: 4096, checkpointBytes })
  const stop = new AbortController()
  store.watch({ key: '/', end: '0', from, signal: stop.signal }, (batch) => {
    if (batch.type === 'events') tell({ events: batch.events.map(toldOf) })
    else if (batch.type === 'compacted') tell({ compacted: batch.compactRevision })
  })
  const random = seededRandom(seed)
  for (let round = 0; round < rounds; round++) {
    const first = (round + 1) * 10_000
    await Promise.all([
      runClients({
        ...{ store, random, clients, each, keys: keys.length, label: `${name}.${round}.` },
        told: {
          called: (id, input) => tell({ id: first + id, input }),
          answered: (id, output) => tell({ id: first + id, output }),
        },
      }),
      liveLease(store, seed * 100 + round, tell),
    ])
    await store.compact((await store.status()).revision - 5)
  }
  tell({ end: true })
  stop.abort()
  await store.close()
}

/** Every other one goes on living. */
async function liveLease(store: Store, id: number, tell: Tell): Promise<void> {
  const is = (state: LeaseState) => tell({ lease: id, is: state })
  is('granting')
  await store.grantLease(3600, id)
  is('granted')
  is('attaching')
  const value = Buffer.from(`${id}`)
  await store.txn({ compare: [], success: keysOfLease(id).map((key) => ({ op: 'put', key, value, lease: id })), cause })
  is('attached')
  if (id % 2 === 0) return
  is('revoking')
  await store.revokeLease(id)
  is('revoked')
}

for (const session of JSON.parse(process.argv[2] ?? '[]') as Session[]) await run(session)
