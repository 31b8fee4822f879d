/** Tells extension servers whom to believe: the authorities of client certificates and of the front proxy, and its headers. */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { type Client, edit } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'

export interface Authorities {
  /** PEM, both. */
  readonly clientCa: string
  readonly frontProxyCa: string
  /** In which the front proxy says who asks; default: upstream's usual ones. */
  readonly allowedNames?: readonly string[] | undefined
  readonly usernameHeaders?: readonly string[] | undefined
  readonly uidHeaders?: readonly string[] | undefined
  readonly groupHeaders?: readonly string[] | undefined
  readonly extraHeaderPrefixes?: readonly string[] | undefined
}

const place = { name: 'extension-apiserver-authentication', namespace: 'kube-system' }

/** Idempotent; run at every start. */
export async function publishAuthentication(client: Client, authorities: Authorities): Promise<void> {
  const { allowedNames = ['front-proxy-client'], extraHeaderPrefixes = ['X-Remote-Extra-'] } = authorities
  const { groupHeaders = ['X-Remote-Group'], uidHeaders = ['X-Remote-Uid'], usernameHeaders = ['X-Remote-User'] } = authorities
  const data = {
    'client-ca-file': authorities.clientCa,
    'requestheader-allowed-names': JSON.stringify(allowedNames),
    'requestheader-client-ca-file': authorities.frontProxyCa,
    'requestheader-extra-headers-prefix': JSON.stringify(extraHeaderPrefixes),
    'requestheader-group-headers': JSON.stringify(groupHeaders),
    'requestheader-uid-headers': JSON.stringify(uidHeaders),
    'requestheader-username-headers': JSON.stringify(usernameHeaders),
  }
  try {
    const current = edit(await client.get(ConfigMap, place))
    await client.update(ConfigMap, { ...current, data: { ...current.data, ...data } })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
    await client.create(ConfigMap, { metadata: place, data })
  }
}
