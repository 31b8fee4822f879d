/** What expose and run make: an object from flags, sent unless the run is dry. */

import { boolean } from './command-line.ts'
import { structOf } from './create/generator.ts'
import { pathOf } from './discovery.ts'
import { KubectlError } from './errors.ts'
import { withLastApplied } from './last-applied.ts'
import { dryRunOf, dryRunQuery, resultFlags } from './result.ts'
import type { Json } from './session.ts'
import type { VerbCall } from './verb.ts'

export const madeFlags = { ...resultFlags, 'save-config': boolean() } as const

/** The object as the server stored it, or with --dry-run=client as it would be sent. */
export async function make(call: VerbCall<typeof madeFlags>, object: Json, manager: string): Promise<Json> {
  const { session, flags } = call
  const dryRun = dryRunOf(call)
  const whole = structOf(object)
  if (dryRun === 'client') {
    if (session.explicitNamespace) whole.metadata.namespace = session.namespace
    return structOf(whole)
  }
  const resource = await session.discovery.findKind(object.apiVersion, object.kind)
  if (!resource) throw new KubectlError(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`)
  const query = { fieldManager: flags['field-manager'] || manager, ...dryRunQuery(dryRun) }
  const body = flags['save-config'] ? withLastApplied(whole) : whole
  return structOf(await session.request('POST', pathOf(resource, { namespace: session.namespace }), { body, query }))
}

/** `a=b,c=d` */
export function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const parts = pair.split('=')
      if (parts.length !== 2) throw new KubectlError(`unexpected label spec: ${pair}`)
      if (parts[0] === '') throw new KubectlError('unexpected empty label key')
      return parts as [string, string]
    }),
  )
}

/** Go's strconv.Atoi. */
export function integerOf(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new KubectlError(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}
