import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { hasReason, StatusError } from '#schema/status-error.ts'
import { boundedTransport } from './bounded-transport.ts'
import type { Call, Transport } from './client.ts'

const call = (name: string, more: Partial<Call> = {}): Call => ({
  ...{ verb: 'get', resource: { group: '', version: 'v1', plural: 'pods' }, name },
  ...more,
})

/** Answers when told to; `begun` are the names of the calls that came. */
function manual(answer: (call: Call) => Promise<unknown> = async ({ name }) => name) {
  const begun: string[] = []
  const gates: (() => void)[] = []
  const transport: Transport = {
    async request(call) {
      begun.push(call.name ?? '')
      await new Promise<void>((resolve) => gates.push(resolve))
      return answer(call)
    },
    watch: () => (async function* () {})(),
    close: async () => {},
  }
  return { transport, begun, next: () => gates.shift()?.() }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('boundedTransport() lets so many calls begin and the others in their order', async () => {
  const { transport, begun, next } = manual()
  const bounded = boundedTransport(transport, { width: 2, clock: new VirtualClock() })
  const answers = ['a', 'b', 'c', 'd'].map((name) => bounded.request(call(name)))
  await turn()
  assert.deepEqual(begun, ['a', 'b'])
  next()
  await turn()
  assert.deepEqual(begun, ['a', 'b', 'c'])
  for (let i = 0; i < 3; i++) {
    next()
    await turn()
  }
  assert.deepEqual(await Promise.all(answers), ['a', 'b', 'c', 'd'])
})

test('boundedTransport() forgets a call that is given up before its turn', async () => {
  const { transport, begun, next } = manual()
  const bounded = boundedTransport(transport, { width: 1, clock: new VirtualClock() })
  const stop = new AbortController()
  const first = bounded.request(call('a'))
  const second = bounded.request(call('b', { signal: stop.signal }))
  const third = bounded.request(call('c'))
  stop.abort(new Error('enough'))
  await assert.rejects(second, /enough/)
  next()
  await first
  await turn()
  next()
  await third
  assert.deepEqual(begun, ['a', 'c'])
})

const turnedAway = () =>
  new StatusError('TooManyRequests', 'Too many requests, please try again later.', { details: { retryAfterSeconds: 1 } })

function refusing(times: number): { transport: Transport; calls: () => number } {
  let calls = 0
  const request = async ({ name }: Call) => {
    if (calls++ < times) throw turnedAway()
    return name
  }
  return { transport: { ...manual().transport, request }, calls: () => calls }
}

test('boundedTransport() makes a call again that was turned away, as long as the server says', async () => {
  const clock = new VirtualClock()
  const { transport, calls } = refusing(2)
  const answer = boundedTransport(transport, { width: 1, clock }).request(call('a'))
  for (let second = 1; second <= 2; second++) {
    await turn()
    assert.equal(calls(), second)
    clock.runNext()
  }
  assert.equal(await answer, 'a')
})

test('boundedTransport() gives up after ten times, and at once where a budget forbids an eviction', async () => {
  const clock = new VirtualClock()
  const stubborn = refusing(100)
  const answer = boundedTransport(stubborn.transport, { width: 1, clock }).request(call('a'))
  const refused = assert.rejects(answer, (error) => hasReason(error, 'TooManyRequests'))
  for (let i = 0; i < 12; i++) {
    await turn()
    clock.runNext()
  }
  await refused
  assert.equal(stubborn.calls(), 11)
  const eviction = refusing(100)
  const evict = boundedTransport(eviction.transport, { width: 1, clock }).request(call('a', { subresource: 'eviction' }))
  await assert.rejects(evict, (error) => hasReason(error, 'TooManyRequests'))
  assert.equal(eviction.calls(), 1)
})
