import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { bucket, createWorkQueue } from './work-queue.ts'

test('WorkQueue hands out each key once, in order', async () => {
  const queue = createWorkQueue({ clock: new VirtualClock() })
  for (const key of ['a', 'b', 'a']) queue.add(key)
  assert.equal(queue.length, 2)
  assert.deepEqual([await queue.take(), await queue.take()], ['a', 'b'])
  assert(!queue.idle)
})

test('WorkQueue keeps a key that is worked on from a second worker, and brings it up again', async () => {
  const queue = createWorkQueue({ clock: new VirtualClock() })
  queue.add('a')
  await queue.take()
  queue.add('a')
  queue.add('a')
  assert.equal(queue.length, 0)
  queue.done('a')
  assert.equal(await queue.take(), 'a')
  queue.done('a')
  assert(queue.idle)
})

test('WorkQueue wakes the worker that waited longest', async () => {
  const queue = createWorkQueue({ clock: new VirtualClock() })
  const takes = [queue.take(), queue.take()]
  queue.add('a')
  queue.add('b')
  assert.deepEqual(await Promise.all(takes), ['a', 'b'])
})

test('WorkQueue addAfter() keeps the earlier time', async () => {
  const clock = new VirtualClock()
  const queue = createWorkQueue({ clock })
  queue.addAfter('a', 100)
  queue.addAfter('a', 50)
  queue.addAfter('a', 200)
  assert.equal(clock.nextDue(), clock.now() + 50)
  clock.runNext()
  assert.equal(queue.length, 1)
  assert.equal(clock.runNext(), false)
})

test('WorkQueue addRateLimited() doubles the pause of a key until it is forgotten', () => {
  const clock = new VirtualClock()
  const queue = createWorkQueue({ clock })
  const pause = () => {
    const before = clock.now()
    queue.addRateLimited('a')
    clock.runNext()
    return clock.now() - before
  }
  assert.deepEqual([pause(), pause(), pause()], [5, 10, 20])
  assert.equal(queue.failures('a'), 3)
  queue.forget('a')
  assert.equal(pause(), 5)
})

test('WorkQueue close() lets workers go', async () => {
  const clock = new VirtualClock()
  const queue = createWorkQueue({ clock })
  const waiting = queue.take()
  queue.addAfter('a', 10)
  queue.close()
  assert.equal(await waiting, undefined)
  assert.equal(await queue.take(), undefined)
  assert.equal(clock.nextDue(), undefined)
})

test('bucket() lets a burst through, then so many a second', () => {
  const clock = new VirtualClock()
  const take = bucket(clock, { perSecond: 10, burst: 2 })
  assert.deepEqual([take(), take(), take(), take()], [0, 0, 100, 200])
  clock.advanceTo(clock.now() + 1000)
  assert.equal(take(), 0)
})
