/** Connections to extension servers: TLS whose certificate names the service, with the front proxy's certificate shown. */
import type { OutgoingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { APIService } from '#api/apiregistration/v1/api-service.ts'
import type { ServiceDialer } from '../dialers.ts'
import type { User } from '../request.ts'
import { secured } from '../webhook-call.ts'

/** PEM. */
export interface FrontProxy {
  readonly key: string
  readonly certificate: string
}

export interface ExtensionRoad {
  readonly serviceDialer: ServiceDialer | undefined
  readonly frontProxy: FrontProxy | undefined
  readonly signal: AbortSignal
}

export async function dialExtension({ spec }: APIService, { serviceDialer, frontProxy, signal }: ExtensionRoad): Promise<Duplex> {
  const { namespace = '', name = '', port = 443 } = spec.service ?? {}
  if (!serviceDialer) throw new Error('this server has no road there')
  const socket = await serviceDialer.dial({ type: 'service', namespace, name, port: String(port), scheme: 'http' }, signal)
  return secured(socket, {
    servername: `${name}.${namespace}.svc`,
    rejectUnauthorized: !spec.insecureSkipTLSVerify,
    ca: spec.caBundle ? Buffer.from(spec.caBundle, 'base64').toString('utf8') : undefined,
    key: frontProxy?.key,
    cert: frontProxy?.certificate,
  })
}

/** Who asks, as the authenticating proxy tells it (`SetAuthProxyHeaders`). */
export function identityHeaders({ name, uid, groups, extra = {} }: User): OutgoingHttpHeaders {
  const extras = Object.entries(extra).map(([key, values]) => [`X-Remote-Extra-${escapeKey(key)}`, values.map(asBytes)])
  return {
    'X-Remote-User': asBytes(name),
    ...(uid && { 'X-Remote-Uid': asBytes(uid) }),
    ...(groups.length > 0 && { 'X-Remote-Group': groups.map(asBytes) }),
    ...Object.fromEntries(extras),
  }
}

/** Go's servers read values as UTF-8; Node writes each character as one byte. */
function asBytes(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1')
}

/** What cannot stand in a header's name is percent-encoded. */
function escapeKey(key: string): string {
  return key.replaceAll(/[^!#$&'*+\-.^_`|~0-9A-Za-z]/g, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
