/** The parts of a txn that need no state: its comparisons and its rules. */
import { orderOf } from './sorted-map.ts'
import { type Compare, type Operation, type Row, StoreError, type Txn } from './store.ts'

/** Whether the comparison holds for the row that stands at its key. */
export function holds({ target, op, operand }: Compare, row: Row | undefined): boolean {
  // etcd: a value cannot be compared where there is none.
  if (target === 'value' && !row) return false
  const difference = target === 'value' ? compareBytes(row, operand) : (row ? row[target] : 0) - (operand as number)
  switch (op) {
    case '=':
      return difference === 0
    case '!=':
      return difference !== 0
    case '<':
      return difference < 0
    case '>':
      return difference > 0
  }
}

/** Throws `DuplicateKey` where one branch puts a key twice, or puts and deletes it; deletions may overlap (as etcd). */
export function checkBranches({ success, failure }: Txn): void {
  checkBranch(success)
  if (failure) checkBranch(failure)
}

function checkBranch(operations: readonly Operation[]): void {
  if (operations.length < 2) return
  const puts = new Set<string>()
  for (const operation of operations) {
    if (operation.op !== 'put') continue
    if (puts.has(operation.key)) throw duplicate(operation.key)
    puts.add(operation.key)
  }
  for (const operation of operations) {
    if (operation.op !== 'delete') continue
    for (const key of puts) if (inRange(key, operation)) throw duplicate(key)
  }
}

export function inRange(key: string, range: { readonly key: string; readonly end?: string }): boolean {
  if (range.end === undefined) return key === range.key
  const order = orderOf(key)
  return order >= orderOf(range.key) && order < orderOf(range.end)
}

function compareBytes(row: Row | undefined, operand: number | Uint8Array): number {
  return Buffer.compare(row?.value ?? new Uint8Array(), operand as Uint8Array)
}

function duplicate(key: string): StoreError {
  return new StoreError('DuplicateKey', `duplicate key given in txn request: ${key}`)
}
