/** What label and annotate share: a map in metadata, changed on each chosen object. */
import { boolean, text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, KubectlError } from './errors.ts'
import type { Pairs } from './pairs.ts'
import { gather, type Info, type Selection, selectionFlags } from './resources.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from './result.ts'
import type { Json } from './session.ts'
import type { VerbCall } from './verb.ts'

export const metadataFlags = {
  ...resultFlags,
  ...selectionFlags,
  overwrite: boolean(),
  list: boolean(),
  local: boolean(),
  'field-selector': text(),
  all: boolean(),
  'all-namespaces': boolean(false, { short: 'A' }),
  'resource-version': text(),
} as const

export type MetadataCall = VerbCall<typeof metadataFlags>

export interface Change {
  readonly field: 'labels' | 'annotations'
  /** `label`, as texts say it. */
  readonly noun: string
  readonly pairs: Pairs
  readonly resources: readonly string[]
  /** What stands behind the name, by what was done. */
  operation(added: number, removed: number): string
  /** What is wrong with changing values that are there, where --overwrite was not given. */
  refuse(clashes: readonly (readonly [key: string, value: string])[]): unknown
}

export async function changeMetadata(call: MetadataCall, change: Change): Promise<void> {
  const { session, flags } = call
  check(call, change)
  const { infos, errors } = await gather(session, selectionFor(call, change.resources))
  const single = infos.length === 1 && errors.length === 0 && !flags.selector && !flags.all
  if (flags['resource-version'] && !single) throw new KubectlError('--resource-version may only be used with a single resource')
  const print = resultPrinter(call)
  for (const info of infos) {
    try {
      if (flags.list) list(call, info, { single, field: change.field, noun: change.noun })
      else print(...(await changeOne(call, info, change)))
    } catch (error) {
      errors.push(error)
    }
  }
  aggregate(errors)
}

function selectionFor({ flags }: MetadataCall, resources: readonly string[]): Selection {
  return {
    args: resources,
    filename: flags.filename,
    recursive: flags.recursive,
    selector: flags.selector || undefined,
    fieldSelector: flags['field-selector'] || undefined,
    allNamespaces: flags['all-namespaces'],
    all: flags.all,
  }
}

function check({ flags }: MetadataCall, { noun, pairs, resources }: Change): void {
  if (flags.list && flags.output) throw new KubectlError('--list and --output may not be specified together')
  if (flags.all && flags.selector) throw new KubectlError('cannot set --all and --selector at the same time')
  if (flags.all && flags['field-selector']) throw new KubectlError('cannot set --all and --field-selector at the same time')
  if (flags.local) throw new KubectlError('--local is not supported; use --dry-run=client')
  if (resources.length === 0 && flags.filename.length === 0) {
    throw new KubectlError('one or more resources must be specified as <resource> <name> or <resource>/<name>')
  }
  if (pairs.set.size === 0 && pairs.remove.length === 0 && !flags.list)
    throw new KubectlError(`at least one ${noun} update is required`)
}

async function changeOne(call: MetadataCall, info: Info, change: Change): Promise<[object: Json, operation: string]> {
  const { session, flags, out } = call
  const { resource, namespace, name, object } = info
  const { field, pairs, noun } = change
  const current: Record<string, string> = object.metadata[field] ?? {}
  const dryRun = dryRunOf(call)
  const missing = pairs.remove.filter((key) => !Object.hasOwn(current, key))
  if (noun === 'label' && dryRun !== 'client') for (const key of missing) out(`label ${JSON.stringify(key)} not found.\n`)
  const clashes = [...pairs.set].flatMap(([key, value]) =>
    Object.hasOwn(current, key) && current[key] !== value && key !== 'kubernetes.io/change-cause'
      ? [[key, current[key] as string] as const]
      : [],
  )
  if (!flags.overwrite && clashes.length > 0) throw change.refuse(clashes)
  const added = [...pairs.set].filter(([key, value]) => current[key] !== value)
  const removed = pairs.remove.filter((key) => Object.hasOwn(current, key))
  const next = { ...current, ...Object.fromEntries(added) }
  for (const key of removed) delete next[key]
  const changed = { ...object, metadata: { ...object.metadata, [field]: next } }
  const operation = change.operation(added.length, removed.length)
  if (dryRun === 'client' || added.length + removed.length === 0) return [changed, operation]
  const version = flags['resource-version']
  const patch = { ...Object.fromEntries(added), ...Object.fromEntries(removed.map((key) => [key, null])) }
  const body = { metadata: { [field]: patch, ...(version && { resourceVersion: version }) } }
  const query = {
    fieldManager: flags['field-manager'] || `kubectl-${noun === 'label' ? 'label' : 'annotate'}`,
    ...dryRunQuery(dryRun),
  }
  const options = { body, contentType: 'application/merge-patch+json', query }
  const patched = await session.request('PATCH', pathOf(resource, { namespace, name }), options)
  return [noun === 'label' ? changed : patched, operation]
}

function list(
  { out }: MetadataCall,
  { resource, name, object }: Info,
  { single, field, noun }: { single: boolean; field: string; noun: string },
): void {
  if (!single) out(`Listing ${noun}s for ${resource.kind}.${resource.group}/${name}:\n`)
  for (const [key, value] of Object.entries(object.metadata[field] ?? {})) out(`${single ? '' : ' '}${key}=${value}\n`)
}
