/** What a single pod asks of the simulation, by annotations. */
import type { Pod } from '#api/core/v1/pod.ts'
import { parseDuration } from '#schema/go-time.ts'
import type { Span } from './shapes.ts'

export interface Wishes {
  /** `simulate.nami/start: 2s`. */
  readonly start?: Span
  /** `simulate.nami/run: 1s..10s`: after which its containers end. */
  readonly run?: Span
  /** `simulate.nami/exit-code: "3"`. */
  readonly exitCode?: number
}

const prefix = 'simulate.nami/'
const none: Wishes = {}

/** What cannot be read is not wished. */
export function wishesOf({ metadata }: Pod): Wishes {
  const { annotations } = metadata
  if (!annotations || !Object.keys(annotations).some((name) => name.startsWith(prefix))) return none
  const [start, run] = [spanIn(annotations[`${prefix}start`]), spanIn(annotations[`${prefix}run`])]
  const code = annotations[`${prefix}exit-code`]
  return {
    ...(start && { start }),
    ...(run && { run }),
    ...(code !== undefined && /^\d+$/.test(code) && { exitCode: Number(code) }),
  }
}

function spanIn(text: string | undefined): Span | undefined {
  if (text === undefined) return undefined
  try {
    return parseSpan(text)
  } catch {
    return undefined
  }
}

/** `2s`, or `200ms..2s`. Throws with Go's words. */
export function parseSpan(text: string): Span {
  const [least = '', most = least] = text.split('..').map((part) => part.trim())
  const span = { least: milliseconds(least), most: milliseconds(most) }
  if (span.least < 0 || span.most < span.least) throw new Error(`${JSON.stringify(text)} is no span of time`)
  return span
}

export function milliseconds(text: string): number {
  return Number(parseDuration(text)) / 1e6
}
