/** Discovery: which groups, versions and resources there are; plain (`APIGroupList`, `APIResourceList`) and aggregated (KEP-3352). */
import { createHash } from 'node:crypto'
import { compareVersions } from '#api/apiextensions/v1/custom-kinds.ts'
import type { Kind, Subresource, Verb } from '#schema/kind.ts'
import type { RemoteVersion } from '../aggregation/aggregator.ts'
import { type Priority, priorityOf } from '../aggregation/priorities.ts'
import { aggregatedResources } from '../aggregation/remote-discovery.ts'
import { parseClause } from '../http/negotiate.ts'
import { subresourceOf } from '../registry/kind-table.ts'
import type { Request, Response, Stage } from '../request.ts'

const allVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** One version of a group: of kinds that this server serves itself, or of an extension server. */
interface Version {
  readonly group: string
  readonly version: string
  readonly priority: Priority
  readonly kinds: readonly Kind[]
  readonly remote?: RemoteVersion
}

interface Group {
  readonly name: string
  /** The preferred one first. */
  readonly versions: readonly Version[]
}

/** Answers `/`, `/api`, `/apis` and what lies on the way to resources. */
export function discovery(kinds: () => readonly Kind[], remotes: () => readonly RemoteVersion[] = () => []): Stage {
  return (request, next) => {
    if (request.info.isResource || request.method !== 'GET') return next(request)
    const [, root, group, version, ...more] = request.path.replace(/\/$/, '').split('/')
    if (more.length > 0) return next(request)
    if (root === undefined || root === '') return json(request, rootPaths(groupsOf(kinds(), remotes())))
    if (root === 'api') return version ? next(request) : (coreDiscovery(request, group, kinds()) ?? next(request))
    if (root === 'apis') return groupDiscovery(request, { group, version }, groupsOf(kinds(), remotes())) ?? next(request)
    return next(request)
  }
}

/** In the order of the aggregated form; an extension server takes a version over from this one. */
function groupsOf(kinds: readonly Kind[], remotes: readonly RemoteVersion[] = []): Group[] {
  const versions = new Map<string, Version>()
  for (const [apiVersion, members] of Map.groupBy(kinds, ({ apiVersion }) => apiVersion)) {
    const { group, version } = members[0] as Kind
    versions.set(apiVersion, { group, version, priority: priorityOf(apiVersion), kinds: members.toSorted(byPlural) })
  }
  for (const remote of remotes) {
    const { group, version, groupPriority, versionPriority } = remote
    const priority = { group: groupPriority, version: versionPriority }
    versions.set(`${group}/${version}`, { group, version, priority, kinds: [], remote })
  }
  return [...Map.groupBy(versions.values(), ({ group }) => group)]
    .map(([name, members]) => ({ name, versions: members.sort(byPreference) }))
    .sort((a, b) => rankOf(b) - rankOf(a) || (a.name < b.name ? -1 : 1))
}

function byPreference(a: Version, b: Version): number {
  return b.priority.version - a.priority.version || compareVersions(a.version, b.version)
}

function rankOf({ versions }: Group): number {
  return Math.max(...versions.map(({ priority }) => priority.group))
}

/** In the plain form groups of one rank stand by the names of their APIServices, which begin with the version. */
function plainOrder(groups: readonly Group[]): Group[] {
  const nameOf = (group: Group) => {
    const best = group.versions.filter(({ priority }) => priority.group === rankOf(group))
    return best.map(({ version }) => `${version}.${group.name}`).sort()[0] as string
  }
  return groups.toSorted((a, b) => rankOf(b) - rankOf(a) || (nameOf(a) < nameOf(b) ? -1 : 1))
}

function byPlural(a: Kind, b: Kind): number {
  return a.plural < b.plural ? -1 : 1
}

function rootPaths(groups: readonly Group[]): object {
  const versions = groups.flatMap(({ name, versions }) =>
    name ? [`/apis/${name}`, ...versions.map(({ version }) => `/apis/${name}/${version}`)] : ['/api/v1'],
  )
  const others = ['/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/openid/v1/jwks', '/readyz', '/version']
  return { paths: ['/.well-known/openid-configuration', '/api', '/apis', ...versions, ...others].sort() }
}

function coreDiscovery(request: Request, version: string | undefined, kinds: readonly Kind[]): Response | undefined {
  const core = groupsOf(kinds).filter(({ name }) => name === '')
  if (version === undefined) {
    if (wantsAggregated(request)) return aggregated(request, core)
    return json(request, {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: serverOf(request) }],
    })
  }
  const found = core[0]?.versions.find((one) => one.version === version)
  return found && json(request, resourceList(version, found.kinds))
}

function serverOf({ headers }: Request): string {
  return (headers[':authority'] ?? headers.host ?? '') as string
}

