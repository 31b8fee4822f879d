/** One line of a container's log file in CRI's format: `2016-10-06T00:17:09.669794202Z stdout F text`. */

export interface LogLine {
  /** As it stands in the file. */
  readonly timestamp: string
  readonly stream: 'stdout' | 'stderr'
  /** Tag P: the container's line goes on in the next one. */
  readonly partial: boolean
  /** With its newline, unless partial or unterminated. */
  readonly text: Buffer
}

const space = 0x20
const newline = 0x0a

/** Throws with upstream's texts. `raw` is a line with its newline, or an unterminated end of file. */
export function parseLogLine(raw: Buffer): LogLine {
  const first = raw.indexOf(space)
  if (first < 0) throw new Error('timestamp is not found')
  const timestamp = raw.toString('latin1', 0, first)
  if (Number.isNaN(Date.parse(timestamp)))
    throw new Error(`unexpected timestamp format "2006-01-02T15:04:05.999999999Z07:00": ${timestamp}`)
  const second = raw.indexOf(space, first + 1)
  if (second < 0) throw new Error('stream type is not found')
  const stream = raw.toString('latin1', first + 1, second)
  if (stream !== 'stdout' && stream !== 'stderr') throw new Error(`unexpected stream type "${stream}"`)
  const third = raw.indexOf(space, second + 1)
  if (third < 0) throw new Error('log tag is not found')
  const partial = raw.toString('latin1', second + 1, third).split(':')[0] === 'P'
  const ends = raw.at(-1) === newline
  return { timestamp, stream, partial, text: raw.subarray(third + 1, partial && ends ? raw.length - 1 : raw.length) }
}

/** Nine decimals always, as `kubectl logs --timestamps` prints them; runtimes drop trailing zeros. */
export function fixedTimestamp(timestamp: string): string {
  const [, whole = '', decimals = '', zone = ''] = /^([^.Z+]*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(timestamp) ?? []
  return whole ? `${whole}.${decimals.padEnd(9, '0').slice(0, 9)}${zone}` : timestamp
}
