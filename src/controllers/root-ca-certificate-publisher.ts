/** Publishes the cluster's CA certificate to every namespace, so that pods can tell the API server from an impostor. */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { hasReason } from '#schema/status-error.ts'
import { isNamespaceTerminating } from './pod-control.ts'
import { type Controller, defineController } from './runtime/controller.ts'

const name = 'kube-root-ca.crt'
const descriptionKey = 'kubernetes.io/description'
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

/** `ca` is PEM text. */
export function rootCaCertificatePublisher(ca: string): Controller {
  return defineController({
    name: 'root-ca-certificate-publisher-controller',
    account: 'root-ca-cert-publisher',
    for: Namespace,
    reads: [ConfigMap],
    writes: [ConfigMap],
    watches: [
      {
        kind: ConfigMap,
        when: ({ object, old }) => (object ?? old)?.metadata.name === name,
        visits: ({ metadata }: ConfigMap) => [{ name: metadata.namespace ?? '' }],
      },
    ],

    async reconcile(namespace, cluster) {
      if (namespace.status.phase !== 'Active' || namespace.metadata.deletionTimestamp) return
      const at = { name, namespace: namespace.metadata.name }
      const found = cluster.get(ConfigMap, at)
      const wanted = { 'ca.crt': ca }
      try {
        if (!found) {
          await cluster.create(ConfigMap, { metadata: { ...at, annotations: { [descriptionKey]: description } }, data: wanted })
          return
        }
        const asWanted = found.data?.['ca.crt'] === ca && Object.keys(found.data).length === 1
        if (asWanted && found.metadata.annotations?.[descriptionKey]) return
        const annotations = { ...found.metadata.annotations, [descriptionKey]: description }
        await cluster.update(ConfigMap, { ...found, metadata: { ...found.metadata, annotations }, data: wanted })
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists') && !isNamespaceTerminating(error)) throw error
      }
    },
  })
}
