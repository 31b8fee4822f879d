/** A second connection to the sqlite engine's file, in a thread of its own: it copies the write-ahead log into the database. */
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { CheckpointerOptions } from './sqlite-messages.ts'

const { path, paused } = workerData as CheckpointerOptions
const database = new DatabaseSync(path, { timeout: 5000 })
// The log may begin anew only after the database is on the disk.
database.exec('PRAGMA synchronous = FULL')
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')

parentPort?.on('message', () => {
  const { log, checkpointed } = attempt()
  parentPort?.postMessage({ log, copied: checkpointed })
})

/** On a full disk nothing is copied and nothing is lost; any other error ends the thread, which the committer reports. */
function attempt(): { log: number; checkpointed: number } {
  if (Atomics.load(paused, 0) === 1) return { log: 0, checkpointed: 0 }
  try {
    return checkpoint.get() as unknown as { log: number; checkpointed: number }
  } catch (error) {
    if ((error as { errcode?: number }).errcode === 13) return { log: 0, checkpointed: 0 }
    throw error
  }
}
