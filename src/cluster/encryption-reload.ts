/** The encryption configuration of a running server: read at the start, and again whenever its file changes. */
import { readFileSync } from 'node:fs'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { ProvidersOf } from '#store/encryption/encrypted-store.ts'
import { parseEncryptionConfig } from './encryption-config.ts'
import type { Log } from './log.ts'

export interface EncryptionOptions {
  /** Of the file; undefined: nothing is encrypted. */
  readonly path: string | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}

const lookEvery = 10_000

/** A start with a file that is wrong fails; a later one is told of, and the keys of before stay. */
export function openEncryption({ path, clock, random, log, signal }: EncryptionOptions): ProvidersOf | undefined {
  if (path === undefined) return undefined
  let text = readFileSync(path, 'utf8')
  let providersOf = parseEncryptionConfig(text, random)
  const look = () => {
    if (signal.aborted) return
    try {
      const found = readFileSync(path, 'utf8')
      if (found !== text) {
        providersOf = parseEncryptionConfig(found, random)
        log.info(`encryption keys were read again from ${path}`)
      }
      text = found
    } catch (error) {
      log.error(`reading ${path}`, error)
    }
    schedule()
  }
  const schedule = () => {
    const timer = clock.after(lookEvery, () => {
      signal.removeEventListener('abort', cancel)
      look()
    })
    const cancel = () => timer.cancel()
    signal.addEventListener('abort', cancel, { once: true })
  }
  schedule()
  return (key) => providersOf(key)
}
