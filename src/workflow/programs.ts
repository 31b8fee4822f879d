/** Programs of the machine that the workflow drives: git, and builders of images. */
import { spawn } from 'node:child_process'
import { WorkflowError } from './workflow-error.ts'

export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Output goes to the terminal as it comes, and is not collected. */
  readonly isShown?: boolean
}

export interface ProgramOutcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Programs {
  /** Throws only where the program cannot be started. */
  run(program: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramOutcome>
}

export interface SystemPrograms {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** Told each command line before it runs: `--verbose`. */
  readonly onStart?: ((line: string) => void) | undefined
  readonly onOutput: (chunk: string) => void
}

export function systemPrograms({ env, signal, onStart, onOutput }: SystemPrograms): Programs {
  return {
    run: (program, args, options = {}) =>
      new Promise((resolve, reject) => {
        onStart?.([program, ...args].join(' '))
        const child = spawn(program, [...args], {
          ...(options.cwd && { cwd: options.cwd }),
          env: { ...env, ...options.env },
          stdio: ['ignore', 'pipe', 'pipe'],
          signal,
        })
        let stdout = ''
        let stderr = ''
        const show = (chunk: Buffer) => onOutput(chunk.toString())
        child.stdout.on('data', (chunk) => (options.isShown ? show(chunk) : (stdout += chunk)))
        child.stderr.on('data', (chunk) => (options.isShown ? show(chunk) : (stderr += chunk)))
        child.on('error', (error: NodeJS.ErrnoException) =>
          reject(error.code === 'ENOENT' ? new WorkflowError(`${program} is not installed.`, { cause: error }) : error),
        )
        child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
      }),
  }
}
