/** Values of CEL as JSON: what an expression built, for those who store or send it. */
import { Buffer } from 'node:buffer'
import { formatDuration } from '../go-time.ts'
import { CelFailure } from './errors.ts'
import { timestampText } from './library/conversions.ts'
import {
  CelDuration,
  CelList,
  CelMap,
  CelOptional,
  CelTimestamp,
  CelUint,
  JsonList,
  JsonMap,
  type Meter,
  typeName,
} from './value.ts'

/** A copy where the expression made it; what came in as JSON goes out as it is. Integers beyond 53 bits stay bigint. */
export function toJson(value: unknown, meter: Meter): unknown {
  meter.charge(0.1)
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value
  if (typeof value === 'bigint') return safe(value)
  if (value instanceof CelUint) return safe(value.value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof JsonList || value instanceof JsonMap) return value.json
  if (value instanceof CelList) return [...value].map((one) => toJson(one, meter))
  if (value instanceof CelMap) return mapToJson(value, meter)
  if (value instanceof CelTimestamp) return timestampText(value)
  if (value instanceof CelDuration) return formatDuration(value.nanoseconds)
  if (value instanceof CelOptional && value.value !== undefined) return toJson(value.value, meter)
  throw new CelFailure(`unsupported conversion from '${typeName(value)}' to JSON`)
}

function safe(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function mapToJson(map: CelMap, meter: Meter): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const [key, value] of map.entries()) {
    const name = key instanceof CelUint ? String(key.value) : String(key)
    // Defined, not assigned: a key may be called __proto__.
    Object.defineProperty(object, name, { value: toJson(value, meter), enumerable: true, configurable: true, writable: true })
  }
  return object
}
