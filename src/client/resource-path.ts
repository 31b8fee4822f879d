/** Calls as HTTP has them: method, path, query. */
import { requirePathSegment } from '#schema/path-segment.ts'
import type { Call } from './client.ts'

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

export function methodOf({ verb }: Call): string {
  return methods[verb]
}

/** `/apis/apps/v1/namespaces/default/deployments/web/scale?dryRun=All` */
export function pathOf({ verb, resource, namespace, name, subresource, query }: Call): string {
  const { group, version, plural } = resource
  if (namespace) requirePathSegment('Namespace', namespace)
  if (name) requirePathSegment('Name', name)
  const parts = group ? ['apis', group, version] : ['api', version]
  if (namespace) parts.push('namespaces', namespace)
  parts.push(plural)
  if (name && (subresource || verb !== 'create')) parts.push(name)
  const segments = parts.map(encodeURIComponent)
  // A proxied path keeps its slashes.
  if (subresource) segments.push(...subresource.split('/').map(encodeURIComponent))
  const parameters = new URLSearchParams(query).toString()
  return `/${segments.join('/')}${parameters && `?${parameters}`}`
}
