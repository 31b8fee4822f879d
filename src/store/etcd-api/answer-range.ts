/** etcd's ranges out of the store's: sorting, bounds of revisions, limits, keys or counts alone. */
import type { RangeAnswer, RangeMessage } from '../etcd/messages.ts'
import type { Row, Store } from '../store.ts'
import { kvOf, spanOf } from './wire.ts'

export async function answerRange(store: Store, request: RangeMessage): Promise<{ answer: RangeAnswer; revision: number }> {
  const { limit = 0, revision = 0, keys_only: keysOnly = false, count_only: countOnly = false, sort_target: target = 0 } = request
  const result = await store.range({
    ...spanOf(request),
    // What is sorted or sorted out has to be read as a whole.
    limit: isPlain(request) ? Math.max(0, limit) : 0,
    countOnly,
    keysOnly: keysOnly && target !== byValue,
    ...(revision > 0 && { revision }),
  })
  return { answer: arrange(request, result), revision: result.revision }
}

/** What a range in a txn, or one of its own, answers out of the rows that were read for it. */
export function arrange(
  request: RangeMessage,
  { rows, count, more }: { rows: readonly Row[]; count: number; more: boolean },
): RangeAnswer {
  const { limit = 0, keys_only: keysOnly = false, count_only: countOnly = false } = request
  if (countOnly) return { kvs: [], count, more: false }
  const wanted = sorted(request, rows.filter(within(request)))
  const cut = limit > 0 && wanted.length > limit ? wanted.slice(0, limit) : wanted
  const kvs = cut.map((row) => kvOf(keysOnly ? { ...row, value: new Uint8Array() } : row))
  return { kvs, count, more: more || cut.length < wanted.length }
}

/** Whether rows may be cut off before they are arranged. */
export function isPlain(request: RangeMessage): boolean {
  const { sort_order: order = 0, sort_target: target = 0 } = request
  const { min_mod_revision: a = 0, max_mod_revision: b = 0, min_create_revision: c = 0, max_create_revision: d = 0 } = request
  return a === 0 && b === 0 && c === 0 && d === 0 && target === 0 && order !== descending
}

const descending = 2
const byValue = 4

function within(request: RangeMessage): (row: Row) => boolean {
  const { min_mod_revision: minMod = 0, max_mod_revision: maxMod = 0 } = request
  const { min_create_revision: minCreate = 0, max_create_revision: maxCreate = 0 } = request
  return ({ revision, createRevision }) =>
    revision >= minMod &&
    (maxMod === 0 || revision <= maxMod) &&
    createRevision >= minCreate &&
    (maxCreate === 0 || createRevision <= maxCreate)
}

/** Rows come sorted by key. A target without an order means ascending, as in etcd. */
function sorted({ sort_order: order = 0, sort_target: target = 0 }: RangeMessage, rows: Row[]): Row[] {
  const compare = comparisons[target]
  const ascending = compare && target !== 0 ? rows.toSorted(compare) : rows
  return order === descending ? ascending.toReversed() : ascending
}

const comparisons: readonly ((a: Row, b: Row) => number)[] = [
  () => 0,
  (a, b) => a.version - b.version,
  (a, b) => a.createRevision - b.createRevision,
  (a, b) => a.revision - b.revision,
  (a, b) => Buffer.compare(a.value, b.value),
]
