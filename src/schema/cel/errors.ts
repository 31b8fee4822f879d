/** The four ways in which an expression fails: it does not compile, it fails, it costs too much, it is cancelled by its value. */

/** The expression is no expression, or its types do not fit; the message is cel-go's, one issue per paragraph. */
export class CelCompileError extends Error {
  readonly issues: readonly CelIssue[]
  constructor(message: string, issues: readonly CelIssue[] = []) {
    super(message)
    this.name = 'CelCompileError'
    this.issues = issues
  }
}

/** One thing wrong with an expression; line counts from 1, column from 0. */
export interface CelIssue {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Evaluation failed; the message is cel-go's (`no such key: foo`). */
export class CelError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CelError'
  }
}

/** Evaluation was given up because its budget was spent. Nothing in an expression can catch it. */
export class CelBudgetExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded')
    this.name = 'CelBudgetExceeded'
  }
}

/**
 * A failure inside an evaluation, where `||`, `&&` and the macros may absorb it; never leaves this folder. No Error, since
 * a hostile expression can make one per unit of cost, and a stack trace costs more than its unit.
 */
export class CelFailure {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}
