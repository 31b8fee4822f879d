/** A watch's body as batches of events: JSON documents, one a line, cut anywhere by the network. */
import { parseJson } from '#schema/json.ts'
import type { KubeObject } from '#schema/kind.ts'
import { StatusError, type StatusObject } from '#schema/status-error.ts'
import { TransportError, type WatchEvent } from './client.ts'

const newline = 0x0a

/** One batch per chunk that ends at least one line. Throws the StatusError that an ERROR event holds. */
export async function* watchEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly WatchEvent<KubeObject>[]> {
  let partial: Uint8Array[] = []
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline)
    if (end < 0) {
      partial.push(chunk)
      continue
    }
    const whole = Buffer.concat([...partial, chunk.subarray(0, end)])
    partial = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : []
    yield* batch(whole)
  }
  const rest = Buffer.concat(partial)
  if (rest.length > 0) yield* batch(rest)
}

function* batch(lines: Buffer): Generator<readonly WatchEvent<KubeObject>[]> {
  const events: WatchEvent<KubeObject>[] = []
  for (let start = 0; start < lines.length; ) {
    const found = lines.indexOf(newline, start)
    const end = found < 0 ? lines.length : found
    const event = eventOf(lines.subarray(start, end))
    start = end + 1
    if (!event) continue
    if (event.type === 'ERROR') {
      if (events.length > 0) yield events
      throw StatusError.from(event.object as unknown as StatusObject)
    }
    events.push(event as WatchEvent<KubeObject>)
  }
  if (events.length > 0) yield events
}

function eventOf(line: Buffer): { type: string; object: KubeObject } | undefined {
  if (line.length === 0) return undefined
  try {
    return parseJson(line).value as { type: string; object: KubeObject }
  } catch (error) {
    throw new TransportError('the watch sent a line that is no JSON', { cause: error })
  }
}
