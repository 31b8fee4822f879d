/** Sends a raw request through the API server's pipeline, as bytes, without a socket. */
import type { Request, Response, User } from '#apiserver/request.ts'
import { noRequestInfo } from '#apiserver/request-info.ts'
import type { ApiServer } from '#apiserver/server.ts'
import { Warnings } from '#apiserver/warnings.ts'

export interface SendOptions {
  /** Text goes as it is, everything else as JSON. */
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly user?: User
  readonly signal?: AbortSignal
}

export interface Sent {
  readonly status: number
  /** What the bytes of the answer say, where it has any; else the object. */
  readonly object: any
  readonly warnings: readonly string[]
  readonly response: Response
}

const admin: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }

/** `url` is the path with its query. */
export async function send(server: ApiServer, line: `${string} /${string}`, options: SendOptions = {}): Promise<Sent> {
  const [method = '', url = ''] = line.split(' ')
  const [path = '', search = ''] = url.split('?')
  const query = new URLSearchParams(search)
  const { body, contentType = 'application/json', accept, user = admin, signal = new AbortController().signal } = options
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const warnings = new Warnings()
  const request: Request = {
    ...{ method, path, query, user, signal, warnings },
    auditId: 'test',
    headers: { 'content-type': contentType, 'user-agent': 'test', ...(accept && { accept }) },
    origin: { type: 'in-process', user },
    body: async () => new TextEncoder().encode(text),
    info: noRequestInfo,
  }
  const response = await server.handle(request)
  return { ...read(response), warnings: warnings.texts, response }
}

function read(response: Response): { status: number; object: any } {
  if (response.type === 'object') {
    const { status, object, pieces } = response
    const bytes = pieces ? Buffer.concat([...pieces]) : response.bytes
    return { status, object: bytes ? JSON.parse(new TextDecoder().decode(bytes)) : object }
  }
  if (response.type === 'bytes') return { status: response.status, object: new TextDecoder().decode(response.bytes) }
  return { status: 200, object: undefined }
}
