/** Hands a request on to an extension server: every verb, watches and upgrades (`handler_proxy.go`). */
import type { APIService } from '#api/apiregistration/v1/api-service.ts'
import { type Reason, StatusError } from '#schema/status-error.ts'
import type { Registry } from '../registry/registry.ts'
import { forward } from '../registry/subresources/connect/forward.ts'
import type { Request, Response } from '../request.ts'
import { writeTraceParent } from '../tracing/trace-context.ts'
import { dialExtension, type FrontProxy, identityHeaders } from './extension-call.ts'

export interface ProxyOptions {
  readonly service: APIService
  readonly frontProxy: FrontProxy | undefined
}

export async function proxyTo(
  { serviceDialer, identityHeaders: hidden }: Registry,
  request: Request,
  { service, frontProxy }: ProxyOptions,
): Promise<Response> {
  if (!isAvailable(service)) return unavailable('service unavailable')
  try {
    const socket = await dialExtension(service, { serviceDialer, frontProxy, signal: request.signal })
    const target = targetOf(request)
    const { namespace, name, port = 443 } = service.spec.service ?? {}
    const trace = request.span && { traceparent: writeTraceParent(request.span.context) }
    const headers = { ...identityHeaders(request.user), ...trace, host: `${name}.${namespace}.svc:${port}` }
    return await forward(request, { socket, target, headers, identityHeaders: hidden, refuse: broken })
  } catch (error) {
    if (error instanceof StatusError && error.reason === 'ServiceUnavailable') return unavailable('service unavailable')
    return unavailable(`error trying to reach service: ${(error as Error).message}`)
  }
}

export function isAvailable({ status }: APIService): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Available' && value === 'True') === true
}

function targetOf({ path, query, rawQuery }: Request): string {
  const search = rawQuery ?? String(query)
  const escaped = path.split('/').map(encodeURIComponent).join('/')
  return search ? `${escaped}?${search}` : escaped
}

function broken(text: string, cause: unknown): StatusError {
  return new StatusError('' as Reason, text, { code: 503, cause })
}

/** Plain text, as Go's `http.Error` sends it. */
function unavailable(text: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }
  return { type: 'bytes', status: 503, bytes: Buffer.from(`${text}\n`), headers }
}
