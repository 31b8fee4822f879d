/** What the server serves: aggregated discovery (apidiscovery.k8s.io/v2), and the lookup of types by the names users write. */
import { KubectlError } from './errors.ts'
import type { Json, Session } from './session.ts'

export interface Resource {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
  readonly subresources: readonly string[]
}

export class Discovery {
  readonly #session: Session
  #resources: Promise<readonly Resource[]> | undefined

  constructor(session: Session) {
    this.#session = session
  }

  /** Every version of every type, in the server's order. */
  all(): Promise<readonly Resource[]> {
    this.#resources ??= this.#load()
    return this.#resources
  }

  /** Each type once, in the version that its group prefers. */
  async preferred(): Promise<readonly Resource[]> {
    const seen = new Set<string>()
    return (await this.all()).filter(({ group, plural }) => {
      const key = `${plural}.${group}`
      return !seen.has(key) && seen.add(key)
    })
  }

  /** By what a user writes: `po`, `deployments.apps`, `deployments.v1.apps`, `Deployment`. */
  async find(argument: string): Promise<Resource> {
    const resources = await this.all()
    const found = byResource(resources, argument) ?? byKind(resources, argument)
    if (found) {
      this.#warnAmbiguous(resources, found, argument)
      return found
    }
    throw new KubectlError(`the server doesn't have a resource type "${argument.split('.')[0]}"`)
  }

  async findKind(apiVersion: string, kind: string): Promise<Resource | undefined> {
    return (await this.all()).find((one) => one.kind === kind && apiVersionOf(one) === apiVersion)
  }

  /** The types of a category such as `all`; empty where there is none of that name. */
  async category(name: string): Promise<readonly Resource[]> {
    return (await this.preferred()).filter(({ categories }) => categories.includes(name))
  }

  #warnAmbiguous(resources: readonly Resource[], found: Resource, argument: string): void {
    if (found.plural === argument || found.singular === argument || !found.shortNames.includes(argument)) return
    for (const other of resources) {
      if (!other.shortNames.includes(argument) || (other.group === found.group && other.plural === found.plural)) continue
      this.#session.warn(
        `short name ${JSON.stringify(argument)} could also match lower priority resource ${qualifiedName(other)}`,
      )
    }
  }

  async #load(): Promise<readonly Resource[]> {
    const [core, groups] = await Promise.all([this.#aggregated('/api'), this.#aggregated('/apis')])
    return [...core, ...groups]
  }

  async #aggregated(path: string): Promise<Resource[]> {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
    const answer = await this.#session.get(path, { accept })
    if (answer.kind === 'APIGroupDiscoveryList') return (answer.items ?? []).flatMap(resourcesOf)
    return this.#plain(path, answer)
  }

  /** Servers older than aggregated discovery. */
  async #plain(path: string, answer: Json): Promise<Resource[]> {
    const versions: string[] =
      path === '/api'
        ? answer.versions.map((version: string) => `/api/${version}`)
        : answer.groups.flatMap((group: Json) => preferredFirst(group).map((version) => `/apis/${version}`))
    const lists = await Promise.all(versions.map((one) => this.#session.get(one)))
    return lists.flatMap((list) => plainResources(list))
  }
}

export function apiVersionOf({ group, version }: { group: string; version: string }): string {
  return group ? `${group}/${version}` : version
}

/** `deployments.apps`, or `pods` in the core group. */
export function qualifiedName({ plural, group }: Resource): string {
  return group ? `${plural}.${group}` : plural
}

/** `deployment.apps`, as results name an object's type. */
export function kindName({ kind, group }: { kind: string; group: string }): string {
  return group ? `${kind.toLowerCase()}.${group}` : kind.toLowerCase()
}

export function pathOf(
  resource: Resource,
  { namespace, name, subresource }: { namespace?: string | undefined; name?: string; subresource?: string | undefined } = {},
): string {
  const parts = resource.group ? ['apis', resource.group, resource.version] : ['api', resource.version]
  if (resource.namespaced && namespace) parts.push('namespaces', namespace)
  parts.push(resource.plural)
  if (name !== undefined) parts.push(name)
  if (subresource) parts.push(subresource)
  return `/${parts.map(encodeURIComponent).join('/')}`
}

function resourcesOf(group: Json): Resource[] {
  return (group.versions ?? []).flatMap(({ version, resources }: Json) =>
    (resources ?? []).map((one: Json) => ({
      group: group.metadata?.name ?? '',
      version,
      plural: one.resource,
      singular: one.singularResource ?? one.responseKind?.kind?.toLowerCase() ?? '',
      kind: one.responseKind?.kind ?? '',
      namespaced: one.scope === 'Namespaced',
      shortNames: one.shortNames ?? [],
      categories: one.categories ?? [],
      verbs: one.verbs ?? [],
      subresources: (one.subresources ?? []).map(({ subresource }: Json) => subresource),
    })),
  )
}

function preferredFirst(group: Json): string[] {
  const versions: string[] = group.versions.map(({ groupVersion }: Json) => groupVersion)
  const preferred = group.preferredVersion?.groupVersion
  return preferred ? [preferred, ...versions.filter((version) => version !== preferred)] : versions
}

function plainResources(list: Json): Resource[] {
  const [group, version] = list.groupVersion.includes('/') ? list.groupVersion.split('/') : ['', list.groupVersion]
  const names: string[] = list.resources.map(({ name }: Json) => name)
  return list.resources
    .filter(({ name }: Json) => !name.includes('/'))
    .map((one: Json) => ({
      group,
      version,
      plural: one.name,
      singular: one.singularName || one.kind.toLowerCase(),
      kind: one.kind,
      namespaced: one.namespaced,
      shortNames: one.shortNames ?? [],
      categories: one.categories ?? [],
      verbs: one.verbs ?? [],
      subresources: names.filter((name) => name.startsWith(`${one.name}/`)).map((name) => name.slice(one.name.length + 1)),
    }))
}

/** Plural, singular or short name, perhaps with version and group behind it; the first group that has it counts. */
function byResource(resources: readonly Resource[], argument: string): Resource | undefined {
  const lower = argument.toLowerCase()
  const [name = '', second, ...others] = lower.split('.')
  const named = resources.filter((one) => one.plural === name || one.singular === name)
  const short = resources.filter(({ shortNames }) => shortNames.includes(name))
  const pool = [...named, ...short]
  if (second === undefined) return pool[0]
  const rest = [second, ...others].join('.')
  const exact = others.length > 0 ? pool.find((one) => one.version === second && one.group === others.join('.')) : undefined
  return exact ?? pool.find(({ group }) => group === rest) ?? pool.find(({ group }) => group.startsWith(rest) && rest !== '')
}

function byKind(resources: readonly Resource[], argument: string): Resource | undefined {
  const [kind = '', second, ...others] = argument.split('.')
  const pool = resources.filter((one) => one.kind === kind)
  if (second === undefined) return pool[0]
  const exact = pool.find((one) => one.version === second && one.group === others.join('.'))
  return exact ?? pool.find(({ group }) => group === [second, ...others].join('.'))
}
