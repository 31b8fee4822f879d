/** etcd's maintenance and cluster services, as far as a single member with a file of its own has something to say. */
import { once } from 'node:events'
import { crc32 } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { nextTurn } from '#lib/turn.ts'
import { everyKey, type Store } from '../store.ts'
import type { GrpcCall } from './grpc-server.ts'
import { Refusal } from './refusals.ts'
import { type Context, type Method, memberId } from './serve.ts'

/** The etcd whose API this is; its progress notifications are to be trusted, and so are ours. */
const version = '3.5.13'
const noSpace = 1

type Methods = Record<string, Method>

export function maintenanceMethods({ store, header, name, endpoint }: Context): { Maintenance: Methods; Cluster: Methods } {
  const now = async () => header((await store.status()).revision)
  const Maintenance: Methods = {
    async Status() {
      const { revision, bytes, alarm } = await store.status()
      const raft = { leader: memberId, raftIndex: revision, raftAppliedIndex: revision, raftTerm: 1, isLearner: false }
      const errors = alarm ? [`memberID:${memberId} alarm:NOSPACE `] : []
      return { header: header(revision), version, dbSize: bytes, dbSizeInUse: bytes, errors, ...raft }
    },
    async Alarm() {
      const { revision, alarm } = await store.status()
      return { header: header(revision), alarms: alarm ? [{ memberID: memberId, alarm: noSpace }] : [] }
    },
    // The engine keeps its file small by itself.
    Defragment: async () => ({ header: await now() }),
    async Hash() {
      const { revision, hash } = await hashAt(store, 0)
      return { header: header(revision), hash }
    },
    async HashKV({ revision = 0 }: { revision?: number }) {
      const { compactRevision } = await store.status()
      const found = await hashAt(store, revision)
      return { header: header(found.revision), hash: found.hash, compact_revision: compactRevision }
    },
    async MoveLeader() {
      throw new Refusal(status.FAILED_PRECONDITION, 'etcdserver: bad leader transferee')
    },
  }
  const Cluster: Methods = {
    async MemberList() {
      const member = { ID: memberId, name, peerURLs: [], clientURLs: [endpoint()], isLearner: false }
      return { header: await now(), members: [member] }
    },
  }
  return { Maintenance, Cluster }
}

const pageOfRows = 5_000

/** The same for the same rows, wherever they are kept; etcd's own is of its file, so that the two cannot be compared. */
async function hashAt(store: Store, wanted: number): Promise<{ revision: number; hash: number }> {
  const { revision } = await store.status()
  const at = wanted > 0 ? wanted : revision
  let hash = 0
  for (let key: string = everyKey.key; ; ) {
    const { rows, more } = await store.range({ ...everyKey, key, revision: at, limit: pageOfRows })
    for (const row of rows) {
      hash = crc32(row.value, crc32(`${row.revision} ${row.createRevision} ${row.version} ${row.lease} ${row.key}\0`, hash))
    }
    const last = rows.at(-1)
    if (!more || !last) return { revision, hash }
    key = `${last.key}\0`
    await nextTurn()
  }
}

/** etcdctl from 3.5 on refuses files whose size is not that of pages and a checksum. */
const pageSize = 512
const checksumSize = 32

export async function sendSnapshot(call: GrpcCall, { store, header, snapshot }: Context): Promise<void> {
  const { revision } = await store.status()
  let size = 0
  const send = async (blob: Uint8Array) => {
    size += blob.byteLength
    if (!call.write({ header: header(revision), blob }) && !call.cancelled) await once(call, 'drain')
  }
  for await (const chunk of snapshot()) {
    if (call.cancelled) return
    await send(chunk)
  }
  const filler = (((checksumSize - size) % pageSize) + pageSize) % pageSize
  if (filler > 0) await send(new Uint8Array(filler))
  call.end()
}
