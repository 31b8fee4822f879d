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
  const parts = splitPath(path)
  const isCore = parts[0] === 'api'
  if (parts.length < (isCore ? 3 : 4) || !(isCore || parts[0] === 'apis')) return nonResource(method, path)
  const group = isCore ? '' : (parts[1] as string)
  let at = isCore ? 2 : 3
  const version = parts[at - 1] as string
  const isSpecial = parts[at] === 'watch' || parts[at] === 'proxy'
  if (isSpecial && parts.length - at < 2) throw badRequest(`unable to determine kind and namespace from url, ${path}`)
  const verb = isSpecial ? (parts[at++] as string) : (verbs.get(method) ?? '')
  const isWithin = parts[at] === 'namespaces' && parts.length - at > 1
  const namespace = isWithin ? (parts[at + 1] as string) : ''
  if (isWithin && parts.length - at > 2 && !namespaceSubresources.has(parts[at + 2] as string)) at += 2
  const resource = parts[at] ?? ''
  const name = parts[at + 1] ?? ''
  const isProxy = verb === 'proxy'
  const subresource = isProxy ? '' : (parts[at + 2] ?? '')
  const behind = at + (isProxy ? 2 : 3)
  const rest = behind < parts.length ? parts.slice(behind).join('/') : ''
  const info = { verb, isResource: true, path, group, version, resource, subresource, namespace, name, rest }
  return name === '' ? ofMany(info, query) : info
}

/** Before the path was read. */
export const noRequestInfo: RequestInfo = {
  ...{ verb: '', isResource: false, path: '', group: '', version: '' },
  ...{ resource: '', subresource: '', namespace: '', name: '', rest: '' },
}

function nonResource(method: string, path: string): RequestInfo {
  return { ...noRequestInfo, verb: method.toLowerCase(), path }
}

/** Without a name, `get` is a list or a watch and `delete` is of the collection. */
function ofMany(info: RequestInfo, query: URLSearchParams): RequestInfo {
  if (info.verb === 'delete') return { ...info, verb: 'deletecollection' }
  if (info.verb !== 'get') return info
  const name = exactName(query.get('fieldSelector') ?? '')
  return {
    ...info,
    verb: isTrue(query.get('watch')) ? 'watch' : 'list',
    ...(name !== '' && isPathSegmentName(name).length === 0 && { name }),
  }
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
