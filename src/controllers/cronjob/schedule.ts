/** Times of a cron schedule, as the parser and the clock that upstream uses find them (robfig/cron v3, `ParseStandard`, `SpecSchedule.Next`). */
import { type CronFields, cronFields, scheduleProblem } from '#api/batch/v1/cron-schedule.ts'

export interface CronSchedule {
  /** The first time after `after`, both in milliseconds; undefined when there is none within five years. */
  next(after: number): number | undefined
}

/** Throws with the parser's words. `zone` is the CronJob's own, which a `TZ=` in the text outdoes; default UTC. */
export function parseSchedule(text: string, zone = 'UTC'): CronSchedule {
  const problem = scheduleProblem(text)
  if (problem) throw new Error(problem)
  const [, named, rest = text] = /^(?:CRON_)?TZ=([^ ]*) +(.*)$/s.exec(text) ?? []
  const clock = new ZoneClock(
    named === undefined || named === '' || named === 'Local' ? (named === undefined ? zone : 'UTC') : named,
  )
  const fields = descriptors[rest.trim()] ?? rest.trim()
  if (fields.startsWith('@every ')) return everySoOften(goMilliseconds(fields.slice('@every '.length)))
  return new SpecSchedule(cronFields(fields), clock)
}

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

/** Whole seconds, and one at least. */
function everySoOften(milliseconds: number): CronSchedule {
  const delay = Math.max(1000, Math.floor(milliseconds / 1000) * 1000)
  return { next: (after) => Math.floor(after / 1000) * 1000 + delay }
}

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

function goMilliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)]
  const sum = parts.reduce((total, [, amount, unit = '']) => total + Number(amount) * (units[unit] ?? 0), 0)
  return text.startsWith('-') ? -sum : sum
}

/** A time of day as a wall clock shows it. */
interface Wall {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
}

const minuteLength = 60_000
const hourLength = 60 * minuteLength

/** One time zone's wall clock. */
class ZoneClock {
  #format: Intl.DateTimeFormat | undefined

  constructor(zone: string) {
    if (zone === 'UTC' || zone === 'Etc/UTC') return
    const parts = {
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    } as const
    this.#format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', { ...parts, timeZone: zone, hourCycle: 'h23' })
  }

  /** Milliseconds that the wall clock is ahead of UTC. */
  offset(instant: number): number {
    if (!this.#format) return 0
    const shown: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(instant)) shown[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000
  }

  wallAt(instant: number): Wall {
    const date = new Date(instant + this.offset(instant))
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
    }
  }

  /** The midnight that a day begins with, as Go's `time.Date`: where there is none, what the offset after or before gives. */
  instantOf({ year, month, day }: { year: number; month: number; day: number }): number {
    const wanted = Date.UTC(year, month - 1, day)
    const guess = wanted - this.offset(wanted)
    const offset = this.offset(guess)
    return wanted - offset
  }
}

/** Fields as sets of numbers; a day matches by either of its fields where both are limited. */
type Fields = CronFields

class SpecSchedule implements CronSchedule {
  #fields: Fields
  #clock: ZoneClock

  constructor(fields: Fields, clock: ZoneClock) {
    this.#fields = fields
    this.#clock = clock
  }

  /** Goes up field by field, from month to minute, and begins again wherever one runs over. */
  next(after: number): number | undefined {
    const { months, hours, minutes } = this.#fields
    let instant = (Math.floor(after / 1000) + 1) * 1000
    const limit = this.#clock.wallAt(instant).year + 5
    for (let wall = this.#clock.wallAt(instant); wall.year <= limit; wall = this.#clock.wallAt(instant)) {
      if (!months.has(wall.month)) instant = this.#startOfMonth(wall)
      else if (!this.#matchesDay(wall)) instant = this.#startOfDay(wall)
      else if (!hours.has(wall.hour)) instant = this.#startOfHour(instant)
      else if (!minutes.has(wall.minute)) instant = startOf(instant, minuteLength)
      else if (instant % minuteLength !== 0) instant = startOf(instant, minuteLength)
      else return instant
    }
    return undefined
  }

  #startOfMonth({ year, month }: Wall): number {
    return this.#midnight(month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 })
  }

  #startOfDay({ year, month, day }: Wall): number {
    return this.#midnight({ year, month, day: day + 1 })
  }

  /** Where clocks are set forward at midnight, the day begins at one. */
  #midnight(day: { year: number; month: number; day: number }): number {
    const instant = this.#clock.instantOf(day)
    const { hour } = this.#clock.wallAt(instant)
    return hour > 12 ? instant + (24 - hour) * hourLength : instant
  }

  #startOfHour(instant: number): number {
    const offset = this.#clock.offset(instant)
    return startOf(instant + offset, hourLength) - offset
  }

  #matchesDay({ year, month, day }: Wall): boolean {
    const { days, weekdays, anyDay, anyWeekday } = this.#fields
    const inMonth = days.has(day)
    const inWeek = weekdays.has(new Date(Date.UTC(year, month - 1, day)).getUTCDay())
    return anyDay || anyWeekday ? inMonth && inWeek : inMonth || inWeek
  }
}

/** The first multiple of `length` after `instant`. */
function startOf(instant: number, length: number): number {
  return (Math.floor(instant / length) + 1) * length
}

/** RFC 3339 with the offset of the zone, whole seconds. */
export function zonedTime(instant: number, zone: string | undefined): string {
  const minutes = zone === undefined ? 0 : new ZoneClock(zone).offset(instant) / minuteLength
  const local = new Date(instant + minutes * minuteLength).toISOString().slice(0, 19)
  if (minutes === 0) return `${local}Z`
  const two = (number: number) => String(Math.trunc(number)).padStart(2, '0')
  return `${local}${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`
}
