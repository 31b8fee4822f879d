import assert from 'node:assert/strict'
import test from 'node:test'
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
