/** Answers exchanges from beginning to end, and knows what is under way. */
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { then } from '#lib/soon.ts'
import { StatusError } from '#schema/status-error.ts'
import { anonymous } from '../authn/anonymous.ts'
import { asStatus } from '../pipeline.ts'
import type { RequestMetrics } from '../publish/metrics.ts'
import type { Request, Response } from '../request.ts'
import type { ApiServer } from '../server.ts'
import type { Exchange } from './exchange.ts'
import { refuse, type SendContext, send } from './send.ts'
import type { Endable } from './send-watch.ts'
import { isProbe, sendAwaySome, turnAway } from './turn-away.ts'

export interface ServiceOptions {
  readonly clock: Clock
  readonly random: Random
  readonly goawayChance?: number
  readonly sendsStrangersAway?: boolean
  /** Headers for browsers; answers what is theirs alone itself, and undefined then. */
  readonly forBrowsers?: ((exchange: Exchange) => Exchange | undefined) | undefined
  readonly metrics?: RequestMetrics
  readonly onError?: (error: unknown) => void
}

export class Service {
  readonly #server: ApiServer
  readonly #options: ServiceOptions
  readonly #watches = new Set<Endable>()
  readonly #context: SendContext
  readonly #underWay = new UnderWay()
  readonly #goawayChance: number
  readonly #sendsStrangersAway: boolean
  #turnsAway = false

  constructor(server: ApiServer, options: ServiceOptions) {
    this.#server = server
    this.#options = options
    this.#goawayChance = options.goawayChance ?? 0
    this.#sendsStrangersAway = options.sendsStrangersAway ?? false
    this.#context = { clock: options.clock, watches: this.#watches, onError: options.onError }
  }

  serve(arrived: Exchange): void {
    const { forBrowsers } = this.#options
    const exchange = forBrowsers ? forBrowsers(arrived) : arrived
    if (!exchange) return
    const { request } = exchange
    if (this.#turnsAway && !isProbe(request)) return turnAway(exchange)
    if (this.#goawayChance > 0) sendAwaySome(exchange, this.#goawayChance, this.#options.random)
    const { metrics } = this.#options
    const end = metrics?.begin(request)
    let answer: Response | undefined
    let lasts = false
    this.#underWay.count++
    const done = () => {
      if (!lasts) this.#underWay.done()
      end?.(answer, exchange.sent)
    }
    try {
      const sent = then(this.#server.handle(request), (response) => {
        answer = response
        if (this.#sendsStrangersAway && exchange.isShared && isStranger(request, response)) exchange.leave()
        if (response.type === 'watch' || response.type === 'upgraded') {
          lasts = true
          this.#underWay.done()
          const watched = metrics?.lasts(request)
          if (watched && response.type === 'watch') return send(exchange, response, { ...this.#context, watched })
        }
        return send(exchange, response, this.#context)
      })
      if (sent instanceof Promise) return void sent.catch((error) => this.#fail(exchange, error)).finally(done)
    } catch (error) {
      this.#fail(exchange, error)
    }
    done()
  }

  /** Requests are answered 429 from now on, but for probes; resolves when those under way are done, or `signal` is aborted. */
  turnAway(signal: AbortSignal): Promise<void> {
    this.#turnsAway = true
    return this.answered(signal)
  }

  /** Resolves when nothing is under way but what lasts, or `signal` is aborted. */
  answered(signal: AbortSignal): Promise<void> {
    return this.#underWay.none(signal)
  }

  endWatches(within = 0): Promise<void> {
    return endOneByOne(this.#watches, within, this.#options.clock)
  }

  #fail(exchange: Exchange, error: unknown): void {
    if (exchange.request.signal.aborted) return
    // What the client is to blame for is told to the client alone.
    if (!(error instanceof StatusError) || error.code >= 500) this.#options.onError?.(error)
    refuse(exchange, asStatus(error).toStatus())
  }
}

/**
 * Who comes without a name, or with one that is not believed, gets a session for one answer only: HTTP/2 makes it cheap to ask
 * for much (CVE-2023-44487, upstream's gate UnauthenticatedHTTP2DOSMitigation).
 */
function isStranger({ user }: Request, response: Response): boolean {
  if (user.name === '') return 'status' in response && response.status === 401
  return user.name === anonymous.name || user.groups.includes('system:unauthenticated')
}

/** Requests that are being answered, without those that last. */
class UnderWay {
  count = 0
  #whenNone: (() => void) | undefined

  done(): void {
    if (--this.count === 0) this.#whenNone?.()
  }

  none(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#whenNone = resolve
      if (this.count === 0 || signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}

/** Evenly spread, so that not all of their clients come back in one moment. */
async function endOneByOne(watches: ReadonlySet<Endable>, within: number, clock: Clock): Promise<void> {
  const all = [...watches]
  const began = clock.monotonic()
  for (const [i, watch] of all.entries()) {
    const wait = began + (within * i) / all.length - clock.monotonic()
    if (wait > 0) await sleep(clock, wait)
    watch.end()
  }
}
