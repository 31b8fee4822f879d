/** A kubeconfig with one cluster, user and context, all of one name. */
import { toYaml } from '#schema/yaml-print.ts'

export interface Entry {
  /** Name of context, cluster and user. */
  readonly name: string
  readonly server: string
  /** PEM. */
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What stands in the lists of a kubeconfig beside the name. */
export function kubeconfigParts({ server, ca, certificate, key }: Entry) {
  return {
    clusters: { cluster: { 'certificate-authority-data': base64(ca), server } },
    users: { user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } },
  }
}

export function kubeconfigText(entry: Entry): string {
  const { name } = entry
  const { clusters, users } = kubeconfigParts(entry)
  return toYaml({
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    clusters: [{ name, ...clusters }],
    users: [{ name, ...users }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
