/** Tells extension servers whom to believe: the authorities of client certificates and of the front proxy, and its headers. */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { type Client, edit } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'

/** PEM. */
export interface Authorities {
  readonly clientCa: string
  readonly frontProxyCa: string
}

const place = { name: 'extension-apiserver-authentication', namespace: 'kube-system' }

/** Idempotent; run at every start. */
export async function publishAuthentication(client: Client, { clientCa, frontProxyCa }: Authorities): Promise<void> {
  const data = {
    'client-ca-file': clientCa,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-client-ca-file': frontProxyCa,
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  }
  try {
    const current = edit(await client.get(ConfigMap, place))
    await client.update(ConfigMap, { ...current, data: { ...current.data, ...data } })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
    await client.create(ConfigMap, { metadata: place, data })
  }
}
