import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { orderOf, SortedMap } from './sorted-map.ts'

test('SortedMap equals a sorted list of keys after any insertions and deletions', () => {
  const random = seededRandom(3)
  const map = new SortedMap<number>()
  const model = new Map<string, number>()
  for (let i = 0; i < 20_000; i++) {
    const key = `/${Math.floor(random.next() * 5000)}`
    if (random.next() < 0.6) {
      map.set(key, i)
      model.set(key, i)
    } else assert.equal(map.delete(key), model.delete(key))
  }
  const sorted = [...model.keys()].sort()
  assert.equal(map.size, sorted.length)
  const [from, end] = ['/2', '/4']
  const cases: [string, string | undefined, string[]][] = [
    ['', undefined, sorted],
    [from, end, sorted.filter((key) => key >= from && key < end)],
    [sorted[7] ?? '', sorted[9], sorted.slice(7, 9)],
    [end, from, []],
    ['/zzz', undefined, []],
  ]
  for (const [start, stop, expected] of cases) {
    const seen: string[] = []
    map.scan(start, stop, (value, key) => {
      assert.equal(value, model.get(key))
      seen.push(key)
    })
    assert.deepEqual(seen, expected, `${start} to ${stop}`)
  }
})

test('SortedMap puts many new keys among those it has', () => {
  const random = seededRandom(4)
  const map = new SortedMap<number>()
  const keys = new Set<string>()
  for (const count of [3000, 1, 2000, 40, 5000]) {
    for (let i = 0; i < count; i++) {
      const key = `/${Math.floor(random.next() * 1e6)}`
      keys.add(key)
      map.set(key, i)
    }
    const seen: string[] = []
    map.scan('', undefined, (_, key) => void seen.push(key))
    assert.deepEqual(seen, [...keys].sort())
  }
})

test('SortedMap.scan() ends when the visitor says so', () => {
  const map = new SortedMap<number>()
  for (const key of ['a', 'b', 'c']) map.set(key, 0)
  const seen: string[] = []
  map.scan('a', undefined, (_, key) => seen.push(key) < 2)
  assert.deepEqual(seen, ['a', 'b'])
})

test('orderOf() gives the order of UTF-8 bytes', () => {
  const keys = ['a', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '\u{10000}a', '\uffffa', '']
  const byBytes = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  assert.deepEqual(
    keys.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)),
    byBytes,
  )
})
