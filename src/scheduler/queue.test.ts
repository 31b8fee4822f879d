import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import * as make from '#testing/make.ts'
import { defaultProfile } from './profiles.ts'
import { createQueue, type QueuedPod, type SchedulingQueue } from './queue.ts'

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

const changed = (one: Pod, over: { metadata?: object; spec?: object; status?: object }): Pod =>
  ({
    metadata: { ...one.metadata, ...over.metadata },
    spec: { ...one.spec, ...over.spec },
    status: { ...over.status },
  }) as unknown as Pod

const toleration = { tolerations: [{ operator: 'Exists' }] }

const updates: readonly (readonly [what: string, by: string, over: Parameters<typeof changed>[1], wakes: boolean])[] = [
  ['an annotation', 'NodeResourcesFit', { metadata: { annotations: { a: 'b' } } }, false],
  ['a condition', 'NodeResourcesFit', { status: { conditions: [] } }, false],
  ['labels', 'NodeResourcesFit', { metadata: { labels: { a: 'b' } } }, false],
  ['labels', 'InterPodAffinity', { metadata: { labels: { a: 'b' } } }, true],
  ['labels', 'PodTopologySpread', { metadata: { labels: { a: 'b' } } }, true],
  ['a toleration', 'TaintToleration', { spec: toleration }, true],
  ['a toleration', 'NodeUnschedulable', { spec: toleration }, true],
  ['a toleration', 'NodeAffinity', { spec: toleration }, false],
  ['its claims', 'DynamicResources', { status: { resourceClaimStatuses: [{ name: 'a', resourceClaimName: 'b' }] } }, true],
  ['its claims', 'NodePorts', { status: { resourceClaimStatuses: [{ name: 'a', resourceClaimName: 'b' }] } }, false],
]

for (const [what, by, over, wakes] of updates) {
  test(`queue put() of ${what} ${wakes ? 'wakes' : 'does not wake'} a pod that ${by} refused`, () => {
    const { clock, queue } = start()
    const one = changed(pod('a'), {})
    queue.put(one)
    queue.reject(queue.pop() as QueuedPod, new Set([by]))
    queue.put(changed(one, over))
    pass(clock, 2_000)
    assert.equal(next(queue), wakes ? 'a' : undefined)
  })
}

const freed = { kind: 'Pod', actions: ['deleted'], before: { ...pod('gone'), status: {} } } as const

test('queue reject() considers what happened while the pod was in flight, whoever else was decided on', () => {
  const { clock, queue } = start()
  for (const name of ['a', 'b', 'c']) queue.put(pod(name))
  const [a, b, c] = [queue.pop(), queue.pop(), queue.pop()] as QueuedPod[]
  queue.done(c as QueuedPod)
  queue.happened({ kind: 'Node', actions: ['conditionsChanged'] })
  queue.reject(a as QueuedPod, new Set(['NodeResourcesFit']))
  queue.happened(freed)
  queue.reject(b as QueuedPod, new Set(['NodeResourcesFit']))
  pass(clock, 2_000)
  assert.deepEqual([next(queue), next(queue)].sort(), ['a', 'b'])
  queue.put(pod('d'))
  const d = queue.pop() as QueuedPod
  queue.happened({ kind: 'Node', actions: ['conditionsChanged'] })
  queue.reject(d, new Set(['NodeResourcesFit']))
  pass(clock, 20_000)
  assert.equal(next(queue), undefined, 'that was no cure')
})

test('queue reject() tries a pod again that changed while it was in flight', () => {
  const { clock, queue } = start()
  queue.put(pod('a'))
  const entry = queue.pop() as QueuedPod
  queue.put(changed(pod('a'), { spec: toleration }))
  queue.reject(entry, new Set(['TaintToleration']))
  pass(clock, 2_000)
  assert.equal(next(queue), 'a')
})

test('queue happened() says nothing to the pod that the event is about', () => {
  const { clock, queue } = start()
  for (const name of ['a', 'b']) queue.put(pod(name))
  const [a, b] = [queue.pop(), queue.pop()] as QueuedPod[]
  queue.reject(b as QueuedPod, new Set(['NodeResourcesFit']))
  queue.happened({ ...freed, except: 'a' })
  queue.reject(a as QueuedPod, new Set(['NodeResourcesFit']))
  pass(clock, 2_000)
  assert.deepEqual([next(queue), next(queue)], ['b', undefined])
})
