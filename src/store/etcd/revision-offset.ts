/** The offset of a cluster that moved to etcd: etcd counts from 1, and nobody may be told a revision that was issued before. */
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import type { PutMessage, RangeAnswer, RangeMessage, TxnMessage } from './messages.ts'

export async function readOffset(members: Members, keys: KeySpace): Promise<number> {
  return Number((await read(members, offsetKey(keys))) ?? 0)
}

/** Whether a move into this etcd began and did not end. */
export async function isMoving(members: Members, keys: KeySpace): Promise<boolean> {
  return (await read(members, moveKey(keys))) !== undefined
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

async function read(members: Members, key: Buffer): Promise<string | undefined> {
  const { answer } = await members.call<RangeMessage, RangeAnswer>('KV.Range', { key })
  return answer.kvs[0] && Buffer.from(answer.kvs[0].value).toString()
}

function offsetKey({ internal }: KeySpace): Buffer {
  return Buffer.from(`${internal}revision-offset`)
}

function moveKey({ internal }: KeySpace): Buffer {
  return Buffer.from(`${internal}move`)
}
