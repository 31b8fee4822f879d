import assert from 'node:assert/strict'
import test from 'node:test'
import type { RequestMetrics } from '#apiserver/publish/metrics.ts'
import type { Request } from '#apiserver/request.ts'
import type { Call, Transport } from '#client/client.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { politeTransport, Turns } from './polite-transport.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('politeTransport() holds the calls of a turn that has gone on for long until the next one, in their order', async () => {
  const clock = new VirtualClock()
  const begun: string[] = []
  const transport: Transport = {
    // Each takes 3 ms.
    async request({ name = '' }) {
      begun.push(name)
      clock.advanceTo(clock.now() + 3)
    },
    watch: () => (async function* () {})(),
    close: async () => {},
  }
  const polite = politeTransport(transport, new Turns(clock))
  const call = (name: string): Call => ({ verb: 'get', resource: { group: '', version: 'v1', plural: 'pods' }, name })
  const answers = ['a', 'b', 'c', 'd', 'e'].map((name) => polite.request(call(name)))
  await settled()
  assert.deepEqual(begun, ['a', 'b'])
  clock.runNext()
  await settled()
  assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
  clock.runNext()
  await Promise.all(answers)
  assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e'])
})

test('politeTransport() asks for a whole collection in parts, and for nothing else', async () => {
  const asked: unknown[] = []
  const transport: Transport = {
    async request({ query }) {
      asked.push(query)
      const [items, next] = query?.continue ? [['c'], undefined] : [['a', 'b'], 'more']
      return { kind: 'PodList', metadata: { resourceVersion: '7', ...(next && { continue: next }) }, items }
    },
    watch: () => (async function* () {})(),
    close: async () => {},
  }
  const polite = politeTransport(transport, new Turns(new VirtualClock()))
  const call: Call = { verb: 'list', resource: { group: '', version: 'v1', plural: 'pods' } }
  const all = await polite.request({ ...call, query: { resourceVersion: '0', labelSelector: 'a=b' } })
  assert.deepEqual(all, { kind: 'PodList', metadata: { resourceVersion: '7' }, items: ['a', 'b', 'c'] })
  const parts = [
    { labelSelector: 'a=b', limit: '500' },
    { labelSelector: 'a=b', continue: 'more', limit: '500' },
  ]
  assert.deepEqual(asked.splice(0), parts)
  await polite.request({ ...call, query: { resourceVersion: '0', limit: '2' } })
  assert.deepEqual(asked, [{ resourceVersion: '0', limit: '2' }])
})

test('politeTransport() lets others go first while the process is young', async () => {
  const clock = new VirtualClock()
  const begun: number[] = []
  const transport: Transport = {
    request: async () => void begun.push(clock.now()),
    watch: () => (async function* () {})(),
    close: async () => {},
  }
  const turns = new Turns(clock)
  const uncounted: Partial<RequestMetrics> = { begin: () => () => {} }
  const metrics = turns.following(uncounted as RequestMetrics)
  const polite = politeTransport(transport, turns)
  const call: Call = { verb: 'get', resource: { group: '', version: 'v1', plural: 'pods' } }
  const pass = async (turns: number) => {
    for (let i = 0; i < turns; i++) {
      clock.runNext()
      await settled()
    }
  }
  const start = clock.now()
  const request = { method: 'GET' } as Request
  const end = metrics.begin(request)
  const first = polite.request(call)
  await pass(50)
  assert.deepEqual(begun, [], 'somebody is being answered')
  end(undefined)
  await pass(3)
  await first
  assert.deepEqual(begun.splice(0), [start + 53])
  clock.runNext()
  clock.advanceTo(start + 3000)
  metrics.begin(request)
  await polite.request(call)
  assert.equal(begun.length, 1)
})
