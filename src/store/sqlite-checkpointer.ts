/** A second connection to the sqlite engine's file, in a thread of its own: it copies the write-ahead log into the database. */
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { type CheckpointerOptions, copying, paused } from './sqlite-messages.ts'

const { path, signals } = workerData as CheckpointerOptions
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
  // In this order: who pauses us and then sees no copying can be sure of it.
  Atomics.store(signals, copying, 1)
  try {
    if (Atomics.load(signals, paused) === 1) return { log: 0, checkpointed: 0 }
    return checkpoint.get() as unknown as { log: number; checkpointed: number }
  } catch (error) {
    if ((error as { errcode?: number }).errcode === 13) return { log: 0, checkpointed: 0 }
    throw error
  } finally {
    Atomics.store(signals, copying, 0)
    Atomics.notify(signals, copying)
  }
}
