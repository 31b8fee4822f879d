import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { openMemoryStore } from '#store/memory.ts'
import { openWatchCache } from '#store/watch-cache.ts'
import { ListSegments } from './list-segments.ts'
import { Segment } from './segment.ts'

const cause = { user: 'test', time: 0, request: 'test' }

async function open() {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  const cache = openWatchCache<any>({ store, clock, prefix: '/k/', ring: { events: 2000, bytes: 1 << 20 } })
  await cache.ready
  const put = (name: string, more = '') => {
    const value = Buffer.from(JSON.stringify({ metadata: { name }, more }))
    return store.txn({ compare: [], success: [{ op: 'put', key: `/k/${name}`, value }], cause })
  }
  const remove = (name: string) => store.txn({ compare: [], success: [{ op: 'delete', key: `/k/${name}` }], cause })
  return { cache, put, remove }
}

test('ListSegments.of() is the same list as one by one, whatever changed meanwhile', async () => {
  const { cache, put, remove } = await open()
  const random = seededRandom(7)
  const segments = new ListSegments()
  for (let round = 0; round < 60; round++) {
    // Each tenth round changes much, one of them more than the cache remembers.
    for (let change = Math.floor(random.next() * (round === 30 ? 6000 : round % 10 === 0 ? 900 : 5)); change >= 0; change--) {
      const name = `${random.next() < 0.1 ? 'ns/' : ''}${Math.floor(random.next() * 3000)}`
      await (random.next() < 0.3 ? remove(name) : put(name, String(round)))
    }
    for (const prefix of ['/k/', '/k/ns/']) {
      const joined = segments.of(prefix, cache).map(({ bytes }) => Buffer.from(bytes).toString())
      const wanted = cache.list(prefix).map(({ bytes }) => `${Buffer.from(bytes)},`)
      assert.equal(joined.join(''), wanted.join(''))
    }
  }
})

test('Segment.find() finds the same as one by one, whatever changed meanwhile, and looks only at what did', async () => {
  const { cache, put, remove } = await open()
  for (let i = 0; i < 1500; i++) await put(String(i).padStart(5, '0'), String(i % 3))
  const random = seededRandom(3)
  const segments = new ListSegments()
  let looked = 0
  const matches = ({ more }: any) => {
    looked++
    return more === '1'
  }
  const find = () => segments.of('/k/', cache).map((one) => one.find({ text: 'one', matches }, (row) => row.decoded as any))
  find()
  for (let round = 0; round < 40; round++) {
    const name = String(Math.floor(random.next() * 1600)).padStart(5, '0')
    await (random.next() < 0.3 ? remove(name) : put(name, String(round % 3)))
    looked = 0
    const found = find().flatMap(({ rows }) => rows)
    assert.deepEqual(
      found,
      cache.list('/k/').filter((row) => (row.decoded as any).more === '1'),
    )
    assert(looked <= 1)
  }
})

test('Stretch.bytes keeps what is asked twice as long as it stands, and no more than there is room for', async () => {
  const { cache, put } = await open()
  for (let i = 0; i < 300; i++) await put(String(i).padStart(5, '0'))
  const room = { left: 1 << 20 }
  const segment = new Segment(cache.list('/k/'), room)
  assert.notEqual(segment.bytes, segment.bytes)
  assert.equal(segment.bytes, segment.bytes)
  assert.equal(room.left, (1 << 20) - segment.bytes.length)
  segment.letGo()
  assert.notEqual(segment.bytes, segment.bytes)
  assert.equal(room.left, 1 << 20)
  const narrow = new Segment(cache.list('/k/'), { left: 100 })
  assert.notEqual(narrow.bytes, narrow.bytes)
  assert.notEqual(narrow.bytes, narrow.bytes)
})

test('ListSegments.of() keeps pieces in which nothing changed, and those handed out before as they were', async () => {
  const { cache, put, remove } = await open()
  for (let i = 0; i < 2000; i++) await put(String(i).padStart(5, '0'))
  const segments = new ListSegments()
  const before = segments.of('/k/', cache)
  await put('01000', 'changed')
  const after = segments.of('/k/', cache)
  assert.equal(after.length, before.length)
  assert.equal(after.filter((piece, at) => piece !== before[at]).length, 1)
  await remove('00000')
  await put('99999')
  assert.equal(segments.of('/k/', cache).length, before.length)
  assert.equal(
    before.reduce((sum, { rows }) => sum + rows.length, 0),
    2000,
  )
})
