/** The spans of a request: one around it, and one around what the registry does (upstream `filters/traces.go`, `handlers/trace_util.go`). */
import type { Request, Response, Stage } from '../request.ts'
import { Followed } from '../stages/followed.ts'
import { readTraceParent } from './trace-context.ts'
import type { Span, Tracer } from './tracer.ts'

/** Stands behind authentication: of callers whom it does not trust, no trace is gone on with, only pointed at. */
export function traced(tracer: Tracer): Stage {
  return (request, next) => {
    if (request.origin.type !== 'network') return next(request)
    const { headers, user } = request
    const remote = readTraceParent(headers.traceparent, headers.tracestate)
    const isTrusted = user.groups.includes('system:masters') || user.groups.includes('system:monitoring')
    const span = tracer.start({
      name: nameOf(request),
      kind: 'server',
      ...(isTrusted ? { parent: remote } : { link: remote }),
    })
    request.span = span
    if (span.context.isSampled) span.set(httpAttributes(request))
    return followed(span, () => next(request))
  }
}

/** Stands before what serves resources. */
export function tracedService(tracer: Tracer): Stage {
  return (request, next) => {
    const outer = request.span
    if (!outer?.context.isSampled || !request.info.isResource) return next(request)
    const span = tracer.start({ name: verbName(request.info.verb), kind: 'internal', parent: outer.context })
    span.set(resourceAttributes(request))
    request.span = span
    return followed(
      span,
      () => next(request),
      () => {
        request.span = outer
      },
    )
  }
}

function followed(
  span: Span,
  run: () => Response | Promise<Response>,
  over: () => void = () => {},
): Response | Promise<Response> {
  const answered = (response: Response): Response => {
    over()
    return endedBy(span, response)
  }
  const failed = (error: unknown): never => {
    over()
    span.end(true)
    throw error
  }
  try {
    const response = run()
    return response instanceof Promise ? response.then(answered, failed) : answered(response)
  } catch (error) {
    return failed(error)
  }
}

/** A watch is over when its events are. */
function endedBy(span: Span, response: Response): Response {
  if (!span.context.isSampled) return response
  if (response.type === 'watch') {
    span.set({ 'http.response.status_code': 200 })
    return { ...response, events: new Followed(response.events, () => span.end()) }
  }
  const status = response.type === 'upgraded' ? 101 : response.status
  span.set({ 'http.response.status_code': status })
  span.end(status >= 500)
  return response
}

/** `GET /api/v1/namespaces/{:namespace}/pods/{:name}/log`: few, whatever is asked for. */
function nameOf({ method, info }: Request): string {
  if (!info.isResource) return method
  const { group, version, namespace, resource, name, subresource } = info
  const parts = [
    group === '' ? '/api' : `/apis/${group}`,
    version,
    ...(namespace ? ['namespaces/{:namespace}'] : []),
    resource,
    ...(name ? ['{:name}'] : []),
    ...(subresource ? [subresource] : []),
  ]
  return `${method} ${parts.join('/')}`
}

function httpAttributes({ method, path, rawQuery, headers, origin, auditId }: Request) {
  return {
    'http.request.method': method,
    'url.scheme': 'https',
    'url.path': path,
    'http.target': rawQuery ? `${path}?${rawQuery}` : path,
    'server.address': headers[':authority'] ?? headers.host,
    'user_agent.original': headers['user-agent'],
    'network.peer.address': origin.type === 'network' ? origin.remoteAddress : undefined,
    'audit-id': auditId,
  }
}

function verbName(verb: string): string {
  return verb === 'deletecollection' ? 'Delete' : `${verb[0]?.toUpperCase()}${verb.slice(1)}`
}

function resourceAttributes({ headers, info, auditId, query, method }: Request) {
  return {
    'audit-id': auditId,
    accept: headers.accept,
    'user-agent': headers['user-agent'],
    verb: method,
    'api-group': info.group,
    'api-version': info.version,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    limit: query.get('limit') ?? undefined,
  }
}
