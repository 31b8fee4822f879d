/** What a user of the workflow can mend: what went wrong, what to type next, and the exit code. */
export class WorkflowError extends Error {
  readonly next: readonly string[]
  readonly exitCode: number

  constructor(message: string, options: { next?: readonly string[]; exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WorkflowError'
    this.next = options.next ?? []
    this.exitCode = options.exitCode ?? 1
  }
}
