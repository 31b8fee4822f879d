/**
 * Legacy token cleaner: tokens that were made for every ServiceAccount of old, and that nobody has used for a year, are first marked
 * as invalid and a year later deleted (KEP-2799). Tokens that somebody made by hand stay.
 */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { sleep } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Cluster, defineController } from '../runtime/controller.ts'
import { accountOf, isFor, tokenType } from './token-secret.ts'

const day = 24 * 3600 * 1000
/** `legacy-service-account-token-clean-up-period`. */
const unused = 365 * day
const lastUsedKey = 'kubernetes.io/legacy-token-last-used'
const invalidSinceKey = 'kubernetes.io/legacy-token-invalid-since'
const tracking = { namespace: 'kube-system', name: 'kube-apiserver-legacy-service-account-token-tracking' }

export const legacyTokenCleanerController = defineController({
  name: 'legacy-serviceaccount-token-cleaner-controller',
  account: 'legacy-service-account-token-cleaner',
  for: Secret,
  reads: [ServiceAccount, Pod],
  writes: [Secret],
  grants: [{ groups: [''], resources: ['configmaps'], verbs: ['get'] }],

  async run(cluster, signal) {
    while (!signal.aborted) {
      await clean(cluster)
      await sleep(cluster.clock, day, signal).catch(() => {})
    }
  },
})

type TokenCluster = Cluster<typeof Secret | typeof ServiceAccount | typeof Pod, typeof Secret>

async function clean(cluster: TokenCluster): Promise<void> {
  const now = cluster.clock.now()
  const since = await trackedSince(cluster)
  if (since === undefined || now < since + day + unused) return
  const mounted = new Set(cluster.list(Pod).flatMap(mountedSecrets))
  for (const secret of cluster.list(Secret)) {
    const at = accountOf(secret)
    const account = at && cluster.get(ServiceAccount, at)
    const { namespace, name, resourceVersion } = secret.metadata
    if (!account || !isFor(secret, account) || !account.secrets?.some((one) => one.name === name)) continue
    if (mounted.has(`${namespace}/${name}`)) continue
    const step = planToken(secret, now)
    if (step === 'delete')
      await cluster.delete(Secret, secret, { preconditions: { ...(resourceVersion && { resourceVersion }) } })
    if (step !== 'mark') continue
    const body = { metadata: { uid: secret.metadata.uid, labels: { [invalidSinceKey]: dateOf(now) } } }
    await cluster.patch(Secret, secret, { type: 'merge', body })
  }
}

/** What becomes of a token that was made for an account and that no pod mounts. */
export function planToken({ type, metadata }: Secret, now: number): 'keep' | 'mark' | 'delete' {
  const { creationTimestamp, deletionTimestamp, labels = {} } = metadata
  if (type !== tokenType || deletionTimestamp || Date.parse(creationTimestamp) >= now - unused) return 'keep'
  const limit = dateOf(now - unused)
  const lastUsed = labels[lastUsedKey]
  if (lastUsed !== undefined && (!isDate(lastUsed) || lastUsed >= limit)) return 'keep'
  const invalidSince = labels[invalidSinceKey] ?? ''
  if (!isDate(invalidSince)) return 'mark'
  return invalidSince >= limit ? 'keep' : 'delete'
}

/** Since when the API server writes down who uses such a token. */
async function trackedSince({ live }: TokenCluster): Promise<number | undefined> {
  try {
    const { data } = await live.get(ConfigMap, tracking)
    return data?.since && isDate(data.since) ? Date.parse(data.since) : undefined
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

function mountedSecrets({ metadata, spec }: Pod): string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
  const names = [
    ...(spec.imagePullSecrets ?? []).map(({ name }) => name),
    ...(spec.volumes ?? []).flatMap(({ secret, projected }) => [
      secret?.secretName,
      ...(projected?.sources ?? []).map((source) => source.secret?.name),
    ]),
    ...containers.flatMap(({ env = [], envFrom = [] }) => [
      ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
      ...envFrom.map(({ secretRef }) => secretRef?.name),
    ]),
  ]
  return names.flatMap((name) => (name ? [`${metadata.namespace}/${name}`] : []))
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))
}
