/**
 * The body of an HTTP/2 answer as a plain stream. An Http2Stream must not be iterated itself: it calls itself closed as soon as the other
 * side has sent everything, so that an iteration which begins a moment later fails with "Premature close", the answer still unread in
 * its buffer. On a busy machine head and body arrive together, and that moment is often missed.
 */
import type { ClientHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import { Readable } from 'node:stream'
import { TransportError } from './client.ts'

/** Destroying the body cancels the request. What was cut off ends with an error. */
export function bodyOf(stream: ClientHttp2Stream): Readable {
  let isWhole = false
  const body = new Readable({
    read: () => void stream.resume(),
    destroy(error, done) {
      if (!isWhole) stream.close(constants.NGHTTP2_CANCEL)
      done(error)
    },
  })
  // Nobody need read it; who does is told.
  body.on('error', () => {})
  const cutOff = (cause?: Error) => {
    const why = cause?.message ?? 'it was closed before the answer was whole'
    if (!isWhole) body.destroy(new TransportError(`the connection broke: ${why}`, { cause }))
  }
  stream.on('data', (chunk: Uint8Array) => {
    if (!body.push(chunk)) stream.pause()
  })
  stream.once('end', () => {
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) return cutOff()
    isWhole = true
    body.push(null)
  })
  stream.on('error', cutOff)
  stream.once('close', () => cutOff())
  return body
}
