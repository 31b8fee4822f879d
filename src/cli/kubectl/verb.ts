/** What one kubectl command is: its flags, and what it does with them. */
import type { Terminal } from '#cli/command.ts'
import type { CommandLine, Flags } from './command-line.ts'
import type { Session } from './session.ts'

export interface VerbCall<F extends Flags> extends CommandLine<F> {
  /** `kubectl rollout status`: how texts name the command. */
  readonly path: string
  readonly session: Session
  readonly terminal: Terminal
  /** Writes to standard output. */
  out(text: string): void
  /** Writes to standard error. */
  err(text: string): void
}

export interface Verb<F extends Flags = any> {
  /** What follows `kubectl`. */
  readonly usage: string
  /** One line for the list of commands. */
  readonly summary: string
  readonly examples?: readonly string[]
  readonly flags: F
  /** Commands below this one; a word that names none of them is an argument. */
  readonly verbs?: Verbs
  /** The exit code; nothing is 0. */
  run?(call: VerbCall<F>): Promise<number | void>
}

export type Verbs = Readonly<Record<string, () => Promise<{ readonly default: Verb }>>>

export function defineVerb<const F extends Flags>(verb: Verb<F>): Verb {
  return verb
}
