/** The parts of timestamps, in UTC or in a time zone, and of durations. */
import { type Functions, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Duration, Int, Str, Timestamp } from '../type.ts'
import type { CelDuration, CelTimestamp } from '../value.ts'
import { floorDivide } from './conversions.ts'

type Part = (date: Date) => number

const day = 86_400_000

const parts: Readonly<Record<string, Part>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDayOfYear: (date) => Math.floor((date.getTime() - startOfYear(date)) / day),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDate: (date) => date.getUTCDate(),
  getDayOfWeek: (date) => date.getUTCDay(),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
}

const durations: Readonly<Record<string, bigint>> = {
  getHours: 3_600_000_000_000n,
  getMinutes: 60_000_000_000n,
  getSeconds: 1_000_000_000n,
  getMilliseconds: 1_000_000n,
}

export const times: Functions = Object.fromEntries(
  Object.entries(parts).map(([name, part]) => {
    const unit = durations[name]
    const overloads = [
      member(`timestamp_to_${name}`, [Timestamp], Int, ([time]) => BigInt(part(dateOf(time)))),
      member(`timestamp_to_${name}_with_tz`, [Timestamp, Str], Int, ([time, zone]) => BigInt(part(inZone(dateOf(time), zone)))),
    ]
    if (unit) overloads.push(member(`duration_to_${name}`, [Duration], Int, ([value]) => durationPart(name, value, unit)))
    return [name, overloads]
  }),
)

/** Milliseconds are those beyond the last second; everything else is the whole duration in that unit. */
function durationPart(name: string, { nanoseconds }: CelDuration, unit: bigint): bigint {
  return name === 'getMilliseconds' ? (nanoseconds / unit) % 1000n : nanoseconds / unit
}

function startOfYear(date: Date): number {
  const start = new Date(0)
  start.setUTCFullYear(date.getUTCFullYear(), 0, 1)
  return start.getTime()
}

function dateOf({ nanoseconds }: CelTimestamp): Date {
  return new Date(Number(floorDivide(nanoseconds, 1_000_000n)))
}

/** A date whose UTC parts are those of the zone. */
function inZone(date: Date, zone: string): Date {
  const fixed = /^([+-]?)(\d\d):(\d\d)$/.exec(zone)
  if (fixed) {
    const [hours, minutes] = [Number(fixed[2]), Number(fixed[3])]
    if (minutes > 59) throw new CelFailure(`invalid timezone: ${zone}`)
    return new Date(date.getTime() + (fixed[1] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000)
  }
  return new Date(date.getTime() + zoneOffset(date, zone))
}

function zoneOffset(date: Date, zone: string): number {
  if (zone === '' || zone === 'UTC') return 0
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  } catch {
    throw new CelFailure(`unknown time zone ${zone}`)
  }
  const name = format.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT'
  const [, sign, hours, minutes, seconds] = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name) ?? []
  const size = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)
  return (sign === '-' ? -1 : 1) * size * 1000
}
