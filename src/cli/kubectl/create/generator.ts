/** What `kubectl create TYPE` commands share: flags, the name, and the way from a made object to the server and the screen. */
import { decode } from '#schema/decode.ts'
import { boolean, type Flags } from '../command-line.ts'
import { pathOf } from '../discovery.ts'
import { KubectlError, usageError } from '../errors.ts'
import { withLastApplied } from '../last-applied.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from '../result.ts'
import type { Json } from '../session.ts'
import { kindOf } from '../three-way-patch.ts'
import { fieldValidation, validateFlag } from '../validation.ts'
import type { VerbCall } from '../verb.ts'

export const generatorFlags = { ...resultFlags, ...validateFlag, 'save-config': boolean() } as const

export type GeneratorCall<F extends Flags = {}> = VerbCall<typeof generatorFlags & F>

export function nameOfArguments({ args, dash, path }: { args: readonly string[]; dash: number; path: string }): string {
  const count = dash < 0 ? args.length : dash
  if (count !== 1) throw usageError(path, `exactly one NAME is required, got ${count}`)
  return args[0] as string
}

/** Metadata of a namespaced object: the namespace stands in it only where the user gave one. */
export function metadataOf({ session }: GeneratorCall, name: string): Json {
  return { name, ...(session.explicitNamespace && { namespace: session.namespace }) }
}

/** Creates the object; `failure` is put before what the server says against it. */
export async function createObject(call: GeneratorCall, object: Json, failure = ''): Promise<void> {
  const { session, flags } = call
  const dryRun = dryRunOf(call)
  const print = resultPrinter(call, { struct: true })
  const whole = structOf(object)
  const body = flags['save-config'] ? withLastApplied(whole) : whole
  if (dryRun === 'client') return print(body, 'created')
  const resource = await session.discovery.findKind(object.apiVersion, object.kind)
  if (!resource) throw new KubectlError(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`)
  const query = {
    fieldManager: flags['field-manager'] || 'kubectl-create',
    ...fieldValidation(flags.validate),
    ...dryRunQuery(dryRun),
  }
  try {
    print(await session.request('POST', pathOf(resource, { namespace: session.namespace }), { body, query }), 'created')
  } catch (error) {
    throw failure ? new KubectlError(`${failure}${(error as Error).message}`) : error
  }
}

/** With the fields that Go writes although they are empty, in Go's order. */
export function structOf(object: Json): Json {
  const kind = kindOf(object)
  if (!kind) return object
  const { apiVersion, kind: name, ...fields } = decode(kind.schema, object) as Json
  return { kind: name, apiVersion, ...fields }
}

/** Each value once, in order. */
export function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
