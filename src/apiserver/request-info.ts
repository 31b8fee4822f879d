/** Reads what a request means off its method and path (upstream's `RequestInfoFactory`). */
import { isPathSegmentName } from '#schema/formats.ts'
import { badRequest } from '#schema/status-error.ts'
import type { RequestInfo } from './request.ts'

/** Subresources of a namespace; any other third part is a resource in that namespace. */
const namespaceSubresources = new Set(['status', 'finalize'])

const verbs: ReadonlyMap<string, string> = new Map([
  ['POST', 'create'],
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
])

/**
 * Inputs: `/api/{version}/...` and `/apis/{group}/{version}/...` with an optional `namespaces/{namespace}`, then
 * `{resource}[/{name}[/{subresource}[/...]]]`. Everything else is no resource request.
 */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const plain = nonResource(method, path)
  const parts = splitPath(path)
  if (parts.length < 3) return plain
  const [prefix] = parts
  if (prefix === 'api') return resourceInfo({ ...plain, version: parts[1] as string }, { method, query, parts: parts.slice(2) })
  if (prefix !== 'apis' || parts.length < 4) return plain
  const located = { ...plain, group: parts[1] as string, version: parts[2] as string }
  return resourceInfo(located, { method, query, parts: parts.slice(3) })
}

/** Before the path was read. */
export const noRequestInfo: RequestInfo = {
  ...{ verb: '', isResource: false, path: '', group: '', version: '' },
  ...{ resource: '', subresource: '', namespace: '', name: '', rest: '' },
}

function nonResource(method: string, path: string): RequestInfo {
  return { ...noRequestInfo, verb: method.toLowerCase(), path }
}

interface Tail {
  readonly method: string
  readonly query: URLSearchParams
  /** The segments behind the version. */
  readonly parts: readonly string[]
}

function resourceInfo(info: RequestInfo, { method, query, parts }: Tail): RequestInfo {
  const special = parts[0] === 'watch' || parts[0] === 'proxy'
  if (special && parts.length < 2) throw badRequest(`unable to determine kind and namespace from url, ${info.path}`)
  const verb = special ? (parts[0] as string) : (verbs.get(method) ?? '')
  const { namespace, rest } = namespaceOf(special ? parts.slice(1) : parts)
  const [resource = '', name = '', third = ''] = rest
  const subresource = verb === 'proxy' ? '' : third
  const behind = rest.slice(verb === 'proxy' ? 2 : 3).join('/')
  return withVerb({ ...info, isResource: true, verb, namespace, resource, name, subresource, rest: behind }, query)
}

function namespaceOf(parts: readonly string[]): { namespace: string; rest: readonly string[] } {
  if (parts[0] !== 'namespaces' || parts.length < 2) return { namespace: '', rest: parts }
  const nested = parts.length > 2 && !namespaceSubresources.has(parts[2] as string)
  return { namespace: parts[1] as string, rest: nested ? parts.slice(2) : parts }
}

/** Without a name, `get` is a list or a watch and `delete` is of the collection. */
function withVerb(info: RequestInfo, query: URLSearchParams): RequestInfo {
  if (info.name === '' && info.verb === 'get') {
    const name = exactName(query.get('fieldSelector') ?? '')
    return {
      ...info,
      verb: isTrue(query.get('watch')) ? 'watch' : 'list',
      ...(name !== '' && isPathSegmentName(name).length === 0 && { name }),
    }
  }
  if (info.name === '' && info.verb === 'delete') return { ...info, verb: 'deletecollection' }
  return info
}

/** How Go's query conversion reads a boolean: present means true, save `false` and `0`. */
export function isTrue(value: string | null): boolean {
  return value !== null && !['false', '0'].includes(value.toLowerCase())
}

/** The name that `metadata.name=x` in a field selector asks for. */
export function exactName(fieldSelector: string): string {
  for (const term of fieldSelector.split(',')) {
    const [, name] = /^metadata\.name==?([^=!]+)$/.exec(term) ?? []
    if (name) return name
  }
  return ''
}

/** The path comes decoded: to decode it once more would let a name stand for another path than the one that was authorized. */
function splitPath(path: string): string[] {
  if (path[0] === '/' && path.length > 1 && path[1] !== '/' && !path.endsWith('/')) return path.slice(1).split('/')
  let start = 0
  let end = path.length
  while (path[start] === '/') start++
  while (end > start && path[end - 1] === '/') end--
  return end > start ? path.slice(start, end).split('/') : []
}
