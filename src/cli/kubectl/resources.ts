/** Which objects a command is about: types, names, selectors and files (cli-runtime `resource.Builder`). */
import { hasReason, StatusError } from '#schema/status-error.ts'
import { boolean, type FlagValues, list, text } from './command-line.ts'
import { apiVersionOf, pathOf, qualifiedName, type Resource } from './discovery.ts'
import { KubectlError } from './errors.ts'
import { type Manifest, readManifests } from './manifests.ts'
import type { Json, RequestOptions, Session } from './session.ts'

export interface Info {
  readonly resource: Resource
  /** '' for cluster-scoped types, and in lists over all namespaces. */
  readonly namespace: string
  /** '' for a list. */
  readonly name: string
  object: Json
  readonly source?: string
}

export interface Selection {
  readonly args?: readonly string[]
  readonly filename?: readonly string[]
  readonly recursive?: boolean
  readonly allNamespaces?: boolean
  readonly selector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** A type alone means all its objects. */
  readonly typeAlone?: boolean
  /** --all */
  readonly all?: boolean
  readonly subresource?: string | undefined
}

/** What is to be read: one object, or a list. */
export interface Target {
  readonly resource: Resource
  readonly namespace: string
  readonly name?: string
  readonly selector?: string
  readonly fieldSelector?: string
  readonly subresource?: string | undefined
  /** From a file: what stands in it. */
  readonly manifest?: Manifest
}

export interface Targets {
  readonly items: readonly Target[]
  /** One object was named, and no list of things: `-o json` prints it bare. */
  readonly single: boolean
}

export async function findTargets(session: Session, selection: Selection): Promise<Targets> {
  if (selection.filename?.length) return fileTargets(session, selection)
  const { names, tuples, types } = await readArguments(session, selection.args ?? [])
  const bySelector =
    Boolean(selection.selector || selection.fieldSelector || selection.all) ||
    (selection.typeAlone === true && types.length > 0 && names.length === 0)
  if (bySelector) {
    if (names.length > 0) throw new KubectlError('name cannot be provided when a selector is specified')
    if (tuples.length > 0) {
      throw new KubectlError('selectors and the all flag cannot be used when passing resource/name arguments')
    }
    if (types.length === 0) throw new KubectlError('at least one resource must be specified to use a selector')
    return selectorTargets(session, selection, types)
  }
  if (tuples.length > 0) {
    const items: Target[] = []
    for (const { type, name } of tuples) items.push(await namedTarget(session, selection, type, name))
    return { items, single: tuples.length === 1 }
  }
  if (names.length > 0) {
    if (types.length > 1) throw new KubectlError('you must specify only one resource')
    const items: Target[] = []
    for (const name of names) items.push(await namedTarget(session, selection, types[0] as string, name))
    return { items, single: names.length === 1 }
  }
  for (const type of types) await session.discovery.find(type)
  if (types.length > 0) throw new KubectlError('resource(s) were provided, but no name was specified')
  throw new KubectlError(
    `You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'`,
  )
}

interface Arguments {
  readonly types: readonly string[]
  readonly names: readonly string[]
  readonly tuples: readonly { readonly type: string; readonly name: string }[]
}

async function readArguments(session: Session, given: readonly string[]): Promise<Arguments> {
  const args = spread(given)
  const slashes = args.filter((arg) => arg.includes('/')).length
  if (slashes > 0 && slashes < args.length) {
    throw new KubectlError(
      "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
    )
  }
  if (slashes > 0) return { types: [], names: [], tuples: args.map(tupleOf) }
  const [first, ...names] = args
  if (first === undefined) return { types: [], names: [], tuples: [] }
  return { types: await expand(session, first), names, tuples: [] }
}

/** `a,b x y` is `a/x a/y b/x b/y`. */
function spread(args: readonly string[]): readonly string[] {
  const [first = '', ...names] = args
  const types = [...new Set(first.split(','))]
  return names.length > 0 && types.length > 1 ? types.flatMap((type) => names.map((name) => `${type}/${name}`)) : args
}

