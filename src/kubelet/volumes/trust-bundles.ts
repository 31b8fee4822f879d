/** Trust anchors from ClusterTrustBundles, for pods that project them (upstream `pkg/kubelet/clustertrustbundle`). */
import { createHash } from 'node:crypto'
import { ClusterTrustBundle } from '#api/certificates/v1beta1/cluster-trust-bundle.ts'
import type { ClusterTrustBundleProjection } from '#api/core/v1/volume.ts'
import type { Client } from '#client/client.ts'
import { labelSelectorText } from '#schema/selector.ts'
import { hasReason } from '#schema/status-error.ts'

export interface TrustSource {
  /** PEM. Rejects where there is none and one is wanted. */
  anchors(projection: ClusterTrustBundleProjection): Promise<string>
}

/** `nodeName` mixes them: no pod is to depend on an order. */
export function trustBundles({ client, nodeName }: { readonly client: Client; readonly nodeName: string }): TrustSource {
  return {
    async anchors({ name, signerName, labelSelector, optional = false }) {
      const bundles = name ? await named(client, name, optional) : await ofSigner(client, signerName ?? '', labelSelector)
      if (bundles.length === 0 && !optional) {
        throw new Error('combination of signerName and labelSelector matched zero ClusterTrustBundles')
      }
      return joined(
        bundles.map(({ spec }) => spec.trustBundle),
        nodeName,
      )
    },
  }
}

async function named(client: Client, name: string, optional: boolean): Promise<ClusterTrustBundle[]> {
  try {
    return [await client.get(ClusterTrustBundle, { name })]
  } catch (error) {
    if (optional && hasReason(error, 'NotFound')) return []
    throw new Error(`while getting ClusterTrustBundle: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

/** No selector selects nothing, an empty one everything. */
async function ofSigner(client: Client, signer: string, selector: ClusterTrustBundleProjection['labelSelector']) {
  if (!selector) return []
  const labelSelector = labelSelectorText(selector)
  const { items } = await client.list(ClusterTrustBundle, { labelSelector, fieldSelector: `spec.signerName=${signer}` })
  return items
}

/** Each certificate once, and nothing that stood around it. */
export function joined(bundles: readonly string[], nodeName: string): string {
  const found = new Map<string, string>()
  for (const [, body = ''] of bundles.join('\n').matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)) {
    const base64 = body.replace(/\s+/g, '')
    found.set(createHash('sha256').update(nodeName).update(base64).digest('hex'), base64)
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([, base64]) => pem(base64)).join('')
}

function pem(base64: string): string {
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
}
