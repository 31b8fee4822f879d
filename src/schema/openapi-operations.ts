/** What can be asked of each kind, path by path, in a form that both versions of OpenAPI are written from. */
import type { Kind, Subresource, Verb } from './kind.ts'
import {
  connectParameters,
  logParameters,
  nameInPath,
  namespaceInPath,
  type Parameter,
  parametersOf,
  pathInPath,
  pretty,
} from './openapi-parameters.ts'
import type { GroupVersionKind } from './openapi-schema.ts'
import type { ObjectNode } from './words.ts'

export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch'

export interface Operation {
  readonly method: Method
  readonly id: string
  readonly doc: string
  /** `x-kubernetes-action`; none for discovery. */
  readonly action?: string
  readonly kind?: GroupVersionKind
  readonly parameters: readonly Parameter[]
  readonly body?: ObjectNode
  readonly answer: ObjectNode | 'text'
  /** 200 is always among them. */
  readonly codes: readonly number[]
  readonly isWatchable?: boolean
  readonly isPatch?: boolean
}

export interface PathItem {
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly operations: readonly Operation[]
}

/** Schemas that operations need beside those of the kinds; they live in `api/meta/v1`, which this folder does not know. */
export interface OperationSchemas {
  listOf(kind: Kind): ObjectNode
  readonly deleteOptions: ObjectNode
  readonly patch: ObjectNode
  readonly resourceList: ObjectNode
  readonly status: ObjectNode
  readonly watchEvent: ObjectNode
  /** The kind of a subresource's body. */
  bodyOf(group: string, version: string, kind: string): ObjectNode | undefined
}

/** The paths of one group-version. */
export function pathsOf(
  group: string,
  version: string,
  { kinds, schemas }: { kinds: readonly Kind[]; schemas: OperationSchemas },
): PathItem[] {
  const discovery: Operation = {
    method: 'get',
    id: `get${words(group, version)}APIResources`,
    doc: 'The resources of this group and version.',
    parameters: [],
    answer: schemas.resourceList,
    codes: [200],
  }
  const items = kinds.flatMap((kind) => kindPaths(kind, schemas))
  const all = [{ path: `${rootOf(group, version)}/`, parameters: [], operations: [discovery] }, ...items]
  return all.filter(({ operations }) => operations.length > 0).sort((a, b) => (a.path < b.path ? -1 : 1))
}

export function rootOf(group: string, version: string): string {
  return group ? `/apis/${group}/${version}` : `/api/${version}`
}

/** `AppsV1`, `RbacAuthorizationV1`, `CoreV1`: the part of an operation's id that names the group. */
function words(group: string, version: string): string {
  return camel(groupWord(group)) + camel(version)
}

/** `core_v1`, `rbacAuthorization_v1`. */
export function tagOf(group: string, version: string): string {
  const name = camel(groupWord(group))
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}_${version}`
}

function groupWord(group: string): string {
  return group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')
}

function camel(text: string): string {
  return text
    .split(/[.-]/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
}

const everyVerb: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

function kindPaths(kind: Kind, schemas: OperationSchemas): PathItem[] {
  const { group, version, plural, namespaced } = kind
  const root = rootOf(group, version)
  const base = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`
  const scope = namespaced ? [namespaceInPath] : []
  const verbs = new Set(kind.def.verbs ?? everyVerb)
  const inItem = [nameInPath(kind.kind), ...scope, pretty]
  const items: PathItem[] = [
    { path: base, parameters: [...scope, pretty], operations: collectionOperations(kind, verbs, schemas) },
    { path: `${base}/{name}`, parameters: inItem, operations: itemOperations(kind, verbs, schemas) },
    ...subresourcesOf(kind).flatMap(([name, sub]) => subresourcePaths(kind, { name, sub, base }, schemas)),
    ...watchPaths(kind, verbs, schemas),
  ]
  if (!namespaced || !verbs.has('list')) return items
  return [...items, { path: `${root}/${plural}`, parameters: [pretty], operations: [listOperation(kind, schemas, true)] }]
}

interface Naming {
  readonly verb: string
  /** Between the group and the kind, as `Collection`. */
  readonly before?: string
  readonly after?: string
}

function idOf({ group, version, kind, namespaced }: Kind, { verb, before = '', after = '' }: Naming): string {
  return `${verb}${words(group, version)}${before}${namespaced ? 'Namespaced' : ''}${kind}${after}`
}