function tupleOf(arg: string): { type: string; name: string } {
  const parts = arg.split('/')
  if (parts.length !== 2) throw new KubectlError('arguments in resource/name form may not have more than one slash')
  const [type = '', name = ''] = parts
  if (!type || !name || type.includes(',')) {
    throw new KubectlError('arguments in resource/name form must have a single resource and name')
  }
  return { type, name }
}

/** Categories such as `all` stand for their types. */
async function expand(session: Session, argument: string): Promise<string[]> {
  const types: string[] = []
  for (const part of new Set(argument.split(','))) {
    const members = /^[a-z-]+$/.test(part) ? await session.discovery.category(part) : []
    types.push(...(members.length > 0 ? members.map(qualifiedName) : [part]))
  }
  return [...new Set(types)]
}

async function selectorTargets(session: Session, selection: Selection, types: readonly string[]): Promise<Targets> {
  if (selection.subresource) throw new KubectlError('subresource cannot be used when bulk resources are specified')
  const found = new Set<Resource>()
  for (const type of types) found.add(await session.discovery.find(type))
  const items = [...found].map((resource) => ({
    resource,
    namespace: resource.namespaced && !selection.allNamespaces ? session.namespace : '',
    selector: selection.selector ?? '',
    fieldSelector: selection.fieldSelector ?? '',
  }))
  return { items, single: false }
}

async function namedTarget(session: Session, selection: Selection, type: string, name: string): Promise<Target> {
  const resource = await session.discovery.find(type)
  if (resource.namespaced && selection.allNamespaces) {
    throw new KubectlError('a resource cannot be retrieved by name across all namespaces')
  }
  return {
    resource,
    name,
    namespace: resource.namespaced ? session.namespace : '',
    subresource: selection.subresource || undefined,
  }
}

async function fileTargets(session: Session, selection: Selection): Promise<Targets> {
  if (selection.args?.length) {
    throw new KubectlError(
      selection.args[0]?.includes('/')
        ? 'resource/name arguments cannot be provided when a path is specified'
        : 'when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well',
    )
  }
  const manifests = await readManifests(session, { filename: selection.filename ?? [], recursive: selection.recursive ?? false })
  const items: Target[] = []
  for (const manifest of manifests) {
    const { object } = manifest
    if (selection.selector && !(await matches(selection.selector, object))) continue
    items.push(await manifestTarget(session, manifest))
  }
  return { items, single: items.length === 1 && manifests.length === 1 && selection.filename?.[0] !== '-' }
}

async function matches(selector: string, object: Json): Promise<boolean> {
  const { parseLabelSelector } = await import('#schema/selector.ts')
  return parseLabelSelector(selector).matches(object.metadata?.labels ?? {})
}

/** The object's type and place; the namespace of the command line fills a missing one and contradicts another. */
export async function manifestTarget(session: Session, manifest: Manifest): Promise<Target> {
  const { object, source } = manifest
  const { apiVersion, kind, metadata } = object
  if (!apiVersion || !kind) {
    const missing = [...(apiVersion ? [] : ['apiVersion not set']), ...(kind ? [] : ['kind not set'])]
    const list = missing.length > 1 ? `[${missing.join(', ')}]` : missing[0]
    throw new KubectlError(
      `error validating ${JSON.stringify(source)}: error validating data: ${list}; if you choose to ignore these errors, turn validation off with --validate=false`,
    )
  }
  const resource = await session.discovery.findKind(apiVersion, kind)
  if (!resource) {
    throw new KubectlError(
      `resource mapping not found for name: "${metadata?.name ?? ''}" namespace: "${metadata?.namespace ?? ''}" from "${source}": no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`,
    )
  }
  return { resource, name: metadata?.name ?? '', namespace: namespaceFor(session, resource, object), manifest }
}

function namespaceFor(session: Session, resource: Resource, object: Json): string {
  if (!resource.namespaced) return ''
  object.metadata ??= {}
  const own: string | undefined = object.metadata.namespace
  if (!own) object.metadata.namespace = session.namespace
  else if (session.explicitNamespace && own !== session.namespace) {
    throw new KubectlError(
      `the namespace from the provided object "${own}" does not match the namespace "${session.namespace}". You must pass '--namespace=${own}' to perform this operation.`,
    )
  }
  return object.metadata.namespace
}

