/** What the power cut test traces: clients on the sqlite store at PATH, who tell on standard output, a line at a time, what they do. */
import { writeSync } from 'node:fs'
import { systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { openSqliteStore } from '../sqlite.ts'
import { runClients } from './recorded-client.ts'

const [path = '', seed = '1', each = '40'] = process.argv.slice(2)
const store = await openSqliteStore({ path, clock: systemClock, reserveBytes: 4096 })
const tell = (line: unknown) => void writeSync(1, `${JSON.stringify(line)}\n`)
const random = seededRandom(Number(seed))
const told = {
  called: (id: number, input: unknown) => tell({ id, input }),
  answered: (id: number, output: unknown) => tell({ id, output }),
}
for (let round = 0; round < 4; round++) {
  await runClients({
    ...{ store, random, clients: 8, each: Number(each), keys: 6 },
    told: {
      called: (id, input) => told.called(id + round * 10_000, input),
      answered: (id, output) => told.answered(id + round * 10_000, output),
    },
  })
  await store.compact((await store.status()).revision - 5)
}
tell('end')
process.kill(process.pid, 'SIGKILL')