function gvkOf({ group, kind, version }: Kind): GroupVersionKind {
  return { group, kind, version }
}

function listOperation(kind: Kind, schemas: OperationSchemas, everywhere = false): Operation {
  const { group, version } = kind
  return {
    method: 'get',
    id: everywhere ? `list${words(group, version)}${kind.kind}ForAllNamespaces` : idOf(kind, { verb: 'list' }),
    doc: `List or watch objects of kind ${kind.kind}.`,
    action: 'list',
    kind: gvkOf(kind),
    parameters: parametersOf.list,
    answer: schemas.listOf(kind),
    codes: [200],
    isWatchable: true,
  }
}

function collectionOperations(kind: Kind, verbs: ReadonlySet<Verb>, schemas: OperationSchemas): Operation[] {
  const operations: Operation[] = []
  if (verbs.has('list')) operations.push(listOperation(kind, schemas))
  if (verbs.has('create')) operations.push(createOperation(kind))
  if (verbs.has('deletecollection')) {
    operations.push({
      method: 'delete',
      id: idOf(kind, { verb: 'delete', before: 'Collection' }),
      doc: `Delete all objects of kind ${kind.kind} that are selected.`,
      action: 'deletecollection',
      kind: gvkOf(kind),
      parameters: parametersOf.deletecollection,
      body: schemas.deleteOptions,
      answer: schemas.status,
      codes: [200],
    })
  }
  return operations
}

function createOperation(kind: Kind): Operation {
  return {
    method: 'post',
    id: idOf(kind, { verb: 'create' }),
    doc: `Create an object of kind ${kind.kind}.`,
    action: 'post',
    kind: gvkOf(kind),
    parameters: parametersOf.post,
    body: kind.schema,
    answer: kind.schema,
    codes: [200, 201, 202],
  }
}

function itemOperations(kind: Kind, verbs: ReadonlySet<Verb>, schemas: OperationSchemas): Operation[] {
  const of = `one object of kind ${kind.kind}`
  const operations = objectOperations(verbs, {
    schemas,
    object: kind.schema,
    kind: gvkOf(kind),
    of,
    id: (verb) => idOf(kind, { verb }),
  })
  if (!verbs.has('delete')) return operations
  const remove: Operation = {
    method: 'delete',
    id: idOf(kind, { verb: 'delete' }),
    doc: `Delete ${of}.`,
    action: 'delete',
    kind: gvkOf(kind),
    parameters: parametersOf.delete,
    body: schemas.deleteOptions,
    answer: schemas.status,
    codes: [200, 202],
  }
  return [...operations, remove]
}

interface ObjectParts {
  readonly schemas: OperationSchemas
  readonly object: ObjectNode
  readonly kind: GroupVersionKind
  /** What it is done to, in a sentence. */
  readonly of: string
  id(verb: string): string
}

/** Reading, replacing and patching, of an object or of a subresource. */
function objectOperations(verbs: ReadonlySet<string>, { schemas, object, kind, of, id }: ObjectParts): Operation[] {
  const common = { kind, answer: object }
  const operations: Operation[] = []
  if (verbs.has('get')) {
    const doc = `Read ${of}.`
    operations.push({ ...common, method: 'get', id: id('read'), doc, action: 'get', parameters: parametersOf.get, codes: [200] })
  }
  if (verbs.has('update')) {
    const doc = `Replace ${of}.`
    const rest = { action: 'put', parameters: parametersOf.put, body: object, codes: [200, 201] }
    operations.push({ ...common, method: 'put', id: id('replace'), doc, ...rest })
  }
  if (verbs.has('patch')) {
    const doc = `Change parts of ${of}.`
    const rest = { action: 'patch', parameters: parametersOf.patch, body: schemas.patch, codes: [200, 201], isPatch: true }
    operations.push({ ...common, method: 'patch', id: id('patch'), doc, ...rest })
  }
  return operations
}

function subresourcesOf(kind: Kind): [string, Subresource][] {
  const { status, scale, subresources = {} } = kind.def
  const own: Record<string, Subresource> = { ...subresources }
  if (status) own.status = { kind: kind.kind, verbs: ['get', 'update', 'patch'] }
  if (scale) own.scale = { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'update', 'patch'] }
  return Object.entries(own)
}

interface SubresourcePlace {
  readonly name: string
  readonly sub: Subresource
  readonly base: string
}

