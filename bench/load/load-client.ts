/** Clients in a process of their own: it asks as fast as it is answered, and tells how often and how long that took. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export interface Target {
  readonly port: number
  /** PEM. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface Load {
  readonly target: Target
  /** Bare TLS: a byte asks, and so many bytes are the answer. */
  readonly rawBytes?: number
  /** A GET, by a client that takes no time over the answer. */
  readonly plain?: boolean
  /** HTTP/2 connections, and requests under way on each. */
  readonly connections: number
  readonly streams: number
  readonly method?: string
  readonly path: string
  readonly contentType?: string
  /**
   * In path and body `@` stands for a number that is given once, `#` for the number of the client, of whom there are as many as streams, `$` for
   * the number of the request in its run.
   */
  readonly body?: string
}

export interface Round {
  readonly requests: number
  readonly seconds: number
  readonly bytes: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly worst: number
}

/** What the process is asked. */
export type Question =
  | { readonly type: 'open'; readonly id: number; readonly load: Load }
  /** Ends after so many milliseconds, or after so many requests. */
  | {
      readonly type: 'run'
      readonly id: number
      readonly milliseconds: number
      readonly requests?: number | undefined
      readonly perSecond?: number | undefined
    }

export interface OpenLoad {
  run(milliseconds: number, limits?: { readonly requests?: number; readonly perSecond?: number }): Promise<Round>
}

export class LoadProcess implements Disposable {
  #child: ChildProcess
  #opened = 0

  constructor() {
    this.#child = fork(new URL('./load-process.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: 'advanced',
    })
  }

  async open(load: Load): Promise<OpenLoad> {
    const id = this.#opened++
    await this.#ask({ type: 'open', id, load })
    return {
      run: async (milliseconds, { requests, perSecond } = {}) =>
        (await this.#ask({ type: 'run', id, milliseconds, requests, perSecond })) as Round,
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }

  async #ask(question: Question): Promise<unknown> {
    this.#child.send(question)
    for (;;) {
      const [answer] = (await once(this.#child, 'message')) as [{ id: number; result?: unknown; error?: string }]
      if (answer.id !== question.id) continue
      if (answer.error) throw new Error(answer.error)
      return answer.result
    }
  }
}
