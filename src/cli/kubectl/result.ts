/** What commands that change something say about it: `deployment.apps/web created`, or the object with `-o`. */
import { StatusError } from '#schema/status-error.ts'
import { type CommandLine, text } from './command-line.ts'
import { KubectlError } from './errors.ts'
import { nameOf, type Printer, printerFor, resultFormats } from './output/printer.ts'
import type { Json } from './session.ts'

export type DryRun = 'none' | 'client' | 'server'

/** Flags of every command that changes objects. */
export const resultFlags = {
  output: text('', { short: 'o' }),
  template: text(),
  'show-managed-fields': { type: 'boolean', value: false },
  'allow-missing-template-keys': { type: 'boolean', value: true },
  'dry-run': text('none', { bare: 'unchanged' }),
  'field-manager': text(),
} as const

export function dryRunOf({ flags }: { flags: { 'dry-run': string } }): DryRun {
  const given = flags['dry-run']
  if (given === 'client' || given === 'server' || given === 'none') return given
  if (given === 'unchanged') return 'client'
  throw new KubectlError(`Invalid dry-run value (${given}). Must be "none", "server", or "client".`)
}

/** What makes the server try and store nothing. */
export function dryRunQuery(dryRun: DryRun): Record<string, string> {
  return dryRun === 'server' ? { dryRun: 'All' } : {}
}

export type ResultCall = Pick<CommandLine<typeof resultFlags>, 'flags'> & { out(text: string): void }

/** Prints one object each time; the operation stands behind its name. */
export function resultPrinter(call: ResultCall, options: { struct?: boolean } = {}): (object: Json, operation: string) => void {
  const { flags, out } = call
  const dryRun = dryRunOf(call)
  const suffix = dryRun === 'client' ? ' (dry run)' : dryRun === 'server' ? ' (server dry run)' : ''
  const printer = objectPrinter(flags, options)
  return (object, operation) => out(printer ? printer(object) : `${nameOf(object)} ${operation}${suffix}\n`)
}

/** Undefined without -o; -o name prints names alone. */
export function objectPrinter(
  flags: { output: string; template: string; 'show-managed-fields': boolean },
  options: { struct?: boolean } = {},
): Printer | undefined {
  if (flags.output === '' && flags.template === '') return undefined
  return printerFor(flags.output || 'go-template', resultFormats, {
    template: flags.template,
    showManagedFields: flags['show-managed-fields'],
    ...options,
  })
}

/** Says in which file the object stood. */
export function addSource(verb: string, source: string | undefined, error: unknown): unknown {
  if (!source) return error
  const prefix = `error when ${verb} ${JSON.stringify(source)}: `
  if (error instanceof StatusError) {
    return StatusError.from({ ...error.toStatus(), message: prefix + error.message })
  }
  return new KubectlError(prefix + (error as Error).message)
}
