/** The encryption configuration of a running server: read at the start, and again whenever its file changes. */
import { readFileSync } from 'node:fs'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { ProvidersOf } from '#store/encryption/encrypted-store.ts'
import { findUnreadable, type Unreadable } from '#store/encryption/find-unreadable.ts'
import { identity } from '#store/encryption/providers.ts'
import type { Store } from '#store/store.ts'
import { parseEncryptionConfig } from './encryption-config.ts'
import type { Log } from './log.ts'
import { StoreProblem } from './store-problem.ts'

export interface EncryptionOptions {
  /** Of the file; undefined: nothing is encrypted. */
  readonly path: string | undefined
  /** Below the encryption. */
  readonly raw: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}

const lookEvery = 10_000

/**
 * A start with a file that is wrong fails, and so does one without a key that stored values need: `StoreProblem`. A later one is told
 * of, and the keys of before stay.
 */
export async function openEncryption(options: EncryptionOptions): Promise<ProvidersOf | undefined> {
  const { path, raw, clock, random, log, signal } = options
  if (path === undefined) {
    await assertReadable(raw, () => [identity], path)
    return undefined
  }
  let text = readFileSync(path, 'utf8')
  let providersOf = parseEncryptionConfig(text, random)
  await assertReadable(raw, providersOf, path)
  const look = async () => {
    if (signal.aborted) return
    try {
      const found = readFileSync(path, 'utf8')
      const isNew = found !== text
      text = found
      if (isNew) {
        const parsed = parseEncryptionConfig(found, random)
        await assertReadable(raw, parsed, path)
        providersOf = parsed
        log.info(`encryption keys were read again from ${path}`)
      }
    } catch (error) {
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
  return (key) => providersOf(key)
}

/** Throws `StoreProblem` where values are stored that nobody could read. */
async function assertReadable(raw: Store, providersOf: ProvidersOf, path: string | undefined): Promise<void> {
  const found = await findUnreadable(raw, providersOf)
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

function lineOf({ prefix, count, key }: Unreadable): string {
  const values = count === 1 ? `1 value, at ${key}` : `${count} values, one of them at ${key}`
  return prefix ? `  ${prefix.replace(/:$/, '')}: ${values}` : `  not encrypted ("identity" is missing): ${values}`
}
