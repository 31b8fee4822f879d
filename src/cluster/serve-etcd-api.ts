/** etcd's API in front of the cluster's state, for administrators: off unless a port is given. */
import type { Clock } from '#lib/clock.ts'
import { formatTime } from '#lib/clock.ts'
import { backupOf } from '#store/backup.ts'
import type { EtcdApi } from '#store/etcd-api/serve.ts'
import type { Store } from '#store/store.ts'
import type { ClusterConfig } from './data-directory.ts'
import type { Pki } from './pki.ts'

export interface ServeOptions {
  /** Below the encryption: what is encrypted at rest stays so. */
  readonly raw: Store
  readonly config: ClusterConfig
  readonly pki: Pki
  readonly clock: Clock
  readonly cluster: () => Promise<string>
}

/** On this machine alone. Whoever writes here passes by authorization and admission, hence only `system:masters`. */
export async function startEtcdApi({ raw, config, pki, clock, cluster }: ServeOptions): Promise<EtcdApi | undefined> {
  const { etcdApiPort: port, etcd, nodeName: name } = config
  if (!port || etcd) return undefined
  const { serveEtcdApi } = await import('#store/etcd-api/serve.ts')
  const { key, certificate } = pki.apiserver
  return serveEtcdApi({
    ...{ store: raw, clock, host: '127.0.0.1', port, key, certificate, clientCa: pki.ca.certificate, name },
    mayUse: ({ organizations }) => organizations.includes('system:masters'),
    snapshot: async function* () {
      yield* backupOf(raw, { cluster: await cluster(), created: formatTime(clock.now()) })
    },
  })
}
