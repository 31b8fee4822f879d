/** What a container of the memory runtime does: how it starts, how long it runs, how it ends, what it prints and answers. */
import type { ContainerConfig, ExecResult, SandboxConfig } from './runtime.ts'

/** Everything is optional: a container without a script starts at once, prints nothing and runs until it is stopped. */
export interface Script {
  /** Milliseconds until the main process ends by itself; absent: it never does. */
  readonly runFor?: number
  /** Exit code when it ends by itself. */
  readonly exitCode?: number
  /** Overrides `Completed` or `Error`. */
  readonly reason?: string
  /** Lines written to the log at start. */
  readonly output?: readonly string[]
  /** Milliseconds it takes to end after SIGTERM; Infinity ignores the signal and is killed. */
  readonly stopAfter?: number
  /** Exit code after SIGTERM. Default 143: no handler. */
  readonly stopCode?: number
  /** `startContainer` fails with this text; the container is then exited with code 128 and reason StartError, as in containerd. */
  readonly startError?: string
  /** Runs when the container has started; a place to write a termination message. */
  onStart?(container: ScriptedContainer): void
  /** Answers `execSync`; default: exit code 0 and no output. */
  exec?(command: readonly string[], container: ScriptedContainer): Partial<MemoryExecResult> | Promise<Partial<MemoryExecResult>>
}

export interface ScriptedContainer {
  readonly id: string
  readonly config: ContainerConfig
  readonly sandbox: SandboxConfig
}

export interface MemoryExecResult {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

/** Which containers a script is for; all parts given must hold. `command` is compared with command and arguments joined by spaces. */
export interface Match {
  readonly image?: string
  readonly name?: string
  readonly pod?: string
  readonly command?: string | RegExp
  /** Restart count, from 0. */
  readonly attempt?: number
}

export function matches(match: Match, config: ContainerConfig, sandbox: SandboxConfig): boolean {
  const command = [...config.command, ...config.args].join(' ')
  if (match.image !== undefined && match.image !== config.image && match.image !== config.userSpecifiedImage) return false
  if (match.name !== undefined && match.name !== config.metadata.name) return false
  if (match.pod !== undefined && match.pod !== sandbox.metadata.name) return false
  if (match.attempt !== undefined && match.attempt !== config.metadata.attempt) return false
  if (match.command === undefined) return true
  return typeof match.command === 'string' ? match.command === command : match.command.test(command)
}

export function execResult(result: Partial<MemoryExecResult> = {}): ExecResult {
  const encoder = new TextEncoder()
  return {
    stdout: encoder.encode(result.stdout ?? ''),
    stderr: encoder.encode(result.stderr ?? ''),
    exitCode: result.exitCode ?? 0,
  }
}
