/** What is counted of encryption at rest, under upstream's names (`envelope/metrics`, `storage/value`, `encryptionconfig/metrics`). */

import { hashLabel } from '#apiserver/publish/hash-label.ts'
import { exponentialBounds, Instruments } from '#apiserver/publish/instruments.ts'
import type { Clock } from '#lib/clock.ts'
import { Recent } from '#lib/recent.ts'
import type { KmsObserver } from '#store/encryption/kms.ts'

export interface KmsCall {
  readonly provider: string
  readonly method: string
  /** gRPC's name of the result. */
  readonly code: string
}

export interface EncryptionMetrics {
  readonly instruments: Instruments
  observer(provider: string): KmsObserver
  called(call: KmsCall, seconds: number): void
  /** A configuration is in force now, for the first time or again. */
  inForce(text: string): void
  reloaded(isFine: boolean): void
}

/** As many key ids are told, those used last. */
const mostKeys = 100

export function encryptionMetrics(clock: Clock, identity: string): EncryptionMetrics {
  const all = new Instruments()
  const apiserver_id_hash = hashLabel(identity)
  const calls = all.histogram(
    'apiserver_envelope_encryption_kms_operations_latency_seconds',
    '[ALPHA] KMS operation duration with gRPC error code status total.',
    exponentialBounds(0.0001, 2, 20),
  )
  return {
    instruments: all,
    observer: observers(all, clock, apiserver_id_hash),
    called: ({ provider, method, code }, seconds) =>
      calls.observe({ grpc_status_code: code, method_name: method, provider_name: provider }, seconds),
    ...reloads(all, clock, apiserver_id_hash),
  }
}

interface Use {
  count: number
  at: number
}

function observers(all: Instruments, clock: Clock, apiserver_id_hash: string): (provider: string) => KmsObserver {
  const name = (rest: string) => `apiserver_envelope_encryption_${rest}`
  const used = new Labelled<Use>()
  const told = new Labelled<number>()
  const sizes = new Map<string, number>()
  all.gauge(
    name('dek_source_cache_size'),
    '[ALPHA] Number of records in data encryption key (DEK) source cache. On a restart, this value is an approximation of the number of decrypt RPC calls the server will make to the KMS plugin.',
    () => [...sizes].map(([provider_name, size]) => [{ provider_name }, size]),
  )
  const refused = all.counter(
    name('invalid_key_id_from_status_total'),
    '[ALPHA] Number of times an invalid keyID is returned by the Status RPC call split by error.',
  )
  all.gauge(name('key_id_hash_last_timestamp_seconds'), '[ALPHA] The last time in seconds when a keyID was used.', () =>
    used.all().map(([labels, { at }]) => [labels, at]),
  )
  all.gauge(
    name('key_id_hash_status_last_timestamp_seconds'),
    '[ALPHA] The last time in seconds when a keyID was returned by the Status RPC call.',
    () => told.all(),
  )
  all.counterOf(
    name('key_id_hash_total'),
    '[ALPHA] Number of times a keyID is used split by transformation type, provider, and apiserver identity.',
    () => used.all().map(([labels, { count }]) => [labels, count]),
  )
  const misses = all.counter(
    'apiserver_storage_envelope_transformation_cache_misses_total',
    '[ALPHA] Total number of cache misses while accessing key decryption key(KEK).',
  )
  const seeds = all.histogram(
    'apiserver_storage_data_key_generation_duration_seconds',
    '[ALPHA] Latencies in seconds of data encryption key(DEK) generation operations.',
    exponentialBounds(5e-6, 2, 14),
  )
  return (provider_name) => ({
    keyUsed(transformation_type, keyId) {
      const use = used.of(`${transformation_type} ${provider_name} ${keyId}`, () => [
        { transformation_type, provider_name, key_id_hash: hashLabel(keyId), apiserver_id_hash },
        { count: 0, at: 0 },
      ])
      use.value.count++
      use.value.at = clock.now() / 1000
    },
    keyTold(keyId) {
      const labels = () => ({ provider_name, key_id_hash: hashLabel(keyId), apiserver_id_hash })
      told.of(`${provider_name} ${keyId}`, () => [labels(), 0]).value = clock.now() / 1000
    },
    keyRefused: (error) => refused.add({ provider_name, error }),
    cached: (count) => void sizes.set(provider_name, count),
    missed: () => misses.add({}),
    seedMade: (seconds) => seeds.observe({}, seconds),
  })
}

type Labels = Readonly<Record<string, string>>

/** Values with their labels, found by a text that is cheaper to make. */
class Labelled<V> {
  readonly #recent = new Recent<{ readonly labels: Labels; value: V }>(mostKeys)

  of(key: string, make: () => readonly [Labels, V]): { value: V } {
    let found = this.#recent.get(key)
    if (!found) {
      const [labels, value] = make()
      this.#recent.set(key, (found = { labels, value }))
    }
    return found
  }

  all(): (readonly [Labels, V])[] {
    return this.#recent.values().map(({ labels, value }) => [labels, value] as const)
  }
}

function reloads(all: Instruments, clock: Clock, apiserver_id_hash: string): Pick<EncryptionMetrics, 'inForce' | 'reloaded'> {
  const name = (rest: string) => `apiserver_encryption_config_controller_${rest}`
  const times = new Map<string, number>()
  let hash = ''
  const total = all.counter(
    name('automatic_reloads_total'),
    '[ALPHA] Total number of reload successes and failures of encryption configuration split by apiserver identity.',
  )
  all.gauge(
    name('automatic_reload_last_timestamp_seconds'),
    '[ALPHA] Timestamp of the last successful or failed automatic reload of encryption configuration split by apiserver identity.',
    () => [...times].map(([status, at]) => [{ status, apiserver_id_hash }, at]),
  )
  all.gauge(
    name('last_config_info'),
    '[ALPHA] Information about the last applied encryption configuration with hash as label, split by apiserver identity.',
    () => [[{ apiserver_id_hash, hash }, 1]],
  )
  return {
    inForce: (text) => void (hash = hashLabel(text)),
    reloaded(isFine) {
      const status = isFine ? 'success' : 'failure'
      total.add({ status, apiserver_id_hash })
      times.set(status, clock.now() / 1000)
    },
  }
}
