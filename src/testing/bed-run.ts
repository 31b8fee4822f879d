/** Programs run inside a bed's network namespace. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'

export interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}

export interface RunOptions {
  readonly stdin?: string
  /** Milliseconds, after which it is killed. Default a minute and a half. */
  readonly timeout?: number
  readonly cwd?: string
  /** On top of the bed's. */
  readonly env?: Readonly<Record<string, string>>
}

export interface Where {
  /** Name of the network namespace; left out, the caller's. */
  readonly namespace?: string
  readonly env: Readonly<Record<string, string>>
}

export async function run(program: string, args: readonly string[], options: RunOptions & Where): Promise<Ran> {
  const child = launch(program, args, options)
  const timer = AbortSignal.timeout(options.timeout ?? 90_000)
  timer.addEventListener('abort', () => child.kill('SIGKILL'))
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.stdin ?? '')
  const [stdout, stderr, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}

/** A program that goes on while the test looks at what it prints. */
export interface Background {
  readonly process: ChildProcess
  /** All that it has printed so far, both streams. */
  printed(): string
  /** Resolves with all that was printed once it matches; rejects when the program ends without, or after half a minute. */
  until(pattern: RegExp): Promise<string>
  stop(): Promise<void>
}

export function start(program: string, args: readonly string[], where: Where): Background {
  const child = launch(program, args, where)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      child.emit('printed')
    })
  }
  const closed = once(child, 'close')
  return {
    process: child,
    printed: () => text,
    until: (pattern) => untilPrinted(child, { pattern, text: () => text }),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await closed
    },
  }
}

function untilPrinted(child: ChildProcess, { pattern, text }: { pattern: RegExp; text: () => string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = AbortSignal.timeout(30_000)
    const end = (error?: Error) => {
      child.off('printed', look).off('close', ended)
      timer.removeEventListener('abort', late)
      if (error) reject(error)
      else resolve(text())
    }
    const look = () => pattern.test(text()) && end()
    const ended = () => (pattern.test(text()) ? end() : end(new Error(`it ended without ${pattern}: ${text()}`)))
    const late = () => end(new Error(`half a minute without ${pattern}: ${text()}`))
    child.on('printed', look).on('close', ended)
    timer.addEventListener('abort', late)
    if (child.exitCode !== null) ended()
    else look()
  })
}

function launch(program: string, args: readonly string[], { namespace, env, cwd }: Where & { cwd?: string }): ChildProcess {
  const words = namespace ? ['nsenter', `--net=/run/netns/${namespace}`, program, ...args] : [program, ...args]
  return spawn(words[0] as string, words.slice(1), { env, stdio: 'pipe', ...(cwd !== undefined && { cwd }) })
}

async function textOf(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
