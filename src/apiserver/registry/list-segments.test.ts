import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { CachedRow, Recent } from '#store/cached-row.ts'
import { ListSegments } from './list-segments.ts'

const encoder = new TextEncoder()
const making = { decode: (): any => undefined, decoded: new Recent(1 << 20), served: new Recent(1 << 20) }

function row(key: string, revision: number): CachedRow<any> {
  const value = encoder.encode(`{"metadata":{"name":"${key}"}}`)
  return new CachedRow({ key, value, revision, subRevision: 0, createRevision: 1, version: 1, lease: 0 }, making)
}

test('ListSegments.pieces() joins to the same list as one by one, whatever changed meanwhile', () => {
  const random = seededRandom(7)
  const segments = new ListSegments()
  const rows = new Map<string, CachedRow<any>>()
  for (let round = 0; round < 60; round++) {
    for (let change = Math.floor(random.next() * (round % 10 === 0 ? 900 : 5)); change >= 0; change--) {
      const key = `/k/${Math.floor(random.next() * 3000)}`
      if (random.next() < 0.3) rows.delete(key)
      else rows.set(key, row(key, round + 2))
    }
    const sorted = [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
    const joined = segments.pieces('/k/', sorted).map((piece) => Buffer.from(piece).toString())
    assert.equal(joined.join(','), sorted.map(({ bytes }) => Buffer.from(bytes).toString()).join(','))
  }
})

test('ListSegments.pieces() keeps pieces in which nothing changed', () => {
  const segments = new ListSegments()
  const rows = Array.from({ length: 2000 }, (_, i) => row(`/k/${String(i).padStart(5, '0')}`, 1))
  const before = segments.pieces('/k/', rows)
  const changed = rows.with(1000, row('/k/01000', 2))
  const after = segments.pieces('/k/', changed)
  assert.equal(after.length, before.length)
  assert.equal(after.filter((piece, at) => piece !== before[at]).length, 1)
})