function groupDiscovery(
  request: Request,
  path: { group: string | undefined; version: string | undefined },
  all: readonly Group[],
): Response | undefined {
  const groups = all.filter(({ name }) => name !== '')
  if (path.group === undefined) {
    if (wantsAggregated(request)) return aggregated(request, groups)
    return json(request, { kind: 'APIGroupList', apiVersion: 'v1', groups: plainOrder(groups).map(groupObject) })
  }
  const group = groups.find(({ name }) => name === path.group)
  if (!group) return undefined
  if (path.version === undefined) return json(request, { kind: 'APIGroup', apiVersion: 'v1', ...groupObject(group) })
  const found = group.versions.find(({ version, remote }) => version === path.version && !remote)
  return found && json(request, resourceList(`${group.name}/${path.version}`, found.kinds))
}

function groupObject({ name, versions }: Group) {
  const all = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: all, preferredVersion: all[0] }
}

function resourceList(groupVersion: string, members: readonly Kind[]): object {
  const isCore = groupVersion === 'v1'
  return {
    kind: 'APIResourceList',
    ...(!isCore && { apiVersion: 'v1' }),
    groupVersion,
    resources: members.flatMap((kind) => [
      resource(kind),
      ...subresourcesOf(kind).map(([name, sub]) => subresource(kind, name, sub)),
    ]),
  }
}

function resource(kind: Kind) {
  const { plural, namespaced, def } = kind
  return {
    name: plural,
    singularName: singularOf(kind),
    namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    ...(def.shortNames && { shortNames: def.shortNames }),
    ...(def.categories && { categories: def.categories }),
    ...(!def.virtual && { storageVersionHash: def.custom?.storageVersionHash ?? versionHash(kind) }),
  }
}

function subresource({ plural, namespaced, group }: Kind, name: string, { kind, verbs, ...other }: Subresource) {
  const isForeign = other.version !== undefined && other.group !== group
  return {
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...(isForeign && { group: other.group, version: other.version }),
    kind,
    verbs: wireVerbs(verbs),
  }
}

function singularOf({ kind, def }: Kind): string {
  return def.singular ?? kind.toLowerCase()
}

function verbsOf({ def }: Kind): readonly Verb[] {
  const hidden: readonly Verb[] = def.custom?.isTerminating ? ['create', 'patch', 'update'] : []
  return allVerbs.filter((verb) => (def.verbs ?? allVerbs).includes(verb) && !hidden.includes(verb))
}

/** A connection is made by GET or POST, and announced so. */
function wireVerbs(verbs: Subresource['verbs']): string[] {
  return [...new Set(verbs.flatMap((verb) => (verb === 'connect' ? ['create', 'get'] : [verb])))].sort()
}

/** Those that the kind declares, and `status` and `scale` where it has them, by name. */
function subresourcesOf(kind: Kind): [string, Subresource][] {
  const names = [
    ...Object.keys(kind.def.subresources ?? {}),
    ...(kind.def.status ? ['status'] : []),
    ...(kind.def.scale ? ['scale'] : []),
  ]
  return [...new Set(names)].sort().map((name) => [name, subresourceOf(kind, name) as Subresource])
}

function versionHash({ group, version, kind }: Kind): string {
  return createHash('sha512').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64')
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Old clients ask for v2beta1 alone; they get the plain form. */
function wantsAggregated({ headers }: Request): boolean {
  return (headers.accept ?? '').split(',').some((clause) => {
    const { type, parameters } = parseClause(clause)
    const { as: kind, g: group, v: version } = parameters
    return type === 'application/json' && kind === 'APIGroupDiscoveryList' && group === 'apidiscovery.k8s.io' && version === 'v2'
  })
}

function aggregated(request: Request, groups: readonly Group[]): Response {
  const items = groups.map(({ name, versions }) => ({
    metadata: { ...(name && { name }), creationTimestamp: null },
    versions: versions.map(({ version, kinds, remote }) => {
      if (!remote) return { version, resources: kinds.map(aggregatedResource), freshness: 'Current' }
      const { resources } = remote
      return {
        version,
        ...(resources && { resources: aggregatedResources(resources, name, version) }),
        freshness: resources ? 'Current' : 'Stale',
      }
    }),
  }))
  return json(
    request,
    { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items },
    aggregatedType,
  )
}

function aggregatedResource(kind: Kind) {
  const { plural, namespaced, def, group, version } = kind
  const subresources = subresourcesOf(kind).map(([name, sub]) => ({
    subresource: name,
    responseKind: { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind },
    verbs: wireVerbs(sub.verbs),
  }))
  return {
    resource: plural,
    responseKind: { group, version, kind: kind.kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singularOf(kind),
    verbs: verbsOf(kind),
    ...(def.shortNames && { shortNames: def.shortNames }),
    ...(def.categories && { categories: def.categories }),
    ...(subresources.length > 0 && { subresources }),
  }
}

/** With an ETag, so that clients that know the answer are spared it. */
function json({ headers }: Request, value: object, contentType = 'application/json'): Response {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`)
  const etag = `"${createHash('sha256').update(bytes).digest('hex').toUpperCase()}"`
  const answer = { 'content-type': contentType, etag, vary: 'Accept' }
  if (headers['if-none-match'] === etag) return { type: 'bytes', status: 304, bytes: new Uint8Array(), headers: answer }
  return { type: 'bytes', status: 200, bytes, headers: answer }
}
