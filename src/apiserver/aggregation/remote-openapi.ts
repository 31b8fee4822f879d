/** The OpenAPI documents of extension servers: their index of version 3, and their whole document of version 2 (upstream's two `openapi/aggregator`). */
import type { APIService } from '#api/apiregistration/v1/api-service.ts'
import { isRecord } from '#schema/json-schema.ts'
import type { JsonObject } from '#schema/openapi.ts'
import type { ServiceDialer } from '../dialers.ts'
import { askBackend, textOf } from '../registry/subresources/connect/backend.ts'
import { dialExtension, type FrontProxy, identityHeaders } from './extension-call.ts'
import { withPaths } from './merge-openapi.ts'

export interface RemoteDocuments {
  /** What its `/openapi/v3` lists: by the name of a document, where it is. */
  readonly index: Readonly<Record<string, unknown>>
  /** Of version 2, with the paths of this API version only. */
  readonly v2: JsonObject | undefined
  /** Of the two answers; they spare the next ones. */
  readonly etags: readonly (string | undefined)[]
}

export interface RemoteRoad {
  readonly serviceDialer: ServiceDialer | undefined
  readonly frontProxy: FrontProxy | undefined
  readonly signal: AbortSignal
}

const self = { name: 'system:aggregator', groups: [] }
const timeout = 60_000
const maxDocument = 64 * 1024 * 1024

/** The same object where nothing has changed. What cannot be had stays as it was known. */
export async function readDocuments(
  service: APIService,
  road: RemoteRoad,
  known: RemoteDocuments | undefined,
): Promise<RemoteDocuments | undefined> {
  const [index, v2] = await Promise.all(
    ['/openapi/v3', '/openapi/v2'].map((path, i) => ask(service, road, { path, etag: known?.etags[i] }).catch(() => undefined)),
  )
  if (!index && !v2) return known
  const { group, version } = service.spec
  return {
    index: index ? pathsIn(index.value) : (known?.index ?? {}),
    v2: v2 ? (isRecord(v2.value) && withPaths(v2.value, `/apis/${group}/${version}/`)) || undefined : known?.v2,
    etags: [index?.etag ?? known?.etags[0], v2?.etag ?? known?.etags[1]],
  }
}

function pathsIn(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) && isRecord(value.paths) ? value.paths : {}
}

interface Answer {
  readonly value: unknown
  readonly etag: string | undefined
}

/** Undefined where it is as it was. Throws for everything that is no document. */
async function ask(
  service: APIService,
  { signal, ...road }: RemoteRoad,
  { path, etag }: { path: string; etag: string | undefined },
): Promise<Answer | undefined> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
  const { name, namespace, port = 443 } = service.spec.service ?? {}
  const socket = await dialExtension(service, { ...road, signal: limited })
  const headers = {
    ...identityHeaders(self),
    accept: 'application/json',
    ...(etag && { 'if-none-match': etag }),
    host: `${name}.${namespace}.svc:${port}`,
    connection: 'close',
  }
  const { message } = await askBackend(socket, { method: 'GET', target: path, headers, signal: limited })
  if (message.statusCode === 304) {
    message.resume()
    return undefined
  }
  const text = await textOf(message as never, maxDocument)
  if (message.statusCode !== 200) throw new Error(`status ${message.statusCode}`)
  return { value: JSON.parse(text), etag: message.headers.etag }
}
