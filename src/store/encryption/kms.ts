/**
 * Values whose key is kept by a KMS behind a plugin, version 2 (KEP-3299; upstream `envelope/kmsv2`, `options/encryptionconfig`).
 *
 * Guarantees: the plugin is asked once for a seed, and for each key that stored values need; every write has a key of its own, derived from
 * the seed. Whenever the plugin tells another key id there is a new seed, and what was written with the old one is stale. A plugin that
 * falls silent stops writes after three minutes, and reads only of what is sealed by keys that were not asked for yet.
 */
import { createHash } from 'node:crypto'
import { type Clock, formatTime, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { type DataKey, plainKey, type SeededKey, seededKey, seedSize } from './data-key.ts'
import {
  type Annotations,
  cacheKeyOf,
  checkEncryptedKey,
  decodeEncryptedObject,
  type EncryptedKey,
  type EncryptedObject,
  encodeEncryptedObject,
  joined,
  keyIdProblem,
  sourceTypes,
} from './encrypted-object.ts'
import type { Provider } from './providers.ts'

export interface KmsStatus {
  readonly version: string
  /** `ok`, or what is wrong. */
  readonly healthz: string
  readonly keyId: string
}

/** The plugin. Rejects with `KmsUnreachable` where another attempt may help. */
export interface KmsService {
  status(): Promise<KmsStatus>
  encrypt(plaintext: Uint8Array, uid: string): Promise<{ keyId: string; ciphertext: Uint8Array; annotations: Annotations }>
  decrypt(key: EncryptedKey, uid: string): Promise<Uint8Array>
}

/** Nothing was said about the key: the plugin does not answer. */
export class KmsUnreachable extends Error {}

/** Told of what is to be counted. */
export interface KmsObserver {
  keyUsed(direction: 'from_storage' | 'to_storage', keyId: string): void
  keyTold(keyId: string): void
  keyRefused(code: 'empty' | 'too_long'): void
  cached(count: number): void
  missed(): void
  seedMade(seconds: number): void
}

export interface KmsOptions {
  readonly name: string
  readonly service: KmsService
  readonly clock: Clock
  readonly random: Random
  readonly observer?: KmsObserver | undefined
  /** Ends those who wait for the plugin. */
  readonly signal: AbortSignal
}

/** What writes are sealed with. */
interface State extends EncryptedKey {
  readonly key: SeededKey
  readonly cacheKey: string
  /** No write after this instant. */
  readonly expires: number
}

const writesLast = 3 * 60_000
const failureLasts = 3_000
const successLasts = 20_000
const cachedFor = 24 * 3_600_000
const retryPause = 1_000
const noState = 'got unexpected nil transformer'

export class KmsProvider implements Provider {
  readonly name: string
  readonly prefix: string
  readonly #options: KmsOptions
  readonly #keys: KeyCache
  readonly #asked = new Map<string, Promise<void>>()
  #state: State | undefined
  #version = ''
  #checking: Promise<string | undefined> | undefined
  #looked: { readonly until: number; readonly problem: string | undefined } | undefined
  #last: { readonly sealed: Uint8Array; readonly object: EncryptedObject } | undefined

  constructor(options: KmsOptions) {
    this.name = options.name
    this.prefix = `k8s:enc:kms:v2:${options.name}:`
    this.#options = options
    this.#keys = new KeyCache(options)
  }

  seal(value: Uint8Array, context: string): Uint8Array {
    const { clock, observer } = this.#options
    const state = this.#state
    if (!state) throw new Error(noState)
    const now = clock.now()
    if (now > state.expires) throw new Error(expiredText(state, now))
    this.#keys.set(state.cacheKey, state.key)
    observer?.keyUsed('to_storage', state.keyId)
    return encodeEncryptedObject({ ...state, data: state.key.seal(value, context) })
  }

  open(sealed: Uint8Array, context: string): Uint8Array {
    const object = this.#read(sealed)
    const key = this.#keys.get(cacheKeyOf(object))
    if (!key) throw new Error('failed to decrypt DEK')
    this.#options.observer?.keyUsed('from_storage', object.keyId)
    return key.open(object.data, context)
  }

  isStale(sealed: Uint8Array): boolean {
    const { keyId, sourceType } = this.#read(sealed)
    return keyId !== this.#state?.keyId || sourceType !== this.#state.sourceType
  }

  /** Those who are told of changes cannot ask again, and hence wait for a plugin that does not answer: `isPatient`. */
  fetch(sealed: Uint8Array, isPatient: boolean): Promise<void> | undefined {
    let object: EncryptedObject
    try {
      object = this.#read(sealed)
    } catch {
      // `open` says why.
      return undefined
    }
    const cacheKey = cacheKeyOf(object)
    if (this.#state && this.#keys.get(cacheKey)) return undefined
    return isPatient ? this.#askPatiently(cacheKey, object) : this.#askOnce(cacheKey, object)
  }

  /** What is wrong with the plugin; asked anew when the last answer is old. */
  check(): Promise<string | undefined> {
    const now = this.#options.clock.monotonic()
    if (this.#looked && now < this.#looked.until) return Promise.resolve(this.#looked.problem)
    this.#checking ??= this.#look().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  #read(sealed: Uint8Array): EncryptedObject {
    if (this.#last?.sealed !== sealed) this.#last = { sealed, object: decodeEncryptedObject(sealed) }
    return this.#last.object
  }

  async #askPatiently(cacheKey: string, object: EncryptedObject): Promise<void> {
    const { clock, signal } = this.#options
    for (;;) {
      try {
        return await this.#askOnce(cacheKey, object)
      } catch (error) {
        if (!(error instanceof KmsUnreachable)) throw error
      }
      await sleep(clock, retryPause, signal)
    }
  }

  /** Those who ask for the same key at once share the answer. */
  #askOnce(cacheKey: string, object: EncryptedObject): Promise<void> {
    let asked = this.#asked.get(cacheKey)
    if (!asked) {
      asked = this.#ask(cacheKey, object).finally(() => this.#asked.delete(cacheKey))
      this.#asked.set(cacheKey, asked)
    }
    return asked
  }

  async #ask(cacheKey: string, object: EncryptedObject): Promise<void> {
    const { service, random, observer } = this.#options
    if (!this.#state) throw new KmsUnreachable(noState)
    if (this.#keys.get(cacheKey)) return
    observer?.missed()
    const plain = await service.decrypt(object, random.uuid()).catch((error: Error) => {
      const text = `failed to decrypt DEK, error: ${error.message}`
      throw error instanceof KmsUnreachable ? new KmsUnreachable(text, { cause: error }) : new Error(text, { cause: error })
    })
    this.#keys.set(cacheKey, object.sourceType === sourceTypes.seed ? seededKey(plain, random) : plainKey(plain))
  }

  async #look(): Promise<string | undefined> {
    const { clock } = this.#options
    const problem = await this.#problem()
    this.#looked = { until: clock.monotonic() + (problem === undefined ? successLasts : failureLasts), problem }
    return problem
  }

  async #problem(): Promise<string | undefined> {
    const { name, service } = this.#options
    let status: KmsStatus
    try {
      status = await service.status()
    } catch (error) {
      const why = (error as Error).message
      return `failed to perform status section of the healthz check for KMS Provider ${name}, error: ${why}`
    }
    const problems = [...this.#statusProblems(status), ...(await this.#keyProblems(status.keyId))]
    return problems.length === 0 ? undefined : `kmsv2 Provider ${name} is not healthy, error: ${joined(problems)}`
  }

  #statusProblems({ version, healthz }: KmsStatus): string[] {
    const problems = healthz === 'ok' ? [] : [`got unexpected healthz status: ${healthz}`]
    if (version !== 'v2' && version !== 'v2beta1') return [...problems, `expected KMSv2 API version v2, got ${version}`]
    this.#version ||= version
    if (this.#version === version) return problems
    const first = `KMSv2 API version should not change after the initial status response version ${this.#version}`
    return [...problems, `${first}, got ${version}`]
  }

  async #keyProblems(keyId: string): Promise<string[]> {
    const { observer } = this.#options
    const wrong = keyIdProblem(keyId)
    if (wrong) {
      observer?.keyRefused(wrong.code)
      return [`got invalid KMSv2 KeyID hash ${JSON.stringify(hashOf(keyId))}: ${wrong.text}`]
    }
    observer?.keyTold(keyId)
    const problem = await this.#rotate(keyId)
    return problem === undefined ? [] : [problem]
  }

  /** Time counts from before the plugin is asked, since it is the most that may pass. */
  async #rotate(statusKeyId: string): Promise<string | undefined> {
    const { clock, random } = this.#options
    const expires = clock.now() + writesLast
    const before = this.#state
    if (before?.keyId === statusKeyId) {
      this.#state = { ...before, expires }
      return undefined
    }
    const uid = random.uuid()
    let made: State | undefined
    let failure: Error | undefined
    try {
      made = await this.#makeState(uid, expires)
    } catch (error) {
      failure = error as Error
    }
    if (made?.keyId === statusKeyId) {
      this.#state = made
      return undefined
    }
    const errors = `errState=${before ? '<nil>' : noState}, errGen=${failure?.message ?? '<nil>'}`
    const hashes = [hashOf(statusKeyId), hashOf(made?.keyId ?? ''), hashOf(before?.keyId ?? '')].map((hash) =>
      JSON.stringify(hash),
    )
    const ids = `statusKeyIDHash=${hashes[0]}, encryptKeyIDHash=${hashes[1]}, stateKeyIDHash=${hashes[2]}`
    const end = before ? formatTime(before.expires) : '0001-01-01T00:00:00Z'
    return `failed to rotate DEK uid="${uid}", useSeed=true, ${errors}, ${ids}, expirationTimestamp=${end}`
  }

  async #makeState(uid: string, expires: number): Promise<State> {
    const { clock, random, service, observer } = this.#options
    const began = clock.monotonic()
    const seed = random.bytes(seedSize)
    observer?.seedMade((clock.monotonic() - began) / 1000)
    const { keyId, ciphertext, annotations } = await service.encrypt(seed, uid).catch((error: Error) => {
      throw new Error(`failed to encrypt DEK, error: ${error.message}`, { cause: error })
    })
    const encrypted = { keyId, source: ciphertext, sourceType: sourceTypes.seed, annotations }
    checkEncryptedKey(encrypted, Uint8Array.of(0))
    return { ...encrypted, key: seededKey(seed, random), cacheKey: cacheKeyOf(encrypted), expires }
  }
}

