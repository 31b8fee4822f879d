/** What pause, resume and restart share: a patch for each chosen object, and one line about it. */
import type { Flags } from '../command-line.ts'
import { pathOf, qualifiedName } from '../discovery.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { gather, selectionFlags, selectionOf } from '../resources.ts'
import { resultFlags, resultPrinter } from '../result.ts'
import type { Json } from '../session.ts'
import type { VerbCall } from '../verb.ts'

const { 'dry-run': _, ...withoutDryRun } = resultFlags

export const rolloutFlags = { ...withoutDryRun, ...selectionFlags } as const

export type RolloutCall<F extends Flags = {}> = VerbCall<typeof rolloutFlags & F>

export interface Change {
  /** Behind the name: `restarted`. */
  readonly operation: string
  /** The strategic patch, or why there can be none. */
  plan(object: Json): Json | string
}

export async function patchEach(call: RolloutCall, { operation, plan }: Change): Promise<void> {
  const { session, flags, err } = call
  requireArguments(call)
  const { infos, errors } = await gather(session, { ...selectionOf(call), typeAlone: true })
  if (infos.length === 0 && errors.length === 0) return err(`No resources found in ${session.namespace} namespace.\n`)
  const print = resultPrinter({ ...call, flags: { ...flags, 'dry-run': 'none' } }, { struct: true })
  for (const { resource, namespace, name, object } of infos) {
    const body = plan(object)
    if (typeof body === 'string') {
      errors.push(new KubectlError(`error: ${qualifiedName(resource)} ${JSON.stringify(name)} ${body}`))
      continue
    }
    const options = {
      body,
      contentType: 'application/strategic-merge-patch+json',
      query: { fieldManager: flags['field-manager'] || 'kubectl-rollout' },
    }
    try {
      print(await session.request('PATCH', pathOf(resource, { namespace, name }), options), operation)
    } catch (error) {
      errors.push(new KubectlError(`failed to patch: ${(error as Error).message}`))
    }
  }
  aggregate(errors)
}

export function requireArguments({ args, flags }: { args: readonly string[]; flags: { filename: readonly string[] } }): void {
  if (args.length === 0 && flags.filename.length === 0) throw new KubectlError('required resource not specified')
}
