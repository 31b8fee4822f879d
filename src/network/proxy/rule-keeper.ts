/**
 * Keeps the kernel's rules as they are wanted.
 *
 * Guarantees: changes that come while rules are being loaded are taken together in the next load. When a load fails the whole ruleset is loaded
 * anew, with back-off, until it is taken; so is one that somebody else has flushed or cut, found out by counting now and then.
 */
import { type Clock, sleep } from '#lib/clock.ts'
import { baseRuleset, table } from './base-ruleset.ts'
import type { RunNft } from './nft.ts'
import { difference, type NodeAddresses, noParts, type Parts, partsOf } from './ruleset.ts'
import type { ServicePort } from './service-ports.ts'

export interface RuleKeeperOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly addresses: NodeAddresses
  readonly nft: RunNft
  readonly onError: (error: unknown) => void
  /** What is wanted now. */
  readonly wanted: () => Iterable<ServicePort>
}

const firstPause = 100
const longestPause = 30_000
const checkEvery = 10_000
/** Looking through many rules takes time, of which this part at most is given to it. */
const checkShare = 1 / 200

export class RuleKeeper {
  readonly #options: RuleKeeperOptions
  #loaded: Parts | undefined
  #known = new WeakMap<ServicePort, Parts>()
  #isLoading = false
  #isStale = true
  #isStarted = false
  #untrusted = ''

  constructor(options: RuleKeeperOptions) {
    this.#options = options
  }

  /** Something that `wanted` answers has changed. */
  request(): void {
    this.#isStale = true
    if (this.#isStarted && !this.#isLoading) void this.#untilCurrent()
  }

  /** Resolves when the rules are loaded. Nothing is before. */
  async start(): Promise<void> {
    this.#isStarted = true
    await this.#untilCurrent()
    void this.#watch()
  }

  async #untilCurrent(): Promise<void> {
    const { signal, clock, onError } = this.#options
    this.#isLoading = true
    let pause = firstPause
    while (this.#isStale && !signal.aborted) {
      this.#isStale = false
      try {
        await this.#load()
        pause = firstPause
      } catch (error) {
        onError(error)
        this.#isStale = true
        await sleep(clock, pause, signal).catch(() => {})
        pause = Math.min(pause * 2, longestPause)
      }
    }
    this.#isLoading = false
  }

  async #load(): Promise<void> {
    const { wanted, addresses, nft } = this.#options
    const next = partsOf(wanted(), addresses, this.#known)
    const before = this.#loaded
    const script = before ? difference(before, next) : baseRuleset(addresses) + difference(noParts, next)
    if (script === '') return
    this.#loaded = undefined
    await nft(script)
    this.#loaded = next
  }

  async #watch(): Promise<void> {
    const { clock, signal } = this.#options
    let pause = checkEvery
    while (!signal.aborted) {
      await sleep(clock, pause, signal).catch(() => {})
      const began = clock.monotonic()
      if (!signal.aborted) await this.#check()
      pause = Math.max(checkEvery, (clock.monotonic() - began) / checkShare)
    }
  }

  /** Where loading anew does not change what is counted, that count is not to be trusted. */
  async #check(): Promise<void> {
    const strange = await this.#strangeCount()
    if (strange === undefined || strange === this.#untrusted) return
    this.#options.onError(new Error(`the rules of table ip ${table} were changed by somebody else and are loaded anew`))
    this.#loaded = undefined
    this.#isStale = true
    await this.#untilCurrent()
    this.#untrusted = (await this.#strangeCount()) === strange ? strange : ''
  }

  /** What is counted in the kernel where it is not what was loaded. */
  async #strangeCount(): Promise<string | undefined> {
    const expected = this.#loaded
    if (!expected || this.#isLoading) return undefined
    const printed = await this.#options.nft(`list table ip ${table}`).catch(() => '')
    if (this.#loaded !== expected || this.#isLoading) return undefined
    const counted = textOf(count(printed))
    return counted === textOf(expectedCount(expected, this.#options.addresses)) ? undefined : counted
  }
}

interface Count {
  readonly chains: number
  readonly rules: number
  readonly elements: number
}

const textOf = ({ chains, rules, elements }: Count) => `${chains} ${rules} ${elements}`

/** How many chains, rules and elements of verdict maps there are, in a script or in what nft lists. */
export function count(text: string): Count {
  let chains = 0
  let rules = 0
  let elements = 0
  let block = ''
  for (const line of text.split('\n').map((one) => one.trim())) {
    const [, kind = ''] = /^(chain|map|set|table)\b.*\{/.exec(line) ?? []
    if (kind) {
      block = kind
      if (kind === 'chain') chains++
    } else if (line === '}') block = ''
    else if (block === 'chain' && line !== '' && !line.startsWith('type ')) rules++
    else if (block === 'map') elements += line.match(/ : (goto \S|drop)/g)?.length ?? 0
  }
  return { chains, rules, elements }
}

export function expectedCount({ chains, elements }: Parts, addresses: NodeAddresses): Count {
  const base = count(baseRuleset(addresses))
  const rules = [...chains.values()].reduce((sum, { length }) => sum + length, 0)
  const verdicts = [...elements.values()].filter(Boolean).length
  return { chains: base.chains + chains.size, rules: base.rules + rules, elements: base.elements + verdicts }
}
