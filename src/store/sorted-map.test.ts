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

test('SortedMap.fold() tells of each entry of the range once, alone or among many, whatever has changed', () => {
  const random = seededRandom(5)
  const map = new SortedMap((values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0))
  const model = new Map<string, number>()
  let together = 0
  for (let i = 0; i < 6000; i++) {
    const key = `/${Math.floor(random.next() * 3000)}`
    if (i < 3000 || random.next() < 0.7) {
      map.set(key, i)
      model.set(key, i)
    } else {
      map.delete(key)
      model.delete(key)
    }
    if (i % 500 > 0) continue
    const ends = [random.next(), random.next()].map((at) => `/${Math.floor(at * 3000)}`).sort() as [string, string]
    for (const [from, end] of [ends, ['', '0'] as const]) {
      let sum = 0
      const many = (some: number) => {
        sum += some
        together++
        return true
      }
      map.fold(from, end, { many, one: (value) => void (sum += value) })
      const expected = [...model].filter(([key]) => key >= from && key < end).reduce((all, [, value]) => all + value, 0)
      assert.equal(sum, expected, `${from} to ${end} after ${i}`)
    }
  }
  assert.ok(together > 50)
  const seen: number[] = []
  map.fold('', undefined, { many: () => false, one: (value) => void seen.push(value) })
  assert.equal(seen.length, model.size, 'who refuses sums is told each value')
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
