/** Checksums of the sqlite engine's rows, and of all of them together: what SQLite hands back is believed only if they agree. */
import { crc32 } from 'node:zlib'

/** Everything that a row of the log says, apart from its checksums. */
export interface SummedRow {
  readonly id: number
  readonly revision: number
  readonly sub: number
  readonly key: string
  readonly deleted: number
  readonly created: number
  readonly version: number
  readonly lease: number
  readonly value: Uint8Array
  readonly user: string
  readonly time: number
  readonly request: string
}

/** A row that was changed behind our back, by a bit or by a byte, has another one. */
export function checksumOf(row: SummedRow): number {
  const { id, revision, sub, deleted, created, version, lease, time } = row
  const numbers = `${id} ${revision} ${sub} ${deleted} ${created} ${version} ${lease} ${time}`
  return crc32(row.value, crc32(`${numbers}\0${row.user}\0${row.request}\0${row.key}`))
}

/**
 * Sums of checksums are kept modulo this. `total` of a row is the sum of all rows ever written up to it; what has left the log is
 * summed up in `meta`. A page that the disk gives back in an older state changes the difference, though each row on it is sound.
 */
const modulus = 2 ** 48

export function addSum(total: number, checksum: number): number {
  return (total + checksum) % modulus
}

export function takeSum(total: number, checksum: number): number {
  return (total - checksum + modulus) % modulus
}
