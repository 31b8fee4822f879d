/** The offset of a cluster that moved to etcd: etcd counts from 1, and nobody may be told a revision that was issued before. */
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import type { CompareMessage, KeyValue, PutMessage, RangeAnswer, RangeMessage, TxnMessage } from './messages.ts'

/** What moves into this etcd left behind. */
export interface Standing {
  readonly offset: number
  /** Whether a move began and did not end. */
  readonly isMoving: boolean
  /** etcd's, of the last step of a move; 0: there was none. */
  readonly revision: number
}

export async function readStanding(members: Members, keys: KeySpace): Promise<Standing> {
  const { answer } = await members.call<RangeMessage, RangeAnswer>('KV.Range', movesSpan(keys))
  const at = (key: Buffer) => answer.kvs.find((kv) => key.equals(kv.key))
  const offset = Number(Buffer.from(at(offsetKey(keys))?.value ?? '0').toString())
  const revision = answer.kvs.reduce((newest, { mod_revision }) => Math.max(newest, mod_revision), 0)
  return { offset, isMoving: at(moveKey(keys)) !== undefined, revision }
}

/** Holds as long as nothing has been moved in since `keys` were told how they stand. */
export function unmoved(keys: KeySpace): CompareMessage {
  return { ...movesSpan(keys), target: 2, result: 2, mod_revision: keys.movedAt + 1 }
}

/** Whether one of the keys that a move leaves behind is newer than what `keys` were told. */
export function hasMoved(keys: KeySpace, kvs: readonly KeyValue[]): boolean {
  const [move, offset] = [moveKey(keys), offsetKey(keys)]
  return kvs.some(({ key, mod_revision: at }) => at > keys.movedAt && (move.equals(key) || offset.equals(key)))
}

/** Both keys of a move, and nothing else. */
export function movesSpan(keys: KeySpace): { key: Buffer; range_end: Buffer } {
  return { key: moveKey(keys), range_end: Buffer.concat([offsetKey(keys), Buffer.of(0)]) }
}

export async function noteMove(members: Members, keys: KeySpace): Promise<void> {
  await members.call<PutMessage, unknown>('KV.Put', { key: moveKey(keys), value: Buffer.from('under way') })
}

/** Ends the move. */
export async function writeOffset(members: Members, keys: KeySpace, offset: number): Promise<void> {
  const put = { request_put: { key: offsetKey(keys), value: Buffer.from(`${offset}`) } }
  const request: TxnMessage = { compare: [], success: [put, { request_delete_range: { key: moveKey(keys) } }], failure: [] }
  await members.call('KV.Txn', request)
}

function offsetKey({ internal }: KeySpace): Buffer {
  return Buffer.from(`${internal}revision-offset`)
}

function moveKey({ internal }: KeySpace): Buffer {
  return Buffer.from(`${internal}move`)
}
