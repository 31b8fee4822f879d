/** A local connection led to a port of a pod. */
import type { Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { collect } from '../session.ts'
import type { SpdyConnection } from './spdy.ts'

export interface ForwardedTo {
  /** Makes a connection to the node that has the pod. */
  dial(): Promise<SpdyConnection>
  /** Port of the pod. */
  readonly remote: number
}

/**
 * Resolves when it is over, with what the node says went wrong; '' for nothing. Rejects where there is no way to the pod.
 *
 * Each has a connection to the node for itself. On a shared one a runtime serves several streams with one reader: when an application ends
 * in the middle of a request, the rest of that request blocks the reader, and with it every other stream (kubectl therefore gives up all of
 * them).
 */
export async function forwardConnection(socket: Socket, { dial, remote }: ForwardedTo): Promise<string> {
  socket.on('error', () => socket.destroy())
  let spdy: SpdyConnection
  try {
    spdy = await dial()
  } catch (error) {
    socket.destroy()
    throw error
  }
  socket.once('close', () => spdy.close())
  if (socket.destroyed) spdy.close()
  try {
    const headers = { port: String(remote), requestID: '0' }
    const error = await spdy.open({ ...headers, streamType: 'error' })
    error.end()
    const data = await spdy.open({ ...headers, streamType: 'data' })
    data.on('error', () => socket.destroy())
    socket.once('close', () => data.destroy())
    socket.pipe(data)
    data.pipe(socket)
    const [text] = await Promise.all([collect(error), finished(data, { writable: false }).catch(() => {})])
    // The node is done with both directions: what is still sent would reach nobody, and is read so that the answer is not cut off.
    socket.unpipe(data)
    return text.toString()
  } catch {
    return ''
  } finally {
    socket.resume().end()
    spdy.close()
  }
}
