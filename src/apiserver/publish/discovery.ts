/** Discovery: which groups, versions and resources there are; plain (`APIGroupList`, `APIResourceList`) and aggregated (KEP-3352). */
import { createHash } from 'node:crypto'
import { compareVersions } from '#api/apiextensions/v1/custom-kinds.ts'
import type { Kind, Subresource, Verb } from '#schema/kind.ts'
import type { RemoteVersion } from '../aggregation/aggregator.ts'
import { aggregatedResources } from '../aggregation/remote-discovery.ts'
import { parseClause } from '../http/negotiate.ts'
import { subresourceOf } from '../registry/kind-table.ts'
import type { Request, Response, Stage } from '../request.ts'

const allVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** Groups in upstream's order of priority; others follow by name. */
const groupOrder = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'flowcontrol.apiserver.k8s.io',
]

interface Group {
  readonly name: string
  readonly versions: ReadonlyMap<string, readonly Kind[]>
  readonly remote?: readonly RemoteVersion[]
}

/** Answers `/`, `/api`, `/apis` and what lies on the way to resources. */
export function discovery(kinds: () => readonly Kind[], remotes: () => readonly RemoteVersion[] = () => []): Stage {
  return (request, next) => {
    if (request.info.isResource || request.method !== 'GET') return next(request)
    const [, root, group, version, ...more] = request.path.replace(/\/$/, '').split('/')
    if (more.length > 0) return next(request)
    if (root === undefined || root === '') return json(request, rootPaths(kinds()))
    if (root === 'api') return version ? next(request) : (coreDiscovery(request, group, kinds()) ?? next(request))
    if (root === 'apis')
      return groupDiscovery(request, { group, version }, { kinds: kinds(), remotes: remotes() }) ?? next(request)
    return next(request)
  }
}

function groupsOf(kinds: readonly Kind[]): Group[] {
  const rank = (name: string) => (groupOrder.includes(name) ? groupOrder.indexOf(name) : groupOrder.length)
  return [...Map.groupBy(kinds, ({ group }) => group)]
    .map(([name, members]) => ({ name, versions: versionsOf(members) }))
    .sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1))
}

/** Versions in their order of preference, which is that of the list; resources by name. */
function versionsOf(members: readonly Kind[]): Map<string, readonly Kind[]> {
  const versions = Map.groupBy(members, ({ version }) => version)
  const order = members.some(({ def }) => def.custom) ? [...versions].sort(([a], [b]) => compareVersions(a, b)) : [...versions]
  return new Map(order.map(([version, some]) => [version, some.toSorted(byPlural)]))
}

function byPlural(a: Kind, b: Kind): number {
  return a.plural < b.plural ? -1 : 1
}

function rootPaths(kinds: readonly Kind[]): object {
  const versions = groupsOf(kinds).flatMap(({ name, versions }) =>
    name ? [`/apis/${name}`, ...[...versions.keys()].map((version) => `/apis/${name}/${version}`)] : ['/api/v1'],
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
  const members = core[0]?.versions.get(version)
  return members && json(request, resourceList(version, members))
}

function serverOf({ headers }: Request): string {
  return (headers[':authority'] ?? headers.host ?? '') as string
}

function groupDiscovery(
  request: Request,
  path: { group: string | undefined; version: string | undefined },
  { kinds, remotes }: { kinds: readonly Kind[]; remotes: readonly RemoteVersion[] },
): Response | undefined {
  const groups = withRemotes(
    groupsOf(kinds).filter(({ name }) => name !== ''),
    remotes,
  )
  if (path.group === undefined) {
    if (wantsAggregated(request)) return aggregated(request, groups)
    return json(request, { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupObject) })
  }
  const group = groups.find(({ name }) => name === path.group)
  if (!group) return undefined
  if (path.version === undefined) return json(request, { kind: 'APIGroup', apiVersion: 'v1', ...groupObject(group) })
  const members = group.versions.get(path.version)
  return members && json(request, resourceList(`${group.name}/${path.version}`, members))
}

/** Versions that extension servers have, behind those of this server. */
function withRemotes(groups: readonly Group[], remotes: readonly RemoteVersion[]): readonly Group[] {
  const merged = new Map<string, Group>(groups.map((group) => [group.name, group]))
  for (const remote of remotes) {
    const group: Group = merged.get(remote.group) ?? { name: remote.group, versions: new Map() }
    merged.set(remote.group, { ...group, remote: [...(group.remote ?? []), remote] })
  }
  return [...merged.values()]
}

function groupObject({ name, versions, remote = [] }: Group) {
  const names = [...versions.keys(), ...remote.map(({ version }) => version)]
  const all = names.map((version) => ({ groupVersion: `${name}/${version}`, version }))
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
  const items = groups.map(({ name, versions, remote = [] }) => ({
    metadata: { ...(name && { name }), creationTimestamp: null },
    versions: [
      ...[...versions].map(([version, members]) => ({
        version,
        resources: members.map(aggregatedResource),
        freshness: 'Current',
      })),
      ...remote.map(({ group, version, resources }) => ({
        version,
        ...(resources && { resources: aggregatedResources(resources, group, version) }),
        freshness: resources ? 'Current' : 'Stale',
      })),
    ],
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
