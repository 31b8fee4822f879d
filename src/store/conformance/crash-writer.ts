/**
 * What the crash test kills: eight writers without end on the sqlite store at PATH, who print `KEY VALUE REVISION` for each
 * write that is acknowledged. Arguments: PATH RUN.
 */
import { systemClock } from '#lib/clock.ts'
import { openSqliteStore } from '../sqlite.ts'
import { create } from '../store.ts'

const [path = '', run = ''] = process.argv.slice(2)
const store = await openSqliteStore({ path, clock: systemClock, reserveBytes: 4096 })
const cause = { user: 'crash', time: 0, request: run }

await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(write))

async function write(writer: number): Promise<void> {
  for (let i = 0; ; i++) {
    const key = `/${writer}/${i % 50}`
    const value = `${run}.${i}`
    const { revision } = await store.txn({ compare: [], success: [{ op: 'put', key, value: Buffer.from(value) }], cause })
    console.log(key, value, revision)
    const again = await create(store, { key, value: new Uint8Array(), lease: 0 }, cause)
    if (again.ok) throw new Error(`${key} was created twice`)
    if (writer === 0 && i % 100 === 99) await store.compact(revision - 50)
  }
}
