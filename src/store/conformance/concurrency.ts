/** The contract of many callers at once, and of the end. */
import assert from 'node:assert/strict'
import { create, prefixEnd, remove, type Store, update } from '../store.ts'
import { bytes, cause, keys, type Open, put, putOf, rejectsWith, storeTest, text, write } from './bench.ts'

export function testConcurrency(name: string, open: Open): void {
  testWriters(name, open)
  testClose(name, open)
}

function testWriters(name: string, open: Open): void {
  storeTest(`${name}: concurrent writers lose no update`, open, async ({ store }) => {
    await put(store, '/counter', '0')
    // Each increment refuses all others, so that the calls are as many as the square of the writers.
    const writers = 20
    const each = 6
    await Promise.all(Array.from({ length: writers }, () => increment(store, '/counter', each)))
    const [row] = (await store.range({ key: '/counter' })).rows
    assert.deepEqual([text(row?.value), row?.version], [`${writers * each}`, writers * each + 1])
  })

  storeTest(`${name}: of concurrent creations one wins, and the others see it when they are refused`, open, async ({ store }) => {
    const answers: string[] = []
    const tries = Array.from({ length: 10 }, async (_, i) => {
      const { ok, current } = await create(store, { key: '/a', value: bytes(`${i}`) }, cause)
      answers.push(ok ? 'created' : 'refused')
      const [row] = (await store.range({ key: '/a' })).rows
      assert(row, 'whoever is answered reads the row')
      if (!ok) assert.equal(text(current?.value), text(row.value))
    })
    await Promise.all(tries)
    assert.equal(answers.filter((answer) => answer === 'created').length, 1)
  })

  storeTest(`${name}: a rejection is not answered before the write that it was decided against`, open, async ({ store }) => {
    const answers: string[] = []
    const note = (answer: string) => () => answers.push(answer)
    const first = create(store, { key: '/a', value: bytes('') }, cause).then(note('write'))
    const second = create(store, { key: '/a', value: bytes('') }, cause).then(note('rejection'))
    await Promise.all([first, second])
    assert.deepEqual(answers, ['write', 'rejection'])
  })

  storeTest(`${name}: writes that build on each other need not wait for each other`, open, async ({ store, base }) => {
    const steps = [
      create(store, { key: '/a', value: bytes('1') }, cause),
      update(store, { key: '/a', value: bytes('2'), revision: base + 1 }, cause),
      remove(store, { key: '/a', revision: base + 2 }, cause),
      create(store, { key: '/a', value: bytes('3') }, cause),
    ]
    assert.deepEqual(
      (await Promise.all(steps)).map(({ ok, revision }) => [ok, revision - base]),
      [
        [true, 1],
        [true, 2],
        [true, 3],
        [true, 4],
      ],
    )
    assert.equal(text((await store.range({ key: '/a' })).rows[0]?.value), '3')
  })

  storeTest(`${name}: a txn's writes are seen together or not at all`, open, async ({ store }) => {
    const writes = Array.from({ length: 100 }, (_, i) => write(store, putOf('/a/1', `${i}`), putOf('/a/2', `${i}`)))
    for (let i = 0; i < 100; i++) {
      const { rows } = await store.range({ key: '/a/', end: prefixEnd('/a/') })
      assert.equal(text(rows[0]?.value), text(rows[1]?.value))
    }
    await Promise.all(writes)
  })
}

function testClose(name: string, open: Open): void {
  storeTest(`${name}: close() lets pending writes finish, ends watches and refuses what comes after`, open, async ({ store }) => {
    const pending = put(store, '/a')
    store.watch({ key: '/', end: prefixEnd('/'), from: 0, signal: new AbortController().signal }, () => {})
    const closing = store.close()
    await pending
    await closing
    await rejectsWith(put(store, '/b'), 'Closed')
    await rejectsWith(store.range({ key: '/a' }), 'Closed')
    await rejectsWith(store.grantLease(1), 'Closed')
    await rejectsWith(keys(store, '/'), 'Closed')
    await store.close()
  })
}

async function increment(store: Store, key: string, times: number): Promise<void> {
  let [row] = (await store.range({ key })).rows
  for (let done = 0; done < times; ) {
    assert(row)
    const value = bytes(`${Number(text(row.value)) + 1}`)
    const { ok, current } = await update(store, { key, value, revision: row.revision }, cause)
    if (ok) done++
    row = current ?? (await store.range({ key })).rows[0]
  }
}