function subresourcePaths(kind: Kind, { name, sub, base }: SubresourcePlace, schemas: OperationSchemas): PathItem[] {
  const scope = kind.namespaced ? [namespaceInPath] : []
  const path = `${base}/{name}/${name}`
  const { group = kind.group, version = kind.version } = sub
  const gvk = { group, kind: sub.kind, version }
  const word = camel(name === 'ephemeralcontainers' ? 'Ephemeralcontainers' : name)
  if (sub.kind.endsWith('Options')) return connectPaths(kind, { path, word, gvk })
  const object = sub.kind === kind.kind ? kind.schema : schemas.bodyOf(group, version, sub.kind)
  if (!object) return []
  const of = `${name} of one object of kind ${kind.kind}`
  const parameters = [nameInPath(sub.kind), ...scope, pretty]
  if (name === 'log') return [{ path, parameters, operations: [logOperation(kind, gvk)] }]
  const id = (verb: string) => idOf(kind, { verb, after: word })
  const operations = objectOperations(new Set(sub.verbs), { schemas, object, kind: gvk, of, id })
  if (!sub.verbs.includes('create')) return [{ path, parameters, operations }]
  const post: Operation = {
    method: 'post',
    id: id('create'),
    doc: `Create ${of}.`,
    action: 'post',
    kind: gvk,
    parameters: parametersOf.post,
    body: object,
    answer: object,
    codes: [200, 201, 202],
  }
  return [{ path, parameters, operations: [...operations, post] }]
}

function logOperation(kind: Kind, gvk: GroupVersionKind): Operation {
  return {
    method: 'get',
    id: idOf(kind, { verb: 'read', after: 'Log' }),
    doc: `Read what a container of the ${kind.kind} wrote.`,
    action: 'get',
    kind: gvk,
    parameters: logParameters,
    answer: 'text',
    codes: [200],
  }
}

const streamMethods: readonly Method[] = ['get', 'post']
const proxyMethods: readonly Method[] = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch']

function connectPaths(kind: Kind, { path, word, gvk }: { path: string; word: string; gvk: GroupVersionKind }): PathItem[] {
  const isProxy = gvk.kind.endsWith('ProxyOptions')
  const methods = isProxy ? proxyMethods : streamMethods
  const scope = kind.namespaced ? [namespaceInPath] : []
  const parameters = [nameInPath(gvk.kind), ...scope, ...(connectParameters[gvk.kind] ?? [])]
  const operations = (after: string) =>
    methods.map((method): Operation => {
      const verb = 'connect'
      const before = camel(method)
      const doc = `Connect to ${word.toLowerCase()} of one object of kind ${kind.kind}.`
      return {
        method,
        id: idOf(kind, { verb, before, after }),
        doc,
        action: verb,
        kind: gvk,
        parameters: [],
        answer: 'text',
        codes: [200],
      }
    })
  const plain = { path, parameters, operations: operations(word) }
  if (!isProxy) return [plain]
  return [plain, { path: `${path}/{path}`, parameters: [...parameters, pathInPath], operations: operations(`${word}WithPath`) }]
}

/** The old paths of watches, still served. */
function watchPaths(kind: Kind, verbs: ReadonlySet<Verb>, schemas: OperationSchemas): PathItem[] {
  if (!verbs.has('watch')) return []
  const { group, version, plural, namespaced } = kind
  const root = `${rootOf(group, version)}/watch`
  const scope = namespaced ? [namespaceInPath] : []
  const base = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`
  const common = {
    method: 'get',
    kind: gvkOf(kind),
    parameters: [],
    answer: schemas.watchEvent,
    codes: [200],
    isWatchable: true,
  } as const
  const doc = `Watch objects of kind ${kind.kind}; newer clients list with the parameter watch.`
  const item: Operation = { ...common, id: idOf(kind, { verb: 'watch' }), doc, action: 'watch' }
  const list: Operation = { ...common, id: idOf(kind, { verb: 'watch', after: 'List' }), doc, action: 'watchlist' }
  const options = [...parametersOf.list, pretty]
  const paths: PathItem[] = [
    { path: base, parameters: [...scope, ...options], operations: [list] },
    { path: `${base}/{name}`, parameters: [nameInPath(kind.kind), ...scope, ...options], operations: [item] },
  ]
  if (!namespaced) return paths
  const everywhere = { ...list, id: `watch${words(group, version)}${kind.kind}ListForAllNamespaces` }
  return [...paths, { path: `${root}/${plural}`, parameters: options, operations: [everywhere] }]
}
