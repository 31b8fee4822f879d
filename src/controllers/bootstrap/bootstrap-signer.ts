/**
 * Bootstrap signer: signs the kubeconfig in ConfigMap `kube-public/cluster-info` with every bootstrap token, so that who joins with
 * one of them knows that it speaks to the right cluster (upstream `controller/bootstrap`). Off by default, as upstream.
 */
import { createHmac } from 'node:crypto'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { semanticEqual } from '#schema/equal.ts'
import { type Change, defineController } from '../runtime/controller.ts'
import { expiryOf, isTokenSecret, signingToken, type TokenForSigning } from './token-secret.ts'

const clusterInfo = { namespace: 'kube-public', name: 'cluster-info' }
const prefix = 'jws-kubeconfig-'

export const bootstrapSignerController = defineController({
  name: 'bootstrap-signer-controller',
  account: 'bootstrap-signer',
  for: ConfigMap,
  reads: [Secret],
  writes: [ConfigMap],
  when: ({ object, old }) => isClusterInfo(object ?? old),
  watches: [
    {
      kind: Secret,
      when: ({ object, old }: Change<Secret>) => [object, old].some((secret) => secret && isTokenSecret(secret)),
      visits: () => [clusterInfo],
    },
  ],

  async reconcile(config, cluster) {
    if (!isClusterInfo(config) || config.data?.kubeconfig === undefined) return undefined
    const now = cluster.clock.now()
    const secrets = cluster.list(Secret, { namespace: 'kube-system' })
    const data = planSignatures(
      config.data,
      secrets.flatMap((secret) => signingToken(secret, now) ?? []),
    )
    if (!semanticEqual(data, config.data)) await cluster.update(ConfigMap, { ...config, data })
    const ends = secrets.filter(isTokenSecret).flatMap((secret) => expiryOf(secret) ?? [])
    const next = Math.min(...ends.filter((end) => end > now))
    return Number.isFinite(next) ? { after: (next - now) / 1000 } : undefined
  },
})

function isClusterInfo(config: ConfigMap | undefined): boolean {
  return config?.metadata.namespace === clusterInfo.namespace && config.metadata.name === clusterInfo.name
}

/** The map's data with one signature for each token and none besides. */
export function planSignatures(
  data: Readonly<Record<string, string>>,
  tokens: readonly TokenForSigning[],
): Record<string, string> {
  const others = Object.entries(data).filter(([key]) => !key.startsWith(prefix))
  const signed = tokens.map((token) => [`${prefix}${token.id}`, detachedSignature(data.kubeconfig ?? '', token)])
  return Object.fromEntries([...others, ...signed])
}

/** A JWS whose payload is left out (RFC 7515, appendix F). */
function detachedSignature(content: string, { id, secret }: TokenForSigning): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url')
  const signed = `${header}.${Buffer.from(content).toString('base64url')}`
  return `${header}..${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
