/** Which objects a list, watch or deletecollection is about: namespace, labels, fields. */
import { Recent } from '#lib/recent.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { parseFieldSelector, parseLabelSelector } from '#schema/selector.ts'
import { badRequest } from '#schema/status-error.ts'
import type { Request } from '../request.ts'
import { indexedFields, type Storage, storedKindOf } from './storage.ts'

export interface Selection {
  /** Keys that can match: a single one, or those below a prefix that ends in a slash. */
  readonly key: string
  /** A field with one value, by which the cache finds the objects. */
  readonly index?: { readonly name: string; readonly value: string }
  /** Neither labels nor fields are asked for. */
  readonly everything: boolean
  /** What is asked for; selections of the same text match the same objects. */
  readonly text: string
  matches(object: KubeObject): boolean
}

interface Requirement {
  readonly field: string
  readonly op: string
  readonly value: string
}

export function selectionOf(request: Request, kind: Kind, storage: Storage): Selection {
  const { info } = request
  const { labels, fields, matches } = matcherOf(request, kind)
  const namespace = kind.namespaced ? info.namespace || exact(fields, 'metadata.namespace') : ''
  const name = exact(fields, 'metadata.name')
  const index = indexOf(kind, fields)
  const single = name !== '' && (!kind.namespaced || namespace !== '')
  return {
    key: single ? storage.keyOf(namespace, name) : storage.prefix(namespace),
    ...(index && !single && { index }),
    everything: !labels && fields.length === 0,
    text: `${request.query.get('labelSelector') ?? ''}\0${request.query.get('fieldSelector') ?? ''}\0${info.name}`,
    matches,
  }
}

interface Matcher extends Pick<Selection, 'matches'> {
  readonly labels: ReturnType<typeof labelMatcher>
  readonly fields: readonly Requirement[]
}

/** What the request's selectors say of an object, wherever it comes from. */
export function matcherOf({ query, info }: Request, kind: Kind): Matcher {
  const labels = labelMatcher(query.get('labelSelector') ?? '')
  const fields = fieldRequirements(query.get('fieldSelector') ?? '', info.name).map((one) => byOwnName(kind, one))
  const values = fields.map((requirement) => ({ requirement, read: reader(kind, requirement.field) }))
  const matches = (object: KubeObject) =>
    (!labels || labels.matches(object.metadata.labels ?? {})) &&
    values.every(({ requirement, read }) => holds(requirement, read(object)))
  return { labels, fields, matches }
}

function indexOf(kind: Kind, fields: readonly Requirement[]): Selection['index'] {
  if (storedKindOf(kind) !== kind) return undefined
  const indexed = indexedFields(kind)
  const found = fields.find(({ field, op }) => op !== '!=' && indexed.includes(field))
  return found && { name: found.field, value: found.value }
}

/** Clients ask for the same again and again. */
const parsedLabels = new Recent<ReturnType<typeof parseLabelSelector>>(256)

function labelMatcher(text: string): ReturnType<typeof parseLabelSelector> | undefined {
  if (!text) return undefined
  const known = parsedLabels.get(text)
  if (known) return known
  try {
    const labels = parseLabelSelector(text)
    parsedLabels.set(text, labels)
    return labels
  } catch (error) {
    throw badRequest(messageOf(error))
  }
}

/** A name in the path counts as a selector of that name; another name in the selector contradicts it. */
function fieldRequirements(text: string, name: string): readonly Requirement[] {
  const requirements = text ? parsed(text) : []
  if (!name) return requirements
  if (requirements.length === 0) return [{ field: 'metadata.name', op: '=', value: name }]
  if (exact(requirements, 'metadata.name') !== name) throw badRequest("fieldSelector metadata.name doesn't match requested name")
  return requirements
}

function byOwnName({ def: { selectableAliases = {} } }: Kind, requirement: Requirement): Requirement {
  const { field } = requirement
  return Object.hasOwn(selectableAliases, field) ? { ...requirement, field: selectableAliases[field] as string } : requirement
}

function parsed(text: string): readonly Requirement[] {
  try {
    return parseFieldSelector(text)
  } catch (error) {
    throw badRequest(messageOf(error))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function exact(requirements: readonly Requirement[], field: string): string {
  return requirements.find((requirement) => requirement.field === field && requirement.op !== '!=')?.value ?? ''
}

function reader(kind: Kind, field: string): (object: any) => string {
  if (field === 'metadata.name') return ({ metadata }) => metadata.name
  if (field === 'metadata.namespace') return ({ metadata }) => metadata.namespace ?? ''
  const { selectable = {} } = kind.def
  const read = Object.hasOwn(selectable, field) ? selectable[field] : undefined
  if (!read) throw badRequest(unsupported(kind, field))
  return read
}

/** Kinds with fields of their own name theirs; the rest share a text. */
function unsupported(kind: Kind, field: string): string {
  if (kind.def.selectable) return `field label not supported: ${field}`
  return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
}

function holds({ op, value }: Requirement, found: string): boolean {
  return op === '!=' ? found !== value : found === value
}
