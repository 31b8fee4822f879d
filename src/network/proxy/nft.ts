/** Runs `nft`. A script is one transaction: the kernel takes all of it or nothing. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '#lib/clock.ts'

/** Resolves with what nft printed. */
export type RunNft = (script: string) => Promise<string>

export class NftError extends Error {}

/** One process for each script, which reads it from its standard input. `program` is the path of nft. */
export function nftRunner(program = 'nft'): RunNft {
  return (script) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, ['-f', '-'], { stdio: ['pipe', 'pipe', 'pipe'] })
      let printed = ''
      let errors = ''
      child.stdout.setEncoding('utf8').on('data', (chunk) => {
        printed += chunk
      })
      child.stderr.setEncoding('utf8').on('data', (chunk) => {
        errors = (errors + chunk).slice(0, 4000)
      })
      child.on('error', (error) => reject(new NftError(`${program}: ${error.message}`, { cause: error })))
      child.on('close', (code) =>
        code === 0 ? resolve(printed) : reject(new NftError(`nft: ${errors.trim() || `exit code ${code}`}`)),
      )
      child.stdin.on('error', () => {})
      child.stdin.end(script)
    })
}

export interface NftSessionOptions {
  readonly program?: string
  readonly clock: Clock
  /** Ends the process. */
  readonly signal: AbortSignal
}

/**
 * The same with one process for all small scripts, told of them line by line: 1 ms for a change instead of 15 to 40, most of which goes into
 * starting a process and reading the ruleset. What it cannot take, and where nft has no such mode, gets a process of its own.
 */
export function nftSession(options: NftSessionOptions): RunNft {
  const session = new Session(options)
  const alone = nftRunner(options.program)
  return async (script) => {
    const line = asLine(script)
    const printed = line === undefined ? undefined : await session.run(line)
    return printed ?? alone(script)
  }
}

const longestLine = 16_384

/** A line is a transaction. Undefined for what has blocks in it, and for what is read faster from a file. */
function asLine(script: string): string | undefined {
  if (script.length > longestLine || script.includes('{\n')) return undefined
  return script.trim().replaceAll('\n', '; ')
}

/** Asked after each line; what it answers marks the end of that line's output. */
const question = 'describe ip saddr'
const answer = /payload expression, datatype ipv4_addr [^\n]*bits\n?$/
const patience = 10_000
/** The process remembers its lines, so it is replaced now and then. */
const linesPerProcess = 1000

class Session {
  readonly #options: NftSessionOptions
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined
  #lines = 0
  #answers = 0
  #isUnfit = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: NftSessionOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#end(), { once: true })
  }

  /** Undefined where there is no session to be had. */
  run(line: string): Promise<string | undefined> {
    const result = this.#turn.then(() => this.#ask(line))
    this.#turn = result.catch(() => {})
    return result
  }

  async #ask(line: string): Promise<string | undefined> {
    if (this.#isUnfit || this.#options.signal.aborted) return undefined
    if (this.#lines >= linesPerProcess) this.#end()
    this.#child ??= this.#start()
    this.#lines++
    const { printed, isWhole } = await this.#exchange(this.#child, line)
    if (isWhole) {
      this.#answers++
      if (/\bError:/.test(printed)) throw new NftError(`nft: ${printed.trim().slice(0, 4000)}`)
      return printed.trim()
    }
    this.#end()
    if (this.#answers > 0) throw new NftError(`nft ended: ${printed.trim().slice(0, 4000)}`)
    this.#isUnfit = true
    return undefined
  }

  #exchange(child: ChildProcessByStdio<Writable, Readable, null>, line: string): Promise<{ printed: string; isWhole: boolean }> {
    return new Promise((resolve) => {
      let text = ''
      const finish = (isWhole: boolean) => {
        timer.cancel()
        child.stdout.off('data', read)
        child.off('error', ended).off('close', ended)
        resolve({ printed: text.replace(answer, ''), isWhole })
      }
      const read = (chunk: string) => {
        text += chunk
        if (answer.test(text.slice(-200))) finish(true)
      }
      const ended = () => finish(false)
      const timer = this.#options.clock.after(patience, ended)
      child.stdout.on('data', read)
      child.on('error', ended).on('close', ended)
      if (child.exitCode !== null || child.signalCode !== null) return ended()
      child.stdin.write(`${line}\n${question}\n`)
    })
  }

  /** Errors in line with the rest of the output; and no file of remembered lines in anybody's home. */
  #start(): ChildProcessByStdio<Writable, Readable, null> {
    const { program = 'nft' } = this.#options
    const child = spawn('sh', ['-c', 'HOME=/dev/null exec "$0" -i 2>&1', program], { stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdout.setEncoding('utf8')
    child.stdin.on('error', () => {})
    child.on('error', () => {})
    return child
  }

  #end(): void {
    this.#child?.stdin.end()
    this.#child = undefined
    this.#lines = 0
  }
}
