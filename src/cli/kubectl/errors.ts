/** What kubectl says when something fails (`pkg/cmd/util/helpers.go`): the texts users and scripts know. */
import { TransportError } from '#client/client.ts'
import { StatusError } from '#schema/status-error.ts'

/** Printed behind `error: `. */
export class KubectlError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'KubectlError'
    this.exitCode = exitCode
  }
}

/** Ends the command with this code and prints nothing more. */
export class Exit extends KubectlError {
  constructor(exitCode: number) {
    super('', exitCode)
  }
}

/** Printed as it is, without `error: ` before it. */
export class BareError extends KubectlError {}

/** Misuse of a command: the text with a pointer to its help. */
export function usageError(path: string, message: string): KubectlError {
  return new KubectlError(`${message}\nSee '${path} -h' for help and examples`)
}

/** Several errors as one: each on a line of its own. */
export function aggregate(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors)
}

/** What goes to standard error, ending in a line feed, or '' for nothing. */
export function errorText(error: unknown): string {
  if (error instanceof Exit) return ''
  if (error instanceof AggregateError) {
    const { errors } = error
    if (errors.length === 1) return errorText(errors[0])
    return errors.map((one: unknown) => `${messageOf(one)}\n`).join('')
  }
  if (error instanceof StatusError && error.reason === 'Invalid') return ended(invalidText(error))
  const standard = standardMessage(error)
  if (standard !== undefined) return ended(standard)
  const message = messageOf(error)
  if (error instanceof BareError) return ended(message)
  return ended(message.startsWith('error: ') ? message : `error: ${message}`)
}

/** The text without `error: ` before it, for use inside of other texts. */
export function messageOf(error: unknown): string {
  return standardMessage(error) ?? (error instanceof Error ? error.message : String(error))
}

function standardMessage(error: unknown): string | undefined {
  if (error instanceof StatusError) {
    if (error.reason === 'Unauthorized') return `error: You must be logged in to the server (${error.message})`
    return error.reason ? `Error from server (${error.reason}): ${error.message}` : `Error from server: ${error.message}`
  }
  if (error instanceof TransportError) {
    const cause = error.cause as (Error & { code?: string; address?: string; port?: number }) | undefined
    const host = /at (\S+?):? /.exec(`${error.message} `)?.[1] ?? ''
    if (cause?.code === 'ECONNREFUSED') {
      return `The connection to the server ${host} was refused - did you specify the right host or port?`
    }
    return `Unable to connect to the server: ${cause?.message ?? error.message}`
  }
  return undefined
}

function invalidText({ message, details }: StatusError): string {
  if (!details) return message ? `The request is invalid: ${message}` : 'The request is invalid'
  const causes = details.causes ?? []
  let text = 'The request is invalid'
  if (details.kind || details.name) text = `The ${details.kind ?? ''} ${JSON.stringify(details.name ?? '')} is invalid`
  else if (message && causes.length === 0) text += `: ${message}`
  if (causes.length === 0) return text
  const lines = [...new Set(causes.map((cause) => `${cause.field ?? ''}: ${cause.message ?? ''}`))]
  if (lines.length === 1) return `${text}: ${lines[0]}`
  return `${text}: \n${lines.map((line) => `* ${line}\n`).join('')}`
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
