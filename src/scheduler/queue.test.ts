import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import * as make from '#testing/make.ts'
import { defaultProfile } from './profiles.ts'
import { createQueue, type SchedulingQueue } from './queue.ts'

function pod(name: string, over: { priority?: number; gated?: boolean } = {}): Pod {
  const spec = { ...(over.priority && { priority: over.priority }), ...(over.gated && { schedulingGates: [{ name: 'wait' }] }) }
  const draft = make.pod(name, { spec })
  return { ...draft, metadata: { ...draft.metadata, uid: name } } as unknown as Pod
}

function start(): { clock: VirtualClock; queue: SchedulingQueue } {
  const clock = new VirtualClock()
  return { clock, queue: createQueue({ clock, pluginsOf: () => defaultProfile, onReady: () => {} }) }
}

const next = (queue: SchedulingQueue) => queue.pop()?.pod.metadata.name

function pass(clock: VirtualClock, milliseconds: number): void {
  const until = clock.now() + milliseconds
  while (clock.runNext(until));
  clock.advanceTo(until)
}

test('queue pop() gives the highest priority first, then the oldest', () => {
  const { queue } = start()
  for (const one of [pod('a'), pod('b'), pod('c', { priority: 5 })]) queue.put(one)
  assert.deepEqual([next(queue), next(queue), next(queue), next(queue)], ['c', 'a', 'b', undefined])
})

test('queue happened() wakes only those whom the event may cure, after their back-off', () => {
  const { clock, queue } = start()
  queue.put(pod('a'))
  const entry = queue.pop()
  assert(entry)
  queue.reject(entry, new Set(['NodeResourcesFit']))
  queue.happened({ kind: 'Node', actions: ['labelsChanged'] })
  pass(clock, 2_000)
  assert.equal(next(queue), undefined, 'labels do not cure a lack of room')
  const offering = (pods: string) => ({ status: { allocatable: { cpu: '4', memory: '8Gi', pods } } })
  queue.happened({ kind: 'Node', actions: ['allocatableChanged'], before: offering('10'), after: offering('9') })
  assert.equal(next(queue), undefined, 'neither does less room')
  queue.happened({ kind: 'Node', actions: ['allocatableChanged'], before: offering('10'), after: offering('11') })
  assert.equal(next(queue), 'a')
})

test('queue retry() comes back after 1, 2, 4, 8 and then 10 seconds', () => {
  const { clock, queue } = start()
  queue.put(pod('a'))
  for (const wait of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
    const entry = queue.pop()
    assert(entry)
    queue.retry(entry)
    pass(clock, wait - 1)
    assert.equal(queue.pop(), undefined, `too early before ${wait} ms`)
    pass(clock, 1)
  }
  assert.equal(next(queue), 'a')
})

test('queue reject() tries again after five minutes without any event', () => {
  const { clock, queue } = start()
  queue.put(pod('a'))
  const entry = queue.pop()
  assert(entry)
  queue.reject(entry, new Set(['NodeName']))
  pass(clock, 5 * 60_000)
  assert.equal(next(queue), 'a')
})

test('queue put() holds a gated pod until its gate is gone', () => {
  const { queue } = start()
  queue.put(pod('a', { gated: true }))
  assert.equal(next(queue), undefined)
  queue.put(pod('a'))
  assert.equal(next(queue), 'a')
})

test('queue delete() forgets a pod wherever it waits', () => {
  const { clock, queue } = start()
  queue.put(pod('a'))
  const entry = queue.pop()
  assert(entry)
  queue.retry(entry)
  queue.delete('a')
  pass(clock, 60_000)
  assert.equal(queue.size, 0)
  assert.equal(next(queue), undefined)
})

test('queue pop() lets a pod that failed go behind those that came meanwhile', () => {
  const { clock, queue } = start()
  queue.put(pod('a'))
  const entry = queue.pop()
  assert(entry)
  queue.put(pod('b'))
  queue.reject(entry, new Set(['NodeResourcesFit']))
  pass(clock, 60_000)
  queue.happened({ kind: 'Pod', actions: ['deleted'] })
  assert.deepEqual([next(queue), next(queue)], ['b', 'a'])
})

test('queue pop() does not let a cured pod sit out its back-off while there is nothing else to do', () => {
  const { queue } = start()
  for (const one of [pod('a'), pod('b'), pod('failed')]) queue.put(one)
  const [a, b, failed] = [queue.pop(), queue.pop(), queue.pop()]
  assert(a && b && failed)
  queue.retry(failed)
  for (const entry of [a, b]) queue.reject(entry, new Set(['NodeResourcesFit']))
  queue.happened({ kind: 'Pod', actions: ['deleted'] })
  queue.put(pod('c'))
  assert.deepEqual([next(queue), next(queue), next(queue), next(queue)], ['c', 'a', 'b', undefined])
})
