import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { ReadyPods } from './ready-pods.ts'

interface Item {
  readonly priority: number
  readonly arrival: number
}

const compare = (a: Item, b: Item) => b.priority - a.priority || a.arrival - b.arrival

test('ReadyPods gives what sorting would, in whatever order things come and go', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed)
    const ready = new ReadyPods(compare)
    const expected: Item[] = []
    for (let arrival = 0; arrival < 4_000; arrival++) {
      const item = { arrival, priority: random.next() < 0.05 ? Math.floor(random.next() * 3) : 0 }
      ready.push(item)
      expected.push(item)
      const leaves = random.next() < 0.45 ? 2 : 0
      for (let i = 0; i < leaves; i++) {
        const first = expected.toSorted(compare)[0]
        if (first) expected.splice(expected.indexOf(first), 1)
        assert.equal(ready.pop(), first, `seed ${seed}`)
      }
    }
    for (const one of expected.toSorted(compare)) assert.equal(ready.pop(), one)
    assert.equal(ready.pop(), undefined)
  }
})

test('ReadyPods compares once with each that comes in order, and not at all when it goes', () => {
  let compared = 0
  const ready = new ReadyPods<number>((a, b) => {
    compared++
    return a - b
  })
  for (let i = 0; i < 10_000; i++) ready.push(i)
  for (let i = 0; i < 10_000; i++) assert.equal(ready.pop(), i)
  assert(compared <= 10_000)
})
