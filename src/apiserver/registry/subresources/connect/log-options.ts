/** `PodLogOptions`: what part of a container's log is asked for. */
import { type FieldError, root } from '#schema/field-error.ts'
import { badRequest, invalid } from '#schema/status-error.ts'
import { isTrue } from '../../../request-info.ts'

export interface LogOptions {
  /** '' where the pod's only one is meant. */
  readonly container: string
  readonly follow: boolean
  /** As the node's agent reads them. */
  readonly query: URLSearchParams
}

const streams = ['Stdout', 'Stderr', 'All']
/** Upstream's `NewPath("")`, which reads so. */
const nowhere = root.key('')
const flags = ['follow', 'previous', 'timestamps'] as const

/** Throws upstream's texts (`ValidatePodLogOptions`). */
export function parseLogOptions(given: URLSearchParams, podName: string): LogOptions {
  const numbers = {
    sinceSeconds: integer(given.get('sinceSeconds')),
    tailLines: integer(given.get('tailLines')),
    limitBytes: integer(given.get('limitBytes')),
  }
  const sinceTime = time(given.get('sinceTime'))
  const stream = given.get('stream')
  const errors = check({ ...numbers, sinceTime, stream })
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, podName, errors)
  const query = new URLSearchParams()
  for (const flag of flags) if (isTrue(given.get(flag))) query.set(flag, 'true')
  for (const [name, value] of Object.entries(numbers)) if (value !== undefined) query.set(name, String(value))
  if (sinceTime) query.set('sinceTime', sinceTime)
  if (stream && stream !== 'All') query.set('stream', stream)
  return { container: given.get('container') ?? '', follow: query.has('follow'), query }
}

interface Parsed {
  readonly sinceSeconds: number | undefined
  readonly tailLines: number | undefined
  readonly limitBytes: number | undefined
  readonly sinceTime: string | undefined
  readonly stream: string | null
}

function check({ sinceSeconds, tailLines, limitBytes, sinceTime, stream }: Parsed): FieldError[] {
  const errors: FieldError[] = []
  const positive = 'must be greater than 0'
  if (tailLines !== undefined && tailLines < 0) {
    errors.push(root.child('tailLines').invalid(tailLines, 'must be greater than or equal to 0'))
  }
  if (limitBytes !== undefined && limitBytes < 1) errors.push(root.child('limitBytes').invalid(limitBytes, positive))
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    errors.push(nowhere.forbidden('at most one of `sinceTime` or `sinceSeconds` may be specified'))
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    errors.push(root.child('sinceSeconds').invalid(sinceSeconds, positive))
  }
  if (stream !== null && !streams.includes(stream)) errors.push(root.child('stream').notSupported(stream, streams))
  if (stream !== null && stream !== 'All' && tailLines !== undefined) {
    errors.push(nowhere.forbidden('`tailLines` and specific `stream` are mutually exclusive for now'))
  }
  return errors
}

function integer(text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

/** RFC 3339; `null` and nothing mean none. */
function time(text: string | null): string | undefined {
  if (!text || text === 'null') return undefined
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
  if (isTime) return text
  const quoted = JSON.stringify(text)
  throw badRequest(`parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${quoted} as "2006"`)
}
