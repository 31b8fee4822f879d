/** Finds who serves a resource request: a verb of the registry, a subresource, or a review. */
import { ComponentStatus } from '#api/core/v1/component-status.ts'
import { NodeMetrics } from '#api/metrics/v1beta1/node-metrics.ts'
import { PodMetrics } from '#api/metrics/v1beta1/pod-metrics.ts'
import type { Soon } from '#lib/soon.ts'
import type { Kind, Verb } from '#schema/kind.ts'
import { requirePathSegment } from '#schema/path-segment.ts'
import { includedObject, negotiate } from '../http/negotiate.ts'
import { removedRelease } from '../removed-release.ts'
import type { Request, Response } from '../request.ts'
import { pageNotFound } from '../stages/not-found.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { deleteCollection } from './delete-collection.ts'
import { get } from './get.ts'
import { subresourceOf } from './kind-table.ts'
import { list } from './list.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { patch } from './patch.ts'
import { readComponentStatus } from './read-component-status.ts'
import type { Registry } from './registry.ts'
import { review } from './reviews/review.ts'
import { subresources } from './subresources/subresources.ts'
import { update } from './update.ts'
import { readNodeMetrics, readPodMetrics } from './usage/read-metrics.ts'
import { watch } from './watch.ts'

/** Serves one verb of a kind. */
export type Verbs = (registry: Registry, request: Request, kind: Kind) => Soon<Response>

const verbs: Readonly<Record<Verb, Verbs>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: deleteCollection,
}

const onCollections = new Set<string>(['list', 'watch', 'create', 'deletecollection'])

/** What could not be answered in a form that the client takes is refused before anything happens. */
export function serveResource(registry: Registry, request: Request, kind: Kind): Soon<Response> {
  const { info } = request
  if (!addresses(request, kind)) return pageNotFound()
  if (info.name) requirePathSegment('Name', info.name)
  if (info.namespace) requirePathSegment('Namespace', info.namespace)
  if (kind.def.deprecation) tellDeprecated(request, kind.def.deprecation)
  const reads = virtualReads.get(kind)
  if (reads) return serveVirtual(reads, { registry, request, kind })
  if (info.subresource) return serveSubresource(registry, request, kind)
  const wanted = negotiate(request)
  const verb = info.verb as Verb
  // The old prefix `/watch/` says so of any method.
  if (verb === 'watch' && request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
  if (verb === 'watch') includedObject(request.query, wanted)
  if (kind.def.virtual) {
    if (verb !== 'create') throw methodNotAllowed()
    return review(registry, request, kind)
  }
  const serves = verbs[verb]
  if (!serves || !(kind.def.verbs?.includes(verb) ?? true) || misplaced(request, kind)) throw methodNotAllowed()
  return serves(registry, request, kind)
}

/** To the client, and to auditors (upstream's `deprecatedAnnotationKey`). */
function tellDeprecated({ warnings, audit }: Request, deprecation: string): void {
  warnings.add(deprecation)
  if (!audit) return
  audit.annotate('k8s.io/deprecated', 'true')
  const removed = removedRelease(deprecation)
  if (removed) audit.annotate('k8s.io/removed-release', removed)
}

/** Kinds that are computed when somebody reads them. */
const virtualReads: ReadonlyMap<Kind, (registry: Registry, request: Request) => Promise<Response>> = new Map<
  Kind,
  (registry: Registry, request: Request) => Promise<Response>
>([
  [NodeMetrics, readNodeMetrics],
  [PodMetrics, readPodMetrics],
  [ComponentStatus, readComponentStatus],
])

function serveVirtual(
  read: (registry: Registry, request: Request) => Promise<Response>,
  { registry, request, kind }: { registry: Registry; request: Request; kind: Kind },
): Soon<Response> {
  const { verb, subresource } = request.info
  if (subresource) return pageNotFound()
  if ((verb !== 'get' && verb !== 'list') || misplaced(request, kind)) throw methodNotAllowed()
  return read(registry, request)
}

/** Cluster-wide kinds have no paths below a namespace. */
function addresses({ info }: Request, kind: Kind): boolean {
  return kind.namespaced || info.namespace === '' || (kind.plural === 'namespaces' && kind.group === '')
}

/** A verb on one object needs its name, one on the collection has none, and only reads go across namespaces. */
function misplaced({ info, path }: Request, kind: Kind): boolean {
  const { verb, name, namespace } = info
  const acrossNamespaces = kind.namespaced && namespace === ''
  if (acrossNamespaces && verb !== 'list' && verb !== 'watch') return true
  if (verb === 'create' || verb === 'deletecollection') return name !== '' && verb === 'create'
  return !onCollections.has(verb) && (name === '' || path === '')
}

function serveSubresource(registry: Registry, request: Request, kind: Kind): Soon<Response> {
  const { subresource, verb } = request.info
  // The old prefixes `/watch/` and `/proxy/` would lead any method here under another verb than its own.
  if (verb === 'watch' || verb === 'proxy') return pageNotFound()
  const declared = subresourceOf(kind, subresource)
  const handlers = subresources[`${kind.plural}/${subresource}`] ?? subresources[subresource]
  if (!handlers || (!declared && !subresources[`${kind.plural}/${subresource}`])) return pageNotFound()
  const handler = handlers[verb] ?? handlers.connect
  if (!handler) throw methodNotAllowed()
  if (handler !== handlers.connect && subresource !== 'log') negotiate(request)
  return handler(registry, request, kind)
}
