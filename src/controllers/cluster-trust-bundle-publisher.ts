/** Publishes the cluster's CA as a ClusterTrustBundle, for pods that project it (upstream `certificates/clustertrustbundlepublisher`). */
import { createHash } from 'node:crypto'
import { ClusterTrustBundle } from '#api/certificates/v1beta1/cluster-trust-bundle.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Change, type Controller, defineController } from './runtime/controller.ts'

const signer = 'kubernetes.io/kube-apiserver-serving'

/** `ca` is PEM text. */
export function clusterTrustBundlePublisher(ca: string): Controller {
  const wanted = bundleName(ca)
  return defineController({
    name: 'kube-apiserver-serving-clustertrustbundle-publisher-controller',
    account: 'kube-apiserver-serving-clustertrustbundle-publisher',
    for: ClusterTrustBundle,
    writes: [ClusterTrustBundle],
    grants: [{ groups: ['certificates.k8s.io'], resources: ['signers'], verbs: ['attest'], names: [signer] }],
    starts: [{ name: wanted }],
    watches: [{ kind: ClusterTrustBundle, when: isOurs, visits: () => [{ name: wanted }] }],

    /** Bundles of earlier authorities go once the present one stands. */
    async reconcile({ metadata, spec }, cluster) {
      if (metadata.name !== wanted) return
      if (spec.trustBundle !== ca) await cluster.update(ClusterTrustBundle, { metadata, spec: { ...spec, trustBundle: ca } })
      for (const other of cluster.list(ClusterTrustBundle)) {
        if (other.spec.signerName === signer && other.metadata.name !== wanted) await cluster.delete(ClusterTrustBundle, other)
      }
    },

    async reconcileAbsent({ name }, cluster) {
      if (name !== wanted) return
      const spec = { signerName: signer, trustBundle: ca }
      try {
        await cluster.create(ClusterTrustBundle, { metadata: { name: wanted }, spec })
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists')) throw error
      }
    },
  })
}

function isOurs({ object, old }: Change<ClusterTrustBundle>): boolean {
  return (object ?? old)?.spec.signerName === signer
}

function bundleName(ca: string): string {
  const hash = createHash('sha256').update(ca).digest('hex').slice(0, 24)
  return `${signer.replaceAll('/', ':')}:${hash}`
}
