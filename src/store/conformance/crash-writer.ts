/**
 * What is killed, or has its disk fail: eight writers without end and a watch on a sqlite store. They print `wrote KEY VALUE REVISION` for
 * each write that is acknowledged, and `saw REVISION NUMBER` for each event. Its argument is the JSON of a `CrashPlan`.
 */
import { systemClock } from '#lib/clock.ts'
import { openSqliteStore, type SqliteOptions } from '../sqlite.ts'
import { create } from '../store.ts'

export interface CrashPlan extends Pick<SqliteOptions, 'path' | 'maxBytes' | 'checkpointBytes'> {
  /** What values begin with. */
  readonly run: number
  /** First revision for the watch. */
  readonly from: number
  /** What each value is filled up to. */
  readonly valueBytes?: number
  /** It gives up after so many writes of one writer, with code 9. */
  readonly most?: number
}

const { run, from, valueBytes = 0, most = 20_000, ...options } = JSON.parse(process.argv[2] ?? '{}') as CrashPlan
const store = await openSqliteStore({ ...options, clock: systemClock, reserveBytes: 4096 })
const cause = { user: 'crash', time: 0, request: `${run}` }

store.watch({ key: '/', end: '0', from, signal: new AbortController().signal }, (batch) => {
  if (batch.type !== 'events') throw new Error(`the watch was told: ${batch.type}`)
  console.log(batch.events.map(({ row }) => `saw ${row.revision} ${row.subRevision}`).join('\n'))
})
await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(write))

async function write(writer: number): Promise<void> {
  for (let i = 0; i < most; i++) {
    const key = `/${writer}/${i % 50}`
    const value = `${run}.${i}`.padEnd(valueBytes, '.')
    const { revision } = await store.txn({ compare: [], success: [{ op: 'put', key, value: Buffer.from(value) }], cause })
    console.log(`wrote ${key} ${value} ${revision}`)
    const again = await create(store, { key, value: new Uint8Array(), lease: 0 }, cause)
    if (again.ok) throw new Error(`${key} was created twice`)
    if (writer === 0 && i % 100 === 99) await store.compact(revision - 50)
  }
  process.exit(9)
}
