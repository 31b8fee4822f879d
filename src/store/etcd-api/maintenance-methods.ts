/** etcd's maintenance and cluster services, as far as a single member with a file of its own has something to say. */
import { once } from 'node:events'
import { status } from '@grpc/grpc-js'
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
