/** A program in a container, its streams joined with the terminal's: over WebSocket v5 where the server has it, else SPDY. */
import type { Readable, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { StatusObject } from '#schema/status-error.ts'
import { KubectlError } from '../errors.ts'
import { collect, type Session } from '../session.ts'
import { dialSpdy, dialWebSocket } from './dial.ts'
import type { SpdyConnection } from './spdy.ts'

export interface Streams {
  readonly stdin?: NodeJS.ReadableStream | undefined
  readonly stdout: NodeJS.WritableStream
  /** Absent with a terminal: both come on stdout. */
  readonly stderr?: NodeJS.WritableStream | undefined
  /** Present with a terminal: told of each new size. */
  readonly sizes?: Sizes | undefined
}

export interface Sizes {
  current(): { readonly Width: number; readonly Height: number } | undefined
  onChange(listener: () => void): () => void
}

export interface RemoteCommand {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  /** Absent: the container's own program is attached to. */
  readonly command?: readonly string[]
}

/** Answers the program's exit code; 0 for a program that was attached to and went on. */
export async function runInContainer(session: Session, remote: RemoteCommand, streams: Streams): Promise<number> {
  const { namespace, pod, container, command } = remote
  const query = new URLSearchParams()
  query.append('container', container)
  for (const word of command ?? []) query.append('command', word)
  if (streams.stdin) query.append('stdin', 'true')
  query.append('stdout', 'true')
  if (streams.stderr) query.append('stderr', 'true')
  if (streams.sizes) query.append('tty', 'true')
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/${command ? 'exec' : 'attach'}?${query}`
  const socket = await dialWebSocket(session, path, 'v5.channel.k8s.io')
  const outcome = socket ? await overWebSocket(socket, streams, session.terminal.signal) : await overSpdy(session, path, streams)
  return exitCodeOf(outcome)
}

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

/** Channels as the first byte of each message (KEP-4006). Answers what came on the error channel. */
async function overWebSocket(socket: WebSocket, { stdin, stdout, stderr, sizes }: Streams, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let outcome = ''
  const send = (to: number, data: Uint8Array) => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.from([to]), data]))
  }
  socket.on('message', (message: Buffer) => {
    const data = message.subarray(1)
    if (message[0] === channel.stdout) stdout.write(data)
    else if (message[0] === channel.stderr) stderr?.write(data)
    else if (message[0] === channel.error) outcome += data.toString()
  })
  socket.on('close', () => resolve(outcome))
  socket.on('error', reject)
  const abort = () => socket.terminate()
  signal.addEventListener('abort', abort, { once: true })
  const resize = () => {
    const size = sizes?.current()
    if (size) send(channel.resize, Buffer.from(JSON.stringify(size)))
  }
  resize()
  const stop = sizes?.onChange(resize)
  const input = stdin as Readable | undefined
  const forward = (data: Uint8Array) => send(channel.stdin, data)
  const half = () => send(channel.close, Buffer.from([channel.stdin]))
  input?.on('data', forward).once('end', half)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
    stop?.()
    input?.off('data', forward).off('end', half).pause()
  }
}

async function overSpdy(session: Session, path: string, streams: Streams): Promise<string> {
  const { spdy } = await dialSpdy(session, path, ['v4.channel.k8s.io'])
  try {
    return await join(spdy, streams, session.terminal.signal)
  } finally {
    spdy.close()
  }
}

/** The error stream is opened first: the server waits for all of them (apimachinery `remotecommand/v2.go`). */
async function join(spdy: SpdyConnection, { stdin, stdout, stderr, sizes }: Streams, signal: AbortSignal): Promise<string> {
  const abort = () => spdy.close()
  signal.addEventListener('abort', abort, { once: true })
  const open = (streamType: string) => spdy.open({ streamType })
  const error = await open('error')
  const input = stdin && (await open('stdin'))
  const output = await open('stdout')
  const errors = stderr && (await open('stderr'))
  const size = sizes && (await open('resize'))
  const resize = () => {
    const current = sizes?.current()
    if (current) size?.write(JSON.stringify(current))
  }
  resize()
  const stop = sizes?.onChange(resize)
  if (input) (stdin as Readable).pipe(input)
  try {
    const [outcome] = await Promise.all([collect(error), pour(output, stdout), errors && pour(errors, stderr)])
    return outcome.toString()
  } finally {
    signal.removeEventListener('abort', abort)
    stop?.()
    if (input) (stdin as Readable).unpipe(input).pause()
  }
}

async function pour(from: AsyncIterable<Uint8Array>, to: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of from) {
    if (!to.write(chunk)) await new Promise((resolve) => (to as Writable).once('drain', resolve))
  }
}

/** The error stream holds a Status; before v4 it held a text. */
function exitCodeOf(outcome: string): number {
  if (outcome === '') return 0
  let status: StatusObject
  try {
    status = JSON.parse(outcome)
  } catch {
    throw new KubectlError(`error stream protocol error: unknown error in ${JSON.stringify(outcome)}`)
  }
  if (status.status === 'Success') return 0
  const code = status.reason === 'NonZeroExitCode' && status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message
  if (code) return Number(code)
  throw new KubectlError(status.message ?? 'unknown error')
}
