/** The KMS plugins of one encryption configuration: asked for their state as long as it is in force (upstream `options/encryptionconfig`). */
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { joined } from '#store/encryption/encrypted-object.ts'
import { KmsProvider } from '#store/encryption/kms.ts'
import type { EncryptionMetrics } from './encryption-metrics.ts'
import { type KmsConfig, kmsSocket, kmsTimeout } from './kms-config.ts'
import { kmsPlugin } from './kms-plugin.ts'

export interface KmsParts {
  readonly clock: Clock
  readonly random: Random
  readonly metrics: EncryptionMetrics
  readonly onError: (error: unknown, doing: string) => void
}

/** Milliseconds from one look at a plugin to the next, when it is well and when it is not. */
const lookEvery = 60_000
const lookAgain = 10_000

export class KmsProviders {
  readonly #parts: KmsParts
  readonly #stop = new AbortController()
  readonly #providers: KmsProvider[] = []
  #timeouts = 0

  constructor(parts: KmsParts) {
    this.#parts = parts
  }

  get isUsed(): boolean {
    return this.#providers.length > 0
  }

  /** Milliseconds: twice what all plugins may take one after the other. */
  get grace(): number {
    return 2 * this.#timeouts
  }

  add(config: KmsConfig): KmsProvider {
    const { clock, random, metrics } = this.#parts
    const { name = '' } = config
    const timeout = kmsTimeout(config)
    const { signal } = this.#stop
    const service = kmsPlugin({
      ...{ socket: kmsSocket(config), timeout, clock, signal },
      onCall: (method, code, seconds) => metrics.called({ provider: name, method, code }, seconds),
    })
    const provider = new KmsProvider({ name, service, clock, random, observer: metrics.observer(name), signal })
    this.#providers.push(provider)
    this.#timeouts += timeout
    return provider
  }

  /** Resolves when each was asked once; those that did not answer are asked on. */
  async start(): Promise<void> {
    const first = this.#providers.map((provider) => this.#look(provider))
    await Promise.all(first)
    for (const [i, provider] of this.#providers.entries()) void this.#follow(provider, await (first[i] as Promise<boolean>))
  }

  /** What is wrong with one of them or several. */
  async check(): Promise<string | undefined> {
    const problems: string[] = []
    for (const [i, provider] of this.#providers.entries()) {
      const problem = await provider.check()
      if (problem !== undefined) problems.push(`kms-provider-${i}: ${problem}`)
    }
    return problems.length === 0 ? undefined : joined(problems)
  }

  close(): void {
    this.#stop.abort(new Error('the encryption configuration is no longer in force'))
  }

  async #look(provider: KmsProvider): Promise<boolean> {
    const problem = await provider.check()
    if (problem === undefined) return true
    if (!this.#stop.signal.aborted) this.#parts.onError(new Error(problem), `kms plugin ${provider.name}`)
    return false
  }

  async #follow(provider: KmsProvider, wasFine: boolean): Promise<void> {
    const { signal } = this.#stop
    let isFine = wasFine
    while (!signal.aborted) {
      const isOver = await sleep(this.#parts.clock, isFine ? lookEvery : lookAgain, signal).catch(() => true)
      if (isOver) return
      isFine = await this.#look(provider)
    }
  }
}
