/** Requests as the network brings them, for tests of what looks at them. */
import type { Request } from '#apiserver/request.ts'
import { Warnings } from '#apiserver/warnings.ts'

/** A GET of `/` from loopback with these headers. */
export function networkRequest(headers: Record<string, string> = {}, over: Partial<Request> = {}): Request {
  return {
    method: 'GET',
    path: '/',
    query: new URLSearchParams(),
    headers,
    origin: { type: 'network', remoteAddress: '127.0.0.1' },
    body: async () => new Uint8Array(),
    signal: new AbortController().signal,
    info: {
      verb: 'get',
      isResource: false,
      path: '/',
      group: '',
      version: '',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      rest: '',
    },
    user: { name: '', groups: [] },
    auditId: '',
    warnings: new Warnings(),
    ...over,
  }
}
