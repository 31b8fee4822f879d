/** The encryption configuration of a running server: read at the start, and again whenever its file changes. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { apiserverId } from '#apiserver/identity-lease.ts'
import type { HealthCheck } from '#apiserver/publish/health.ts'
import type { Instruments } from '#apiserver/publish/instruments.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { ProvidersOf } from '#store/encryption/encrypted-store.ts'
import { findUnreadable, type Unreadable, unreadableOf } from '#store/encryption/find-unreadable.ts'
import { KmsUnreachable } from '#store/encryption/kms.ts'
import { identity } from '#store/encryption/providers.ts'
import type { History } from '#store/history.ts'
import type { Store } from '#store/store.ts'
import { parseEncryptionConfig } from './encryption-config.ts'
import type { EncryptionMetrics } from './encryption-metrics.ts'
import type { KmsProviders } from './kms-providers.ts'
import type { Log } from './log.ts'
import { StoreProblem } from './store-problem.ts'

export interface EncryptionOptions {
  /** Of the file; undefined: nothing is encrypted. */
  readonly path: string | undefined
  /** Below the encryption. */
  readonly raw: Store
  /** What it holds under keys that are gone is told, and no reason to refuse them. */
  readonly history: Pick<History, 'sealed'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  /** Whether the file is followed; default: it is. */
  readonly reloads?: boolean
}

export interface Encryption {
  readonly providersOf: ProvidersOf
  readonly checks: readonly HealthCheck[]
  readonly instruments: Instruments
}

const lookEvery = 10_000

/**
 * A start with a file that is wrong fails, and so does one without a key that stored values need: `StoreProblem`. A later one is told
 * of, and the keys of before stay.
 */
export async function openEncryption(options: EncryptionOptions): Promise<Encryption | undefined> {
  const { path, raw, clock, log, signal, reloads = true } = options
  if (path === undefined) {
    await assertReadable(raw, () => [identity], path)
    return undefined
  }
  const { encryptionMetrics } = await import('./encryption-metrics.ts')
  const metrics = encryptionMetrics(clock, apiserverId(hostname()))
  const text = readFileSync(path, 'utf8')
  let loaded = await load(text, options, metrics)
  signal.addEventListener('abort', () => loaded.kms.close(), { once: true })
  const tellOfHistory = () => tellSealed(options, loaded.providersOf).catch((error) => log.error('history', error))
  void tellOfHistory()
  const take = async (next: Loaded) => {
    const former = loaded.kms
    loaded = next
    clock.after(former.grace, () => former.close())
    log.info(`encryption keys were read again from ${path}`)
    await tellOfHistory()
  }
  if (reloads) follow(text, options, { metrics, take })
  return {
    providersOf: (key) => loaded.providersOf(key),
    instruments: metrics.instruments,
    checks:
      reloads || loaded.kms.isUsed
        ? [{ name: 'kms-providers', for: ['healthz', 'readyz'], check: () => loaded.kms.check() }]
        : [],
  }
}

/** What one text makes. */
interface Loaded {
  readonly providersOf: ProvidersOf
  readonly kms: KmsProviders
}

async function load(text: string, options: EncryptionOptions, metrics: EncryptionMetrics, mustBeWell = false): Promise<Loaded> {
  const { path, raw, clock, random, log } = options
  const { KmsProviders } = await import('./kms-providers.ts')
  const kms = new KmsProviders({ clock, random, metrics, onError: (error, doing) => log.error(doing, error) })
  try {
    const providersOf = parseEncryptionConfig(text, random, (config) => kms.add(config))
    await kms.start()
    if (mustBeWell) await assertWell(kms, clock)
    await assertReadable(raw, providersOf, path)
    metrics.inForce(text)
    return { providersOf, kms }
  } catch (error) {
    kms.close()
    throw error
  }
}

const leastPatience = 10_000
const askEvery = 100

/** New plugins take the place of others only when they work. */
async function assertWell(kms: KmsProviders, clock: Clock): Promise<void> {
  const until = clock.monotonic() + Math.max(leastPatience, kms.grace)
  for (;;) {
    const problem = await kms.check()
    if (problem === undefined) return
    if (clock.monotonic() >= until) {
      throw new Error(`health check for new transformers failed, polling error timed out waiting for the condition: ${problem}`)
    }
    await sleep(clock, askEvery)
  }
}

interface Following {
  readonly metrics: EncryptionMetrics
  readonly take: (loaded: Loaded) => Promise<void>
}

/** What cannot be used is tried again: a plugin may come up, and a file may be written in pieces. */
function follow(first: string, options: EncryptionOptions, { metrics, take }: Following): void {
  const { path = '', clock, log, signal } = options
  let text = first
  const look = async () => {
    if (signal.aborted) return
    try {
      const found = readFileSync(path, 'utf8')
      if (found !== text) {
        await take(await load(found, options, metrics, true))
        text = found
        metrics.reloaded(true)
      }
    } catch (error) {
      metrics.reloaded(false)
      if (!signal.aborted) log.error(`reading ${path}; the keys of before are used on`, error)
    }
    schedule()
  }
  const schedule = () => {
    if (signal.aborted) return
    const timer = clock.after(lookEvery, () => {
      signal.removeEventListener('abort', cancel)
      void look()
    })
    const cancel = () => timer.cancel()
    signal.addEventListener('abort', cancel, { once: true })
  }
  schedule()
}

/** Throws `StoreProblem` where values are stored that nobody could read. */
async function assertReadable(raw: Store, providersOf: ProvidersOf, path: string | undefined): Promise<void> {
  const found = await findUnreadable(raw, providersOf).catch((error) => refuse(error, path))
  if (found.length === 0) return
  const head = path
    ? `${path} does not open all that is stored, so these keys are not used:`
    : 'Values are stored encrypted, and no encryption configuration is given:'
  const next = path
    ? [
        `$EDITOR ${path}    and put back what is missing, behind the key that is to write`,
        'kubectl get secrets -A -o json | kubectl replace -f -    writes all anew with the first key; then the other may go',
      ]
    : ['nami up --encryption-provider-config FILE    with the keys that wrote them']
  throw new StoreProblem([head, ...found.map(lineOf)].join('\n'), next)
}

function refuse(error: unknown, path: string | undefined): never {
  if (!(error instanceof KmsUnreachable)) throw error
  const head = `The KMS plugin that ${path} names does not answer, and values are stored that nobody else opens:`
  const next = [`grep -A4 kms: ${path}    tells its socket; start it, and the server comes up`]
  throw new StoreProblem(`${head}\n  ${error.message}`, next, { cause: error })
}

/** What was before can be undone, or looked at, only with the key of then: whoever lets it go shall know. */
async function tellSealed({ history, path, log }: EncryptionOptions, providersOf: ProvidersOf): Promise<void> {
  const found = await unreadableOf(await history.sealed(), providersOf)
  const keys = new Set(found.map(({ prefix }) => (prefix ? prefix.replace(/:$/, '') : 'not encrypted ("identity" is missing)')))
  if (keys.size === 0) return
  const message = `${path} does not open values in the history, which cannot be shown or put back: ${[...keys].join(', ')}`
  log.error('encryption', new HistorySealed(message))
}

class HistorySealed extends Error {
  override name = 'HistorySealed'
}

function lineOf({ prefix, count, key }: Unreadable): string {
  const values = count === 1 ? `1 value, at ${key}` : `${count} values, one of them at ${key}`
  return prefix ? `  ${prefix.replace(/:$/, '')}: ${values}` : `  not encrypted ("identity" is missing): ${values}`
}
