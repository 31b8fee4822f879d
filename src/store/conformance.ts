/**
 * The store's contract as a test suite: every engine's test file calls `testStore`.
 *
 *     testStore('memory', async ({ clock }) => openMemoryStore({ clock }))
 */
import type { Open, Skip } from './conformance/bench.ts'
import { testBeside } from './conformance/beside.ts'
import { testConcurrency } from './conformance/concurrency.ts'
import { testHistory } from './conformance/history.ts'
import { testLeases } from './conformance/leases.ts'
import { testRange } from './conformance/range.ts'
import { testRobustness } from './conformance/robustness.ts'
import { testTxn } from './conformance/txn.ts'
import { testWatch } from './conformance/watch.ts'

/** `open` answers an empty store of its own for each test; its revision may be any. */
export function testStore(name: string, open: Open, skip: Skip = {}): void {
  testTxn(name, open)
  testRange(name, open)
  testWatch(name, open)
  testHistory(name, open)
  testLeases(name, open, skip)
  testConcurrency(name, open)
  testBeside(name, open)
  testRobustness(name, open)
}
