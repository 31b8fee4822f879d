/** The informer caches as DNS looks at them: by name and by address. */
import type { ServiceInformers } from '../watch-services.ts'
import type { ClusterNames } from './records.ts'

const byIp = 'ip'

export interface WatchedNames extends ClusterNames {
  synced(): Promise<void>
}

export function namesOf({ services, slices, namespaces, slicesOf }: ServiceInformers): WatchedNames {
  services.addIndex(byIp, ({ spec }) => (spec.clusterIPs ?? []).filter((ip) => ip !== 'None'))
  slices.addIndex(byIp, ({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses))
  return {
    service: (namespace, name) => services.get({ namespace, name }),
    slices: slicesOf,
    hasNamespace: (name) => namespaces.get({ name }) !== undefined,
    serviceByIp: (ip) => services.indexed(byIp, ip)[0],
    slicesByIp: (ip) => slices.indexed(byIp, ip),
    synced: async () => {
      await Promise.all([services.synced(), slices.synced(), namespaces.synced()])
    },
  }
}
