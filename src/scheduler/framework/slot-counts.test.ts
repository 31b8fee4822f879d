import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import { seededRandom } from '#lib/random.ts'
import { SlotCounts } from './slot-counts.ts'
import { Topology } from './topology.ts'

const node = (labels: Record<string, string>) => ({ metadata: { labels } }) as unknown as Node

test('SlotCounts byDomain() is the sum over the nodes of each domain, while nodes move and numbers change', () => {
  const random = seededRandom(7)
  const topology = new Topology()
  const counts = new SlotCounts()
  const keys = ['zone', 'rack', 'row', 'hall', 'host'] as const
  const places = new Map<number, Record<string, string>>()
  const numbers = new Map<number, number>()
  for (let step = 0; step < 2_000; step++) {
    const slot = Math.floor(random.next() * 200)
    if (random.next() < 0.7) {
      const by = (numbers.get(slot) ?? 0) > 0 && random.next() < 0.4 ? -1 : 1
      counts.add(slot, by)
      numbers.set(slot, (numbers.get(slot) ?? 0) + by)
    } else if (random.next() < 0.2) {
      topology.delete(slot)
      places.delete(slot)
    } else {
      const labels = Object.fromEntries(keys.map((key) => [key, `${key}-${Math.floor(random.next() * 6)}`]))
      topology.set(slot, node(labels))
      places.set(slot, labels)
    }
    const key = keys[step % keys.length] as string
    const domains = topology.domains(key)
    const expected = new Array<number>(domains.count).fill(0)
    const sizes = new Array<number>(domains.count).fill(0)
    for (const at of places.keys()) {
      const domain = domains.of[at] as number
      expected[domain] = (expected[domain] ?? 0) + (numbers.get(at) ?? 0)
      sizes[domain] = (sizes[domain] ?? 0) + 1
    }
    assert.deepEqual([...counts.byDomain(domains)], expected, `step ${step}`)
    assert.deepEqual(domains.sizes, sizes, `step ${step}`)
  }
})
