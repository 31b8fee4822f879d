/** What the `kubectl set` commands that change pod templates share: the change, its patch, and the line about it. */
import { twoWayPatch } from '#schema/merge.ts'
import { boolean, type Flags, text } from '../command-line.ts'
import { structOf } from '../create/generator.ts'
import { pathOf } from '../discovery.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { goType } from '../pods.ts'
import type { Info } from '../resources.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from '../result.ts'
import type { Json } from '../session.ts'
import { kindOf } from '../three-way-patch.ts'
import type { VerbCall } from '../verb.ts'

export const templateFlags = { ...resultFlags, containers: text('*', { short: 'c' }), all: boolean(), local: boolean() } as const

export type SetCall<F extends Flags = {}> = VerbCall<typeof resultFlags & F>

export interface TemplateChange {
  /** Behind the name: `env updated`. */
  readonly operation: string
  /** Stands before what the server says against a patch. */
  readonly failure: string
  /** Whether objects that stay as they are get sent and named too. */
  readonly always?: boolean
  readonly errors: unknown[]
  /** Changes the pod spec in place; what it throws is said of this one object. */
  apply(spec: Json, object: Json): void
}

/** Sends a strategic patch for each object that the change alters. */
export async function changeTemplates(call: SetCall, infos: readonly Info[], change: TemplateChange): Promise<void> {
  const { errors, operation } = change
  const print = resultPrinter(call, { struct: true })
  for (const info of infos) {
    try {
      const changed = structuredClone(info.object)
      apply(change, info, changed)
      const body = patchBetween(info.object, changed)
      if (Object.keys(body).length === 0 && !change.always) continue
      if (dryRunOf(call) === 'client') print(structOf(changed), operation)
      else print(structOf(await send(call, info, { body, failure: change.failure })), operation)
    } catch (error) {
      errors.push(error)
    }
  }
  aggregate(errors)
}

function apply(change: TemplateChange, { resource, name, object }: Info, changed: Json): void {
  const title = `error: ${resource.plural}/${name}`
  const spec = podSpecOf(changed)
  if (!spec) throw new KubectlError(`${title} the object is not a pod or does not have a pod template: ${goType(object)}\n`)
  try {
    change.apply(spec, changed)
  } catch (error) {
    throw new KubectlError(`${title} ${(error as Error).message}\n`)
  }
}

export function patchBetween(object: Json, changed: Json): Json {
  const kind = kindOf(object)
  return kind ? (twoWayPatch(kind.schema, object, changed) as Json) : {}
}

async function send(call: SetCall, info: Info, { body, failure }: { body: Json; failure: string }): Promise<Json> {
  const { session, flags } = call
  const { resource, namespace, name } = info
  const query = { fieldManager: flags['field-manager'] || 'kubectl-set', ...dryRunQuery(dryRunOf(call)) }
  const options = { body, contentType: 'application/strategic-merge-patch+json', query }
  try {
    return await session.request('PATCH', pathOf(resource, { namespace, name }), options)
  } catch (error) {
    throw new KubectlError(failure + (error as Error).message)
  }
}

/** Undefined for kinds that hold no pod template. */
export function podSpecOf({ kind, spec }: Json): Json | undefined {
  if (kind === 'Pod') return spec
  return kind === 'CronJob' ? spec.jobTemplate?.spec?.template?.spec : spec?.template?.spec
}

/** Containers, then init containers, whose names match; `*` stands for any letters. */
export function selectedContainers(spec: Json, pattern: string): Json[] {
  const expression = new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`)
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].filter(({ name }) => expression.test(name))
}

export function refuseLocal({ local }: { local: boolean }): void {
  if (local) throw new KubectlError('--local is not supported; use --dry-run=client')
}

function escaped(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
}