export interface FetchOptions {
  readonly accept?: string
  readonly query?: Readonly<Record<string, string>>
  /** Objects of a list page; 0: all at once. */
  readonly chunk?: number
}

export const chunkSize = 500

/** Reads a target: one object, or the pages of a list, each as it came. */
export async function* fetchPages(session: Session, target: Target, options: FetchOptions = {}): AsyncGenerator<Info> {
  const { resource, namespace, name } = target
  const path = pathOf(resource, { namespace, ...(name !== undefined && { name }), subresource: target.subresource })
  const accept = options.accept ?? 'application/json'
  if (name !== undefined) {
    const object = await getOne(session, target, path, { accept, query: options.query })
    yield { resource, namespace, name, object, ...(target.manifest && { source: target.manifest.source }) }
    return
  }
  const limit = options.chunk ?? chunkSize
  for (let token: string | undefined; ; ) {
    const query = {
      ...options.query,
      labelSelector: target.selector || undefined,
      fieldSelector: target.fieldSelector || undefined,
      limit: limit > 0 ? String(limit) : undefined,
      continue: token,
    }
    const object = await session.get(path, { accept, query }).catch((error) => {
      throw listError(error, target)
    })
    yield { resource, namespace, name: '', object }
    token = object.metadata?.continue || undefined
    if (!token) return
  }
}

/** Of an object in a namespace that is not there, the namespace is what is missing. */
async function getOne(session: Session, { namespace }: Target, path: string, options: RequestOptions): Promise<Json> {
  try {
    return await session.get(path, options)
  } catch (error) {
    if (!hasReason(error, 'NotFound') || !namespace || namespace === 'default') throw error
    await session.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}`).catch((other) => {
      throw hasReason(other, 'NotFound') ? other : error
    })
    throw error
  }
}

function listError(error: unknown, { resource, selector = '', fieldSelector = '' }: Target): unknown {
  if (!hasReason(error, 'BadRequest', 'NotFound')) return error
  const what = JSON.stringify(`${resource.group}/${resource.version}, Resource=${resource.plural}`)
  const which = `that match label selector ${JSON.stringify(selector)}, field selector ${JSON.stringify(fieldSelector)}`
  const prefix = selector || fieldSelector ? `Unable to find ${what} ${which}` : `Unable to list ${what}`
  return new StatusError(error.reason as 'NotFound', `${prefix}: ${error.message}`, {
    code: error.code,
    ...(error.details && { details: error.details }),
  })
}

/** Every object by itself; list items get the apiVersion and kind that their list leaves out. */
export async function* fetchObjects(session: Session, target: Target, options: FetchOptions = {}): AsyncGenerator<Info> {
  for await (const page of fetchPages(session, target, options)) {
    if (!Array.isArray(page.object.items)) {
      yield page
      continue
    }
    const { resource } = page
    for (const item of page.object.items) {
      const object = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...item }
      yield { resource, namespace: item.metadata?.namespace ?? '', name: item.metadata?.name ?? '', object }
    }
  }
}

export interface Gathered {
  readonly infos: Info[]
  /** Of what could not be read; the others are there all the same. */
  readonly errors: unknown[]
}

export async function gather(session: Session, selection: Selection, options: FetchOptions = {}): Promise<Gathered> {
  const { items } = await findTargets(session, selection)
  const infos: Info[] = []
  const errors: unknown[] = []
  for (const target of items) {
    try {
      for await (const info of fetchObjects(session, target, options)) infos.push(info)
    } catch (error) {
      errors.push(error)
    }
  }
  return { infos, errors }
}

/** The flags by which most commands choose objects. */
export const selectionFlags = {
  filename: list({ short: 'f' }),
  kustomize: text('', { short: 'k' }),
  recursive: boolean(false, { short: 'R' }),
  selector: text('', { short: 'l' }),
} as const

export function selectionOf(call: { flags: FlagValues<typeof selectionFlags>; args: readonly string[] }): Selection {
  const { filename, recursive, selector } = call.flags
  return { args: call.args, filename, recursive, selector: selector || undefined }
}
