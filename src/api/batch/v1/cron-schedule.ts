/** Cron schedules as the parser that upstream uses reads them (robfig/cron, `ParseStandard`), and what it says of broken ones. */
import { isTimeZone } from '#api/batch/v1/time-zone.ts'

interface Bounds {
  readonly min: number
  readonly max: number
  readonly names: readonly string[]
}

const months = ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const fields: readonly Bounds[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
]
const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']
const goDuration = /^[+-]?(?:0|(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*)$/

/** Undefined where the schedule is fine. */
export function scheduleProblem(schedule: string): string | undefined {
  let text = schedule
  const zone = /^(?:CRON_)?TZ=([^ ]*)(.*)$/s.exec(text)
  if (zone) {
    const [, name = '', rest = ''] = zone
    if (name !== '' && name !== 'UTC' && name !== 'Local' && !isTimeZone(name)) {
      return `provided bad location ${name}: unknown time zone ${name}`
    }
    text = rest.trim()
  }
  if (text === '') return 'empty spec string'
  if (text.startsWith('@')) return descriptorProblem(text)
  const parts = text.trim().split(/\s+/).filter(Boolean)
  if (parts.length !== fields.length) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`
  for (const [index, part] of parts.entries()) {
    for (const range of part.split(',').filter(Boolean)) {
      const problem = rangeProblem(range, fields[index]!)
      if (problem) return problem
    }
  }
  return undefined
}

export interface CronFields {
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly days: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  readonly weekdays: ReadonlySet<number>
  /** The field is a star or a question mark: then the other one of the two decides. */
  readonly anyDay: boolean
  readonly anyWeekday: boolean
}

/** The values of the five fields of a schedule that has no problem. */
export function cronFields(text: string): CronFields {
  const parts = text.trim().split(/\s+/)
  const [minutes, hours, days, months, weekdays] = parts.map((part, index) => valuesOf(part, fields[index]!))
  const isAny = (part = '') => part.split(',').some((range) => /^[*?](?:-[^/]*)?(?:\/0*1)?$/.test(range))
  return {
    minutes: minutes!,
    hours: hours!,
    days: days!,
    months: months!,
    weekdays: weekdays!,
    anyDay: isAny(parts[2]),
    anyWeekday: isAny(parts[4]),
  }
}

function valuesOf(part: string, { min, max, names }: Bounds): Set<number> {
  const values = new Set<number>()
  for (const range of part.split(',').filter(Boolean)) {
    const [span = '', stepText] = range.split('/')
    const [lowText = '', highText] = span.split('-')
    const isStar = lowText === '*' || lowText === '?'
    const low = isStar ? min : Number(numberOf(lowText, names, range))
    const alone = highText === undefined && !isStar
    const high = isStar || (alone && stepText !== undefined) ? max : alone ? low : Number(numberOf(highText ?? '', names, range))
    for (let value = low; value <= high; value += Number(stepText ?? 1)) values.add(value)
  }
  return values
}

function descriptorProblem(text: string): string | undefined {
  if (descriptors.includes(text)) return undefined
  if (!text.startsWith('@every ')) return `unrecognized descriptor: ${text}`
  const length = text.slice('@every '.length)
  if (goDuration.test(length)) return undefined
  return `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(length)}`
}

function rangeProblem(expression: string, { min, max, names }: Bounds): string | undefined {
  const [span = '', stepText, ...moreSteps] = expression.split('/')
  const [lowText = '', highText, ...moreHighs] = span.split('-')
  const isStar = lowText === '*' || lowText === '?'
  const low = isStar ? min : numberOf(lowText, names, expression)
  if (typeof low === 'string') return low
  let high: number | string = isStar ? max : low
  if (!isStar) {
    if (moreHighs.length > 0) return `too many hyphens: ${expression}`
    if (highText !== undefined) high = numberOf(highText, names, expression)
  }
  if (typeof high === 'string') return high
  if (moreSteps.length > 0) return `too many slashes: ${expression}`
  const step = stepText === undefined ? 1 : numberOf(stepText, [], expression)
  if (typeof step === 'string') return step
  // `N/step` means from N to the end.
  if (stepText !== undefined && highText === undefined) high = max
  if (low < min) return `beginning of range (${low}) below minimum (${min}): ${expression}`
  if (high > max) return `end of range (${high}) above maximum (${max}): ${expression}`
  if (low > high) return `beginning of range (${low}) beyond end of range (${high}): ${expression}`
  return step === 0 ? `step of range should be a positive number: ${expression}` : undefined
}

function numberOf(text: string, names: readonly string[], expression: string): number | string {
  const named = text === '' ? -1 : names.indexOf(text.toLowerCase())
  if (named >= 0) return named
  if (!/^[+-]?\d+$/.test(text)) {
    return `failed to parse int from ${expression}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`
  }
  const number = Number(text)
  return number < 0 ? `negative number (${number}) not allowed: ${expression}` : number
}
