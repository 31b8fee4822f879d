/** What the server answers about its store: whether there is space, and the whole state as a backup. */
import { Namespace } from '#api/core/v1/namespace.ts'
import type { HealthCheck } from '#apiserver/publish/health.ts'
import type { Stage } from '#apiserver/request.ts'
import type { Client } from '#client/client.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import { backupOf } from '#store/backup.ts'
import type { Store } from '#store/store.ts'
import { backupPath, withKeys } from './backups.ts'
import type { Pki } from './pki.ts'
import { authoritiesOf } from './pki-authorities.ts'

/** Name of the check that fails while only deletions are accepted. */
export const spaceCheckName = 'store-space'

export function spaceCheck(store: Store): HealthCheck {
  const check = async () => ((await store.status()).alarm ? 'the disk is full: only deletions are accepted' : undefined)
  return { name: spaceCheckName, for: ['readyz'], check }
}

/** No role allows the path, so that only `system:masters` reach it. */
export function backupStage(raw: Store, { client, clock, pki }: { client: () => Client; clock: Clock; pki: Pki }): Stage {
  return async (request, next) => {
    if (request.path !== backupPath || request.method !== 'GET') return next(request)
    const cluster = await clusterUid(client())
    const keys = request.query.has(withKeys) ? { keys: authoritiesOf(pki) } : {}
    const chunks = backupOf(raw, { cluster, created: formatTime(clock.now()), ...keys })
    return { type: 'stream', status: 200, chunks: joined(chunks), headers: { 'content-type': 'application/octet-stream' } }
  }
}

export async function clusterUid(client: Client): Promise<string> {
  return (await client.get(Namespace, { name: 'kube-system' })).metadata.uid as string
}

const chunkSize = 256 << 10

/** Frames of the network are larger than rows. */
async function* joined(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    pending.push(chunk)
    size += chunk.byteLength
    if (size < chunkSize) continue
    yield Buffer.concat(pending)
    pending = []
    size = 0
  }
  yield Buffer.concat(pending)
}
