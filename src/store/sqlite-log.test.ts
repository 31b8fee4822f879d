import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { SqliteLog } from './sqlite-log.ts'

test('SqliteLog hands out answers once in a turn of the loop, however fast the worker is', async () => {
  const worker = Object.assign(new EventEmitter(), { ref: () => {}, unref: () => {}, terminate: async () => 0 })
  let asked = 0
  // A port that never pauses: the answer is there as soon as the question is.
  const postMessage = () => {
    asked++
    queueMicrotask(() => worker.emit('message', { type: 'done', bytes: 1, took: 0 }))
  }
  const log = new SqliteLog(Object.assign(worker, { postMessage }) as unknown as Worker, 'store', assert.ifError)
  await log.open()
  asked = 0
  let over = false
  const writer = async () => {
    while (!over) await log.probe()
  }
  const writing = Promise.all([writer(), writer()])
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  over = true
  await writing
  assert.ok(asked <= 2 * 8, `${asked} questions in five turns`)
})