function expiredText({ keyId, expires }: State, now: number): string {
  const times = `expired at ${formatTime(expires)} (current time is ${formatTime(now)})`
  return `encryptedDEKSource with keyID hash ${JSON.stringify(hashOf(keyId))} ${times}`
}

/** Key ids are not shown. */
function hashOf(keyId: string): string {
  return keyId === '' ? '' : `sha256:${createHash('sha256').update(keyId).digest('hex')}`
}

/** Decrypted keys by what they are encrypted as. One that is old is used on until others are added: its value can be no other. */
class KeyCache {
  readonly #options: Pick<KmsOptions, 'clock' | 'observer'>
  readonly #entries = new Map<string, { readonly key: DataKey; readonly until: number }>()

  constructor(options: Pick<KmsOptions, 'clock' | 'observer'>) {
    this.#options = options
  }

  get(cacheKey: string): DataKey | undefined {
    return this.#entries.get(cacheKey)?.key
  }

  set(cacheKey: string, key: DataKey): void {
    const { clock, observer } = this.#options
    const now = clock.monotonic()
    this.#entries.delete(cacheKey)
    this.#entries.set(cacheKey, { key, until: now + cachedFor })
    for (const [known, { until }] of this.#entries) {
      if (until > now) break
      this.#entries.delete(known)
    }
    observer?.cached(this.#entries.size)
  }
}
