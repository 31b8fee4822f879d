/** Whether a cluster wants simulated nodes. A file of its own, since whoever only asks this must not load the simulation. */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Client } from '#client/client.ts'
import { type InformerOptions, startInformer } from '#client/informer.ts'

export const wantedAt = { namespace: 'kube-system', name: 'simulated-nodes' }

interface WatchWantedOptions extends Pick<InformerOptions, 'clock' | 'random' | 'signal' | 'onError'> {
  readonly client: Client
}

/** Tells whether the cluster wants simulated nodes, now and whenever that changes. Resolves when it was told once. */
export async function watchWanted({ client, ...rest }: WatchWantedOptions, tell: (isWanted: boolean) => void): Promise<void> {
  const fieldSelector = `metadata.name=${wantedAt.name}`
  const informer = startInformer(client, ConfigMap, { ...rest, fieldSelector, namespace: wantedAt.namespace })
  const look = () => tell(Object.keys(informer.list()[0]?.data ?? {}).length > 0)
  informer.addHandlers({ added: look, updated: look, deleted: look })
  await informer.synced()
}
