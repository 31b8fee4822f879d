/** The transport of components in the API server's own process: no sockets and no bytes, but every check. */
import type { Call, Transport, WatchEvent } from '#client/client.ts'
import { TransportError } from '#client/client.ts'
import type { Random } from '#lib/random.ts'
import type { Soon } from '#lib/soon.ts'
import { requirePathSegment } from '#schema/path-segment.ts'
import { StatusError, type StatusObject } from '#schema/status-error.ts'
import type { Request, Response, ServedEvent, User } from './request.ts'
import { noRequestInfo } from './request-info.ts'
import { resourceNotFound } from './stages/not-found.ts'
import { Warnings } from './warnings.ts'

const methods = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
} as const

export interface InProcessOptions {
  readonly user: User
  readonly random: Random
  handle(request: Request): Soon<Response>
}

/** Objects that come back are shared and read-only. */
export function inProcessTransport({ user, random, handle }: InProcessOptions): Transport {
  const closed = new AbortController()
  const send = async (call: Call): Promise<Response> => {
    const signal = call.signal ? AbortSignal.any([call.signal, closed.signal]) : closed.signal
    if (closed.signal.aborted) throw new TransportError('the transport is closed')
    signal.throwIfAborted()
    const response = await handle(requestOf(call, { user, signal, auditId: random.uuid() }))
    if (response.type === 'object' && response.status >= 400) throw StatusError.from(response.object as StatusObject)
    return response
  }
  return {
    request: async (call) => result(await send(call)),
    watch: (call) => watchEvents(() => send(call), call.signal),
    close: async () => closed.abort(),
  }
}

interface Sender {
  readonly user: User
  readonly signal: AbortSignal
  readonly auditId: string
}

function requestOf(call: Call, { user, signal, auditId }: Sender): Request {
  const method = methods[call.verb]
  const path = pathOf(call)
  const query = new URLSearchParams(call.query)
  if (call.verb === 'watch') query.set('watch', 'true')
  return {
    ...{ method, path, query, signal, user, auditId },
    headers: { 'content-type': call.contentType ?? 'application/json', 'user-agent': programOf(user) },
    origin: { type: 'in-process', user },
    body: async () => new Uint8Array(),
    ...(call.body !== undefined && { object: call.body }),
    info: noRequestInfo,
    warnings: new Warnings(),
  }
}

/** What upstream's component would call itself: its controllers share one program, so that they are one field manager. */
function programOf({ name }: User): string {
  if (name.startsWith('system:serviceaccount:kube-system:')) return 'kube-controller-manager'
  if (name.startsWith('system:node:')) return 'kubelet'
  return name === 'system:apiserver' ? 'kube-apiserver' : name.replace(/^system:/, '')
}

function pathOf({ resource, namespace, name, subresource }: Call): string {
  const { group, version, plural } = resource
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`
  if (namespace) requirePathSegment('Namespace', namespace)
  if (name) requirePathSegment('Name', name)
  const parts = [namespace && `namespaces/${namespace}`, plural, name, subresource]
  return [root, ...parts.filter(Boolean)].join('/')
}

async function result(response: Response): Promise<unknown> {
  switch (response.type) {
    case 'object':
      return response.object
    case 'bytes':
      if (response.status === 404) throw resourceNotFound()
      return new TextDecoder().decode(response.bytes)
    case 'stream': {
      const chunks: Uint8Array[] = []
      for await (const chunk of response.chunks) chunks.push(chunk)
      return Buffer.concat(chunks).toString('utf8')
    }
    default:
      throw new TransportError(`a ${response.type} response cannot be answered in process`)
  }
}

async function* watchEvents(start: () => Promise<Response>, signal: AbortSignal): AsyncGenerator<readonly WatchEvent<any>[]> {
  const response = await start()
  if (response.type !== 'watch') throw resourceNotFound()
  for await (const batch of response.events) {
    if (signal.aborted) return
    yield batch.map(clientEvent)
  }
}

function clientEvent({ type, object }: ServedEvent): WatchEvent<any> {
  if (type === 'ERROR') throw StatusError.from(object as StatusObject)
  return { type, object }
}
