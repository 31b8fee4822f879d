/** Connections that break off, stall, or speak nothing that a client would: below what a library sends. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Dice } from '#testing/property.ts'
import type { ServerProcess } from '#testing/server-process.ts'

export interface BrokenCase {
  /** What TLS agrees on; none: bytes go without TLS. */
  readonly alpn: 'h2' | 'http/1.1' | 'none'
  /** In base64. */
  readonly bytes: string
  /** Stays open until everything is over, as a slow client's does. */
  readonly isHeld: boolean
}

const head = 'GET /api/v1/namespaces/hidden/secrets HTTP/1.1\r\nHost: a\r\n'
const post = 'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'

const http1: readonly string[] = [
  ...[
    '',
    '\r\n\r\n',
    'GET',
    'GET / HTTP/1.1',
    'GET /\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    head,
    `${head}X`,
  ],
  ...[
    `${head}\r\n`,
    `${head}X: \0\r\n\r\n`,
    `${head} folded: x\r\n\r\n`,
    `${head}X : y\r\n\r\n`,
    `${head}: y\r\n\r\n`,
    `${head}Host: b\r\n\r\n`,
  ],
  ...[
    `${head}X: ${'y'.repeat(100_000)}\r\n\r\n`,
    `${head}${'X: y\r\n'.repeat(5_000)}\r\n`,
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  ],
  ...[`${post}Content-Length: 10\r\n\r\n{`, `${post}Content-Length: -1\r\n\r\n{}`, `${post}Content-Length: 1e3\r\n\r\n{}`],
  ...[`${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`, `${post}Content-Length: 99999999999999999999\r\n\r\n{}`],
  ...[`${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, `${post}Transfer-Encoding: x\r\n\r\n{}`],
  ...[`${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}`],
  ...[
    `${post}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
    `${post}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
  ],
  ...[`${post}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`, `${post}Expect: x\r\nContent-Length: 2\r\n\r\n{}`],
  ...[
    `${head}\r\n`.repeat(50),
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET http://b/api HTTP/1.1\r\nHost: a\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
  ...[
    'GET /api/v1/namespaces/fuzz/pods/a/exec?command=x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
  ],
  ...[
    'GET /api/v1/namespaces/fuzz/pods/a/exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\n\r\n',
  ],
  ...[
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ],
]

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

type Frame = { readonly stream?: number; readonly payload?: Buffer; readonly length?: number }

function frame(
  type: number,
  flags: number,
  { stream = 0, payload = Buffer.alloc(0), length = payload.length }: Frame = {},
): Buffer {
  const front = Buffer.alloc(9)
  front.writeUIntBE(length, 0, 3)
  front.writeUInt8(type, 3)
  front.writeUInt8(flags, 4)
  front.writeUInt32BE(stream, 5)
  return Buffer.concat([front, payload])
}

/** `:method: GET`, `:scheme: https`, `:path: /`, by the static table. */
const simple = Buffer.from([0x82, 0x87, 0x84])
const settings = frame(4, 0)
const many = (count: number, make: (i: number) => Buffer) => Buffer.concat(Array.from({ length: count }, (_, i) => make(i)))

const http2: readonly Buffer[] = [
  Buffer.alloc(0),
  preface,
  Buffer.concat([preface, settings]),
  Buffer.concat([preface, settings, frame(1, 4, { stream: 1, payload: simple })]),
  Buffer.concat([preface, settings, frame(1, 0, { stream: 1, payload: simple })]),
  Buffer.concat([preface, settings, frame(1, 5, { stream: 1, payload: Buffer.from('ffffffffffff', 'hex') })]),
  Buffer.concat([preface, settings, frame(1, 5, { stream: 2, payload: simple })]),
  Buffer.concat([preface, settings, frame(0, 0, { stream: 1, payload: Buffer.alloc(100) })]),
  Buffer.concat([preface, settings, frame(0, 0, { stream: 1, length: 0xffffff })]),
  Buffer.concat([
    preface,
    settings,
    frame(8, 0, { payload: Buffer.from('7fffffff', 'hex') }),
    frame(8, 0, { payload: Buffer.from('7fffffff', 'hex') }),
  ]),
  Buffer.concat([preface, many(2_000, () => settings)]),
  Buffer.concat([preface, settings, many(2_000, () => frame(6, 0, { payload: Buffer.alloc(8) }))]),
  Buffer.concat([
    preface,
    settings,
    frame(1, 0, { stream: 1, payload: simple }),
    many(2_000, () => frame(9, 0, { stream: 1, payload: Buffer.alloc(9) })),
  ]),
  Buffer.concat([
    preface,
    settings,
    many(1_000, (i) =>
      Buffer.concat([
        frame(1, 5, { stream: 2 * i + 1, payload: simple }),
        frame(3, 0, { stream: 2 * i + 1, payload: Buffer.alloc(4) }),
      ]),
    ),
  ]),
  Buffer.concat([preface, settings, frame(4, 0, { payload: Buffer.from('0004ffffffff', 'hex') })]),
  Buffer.concat([preface, settings, frame(5, 4, { stream: 1, payload: Buffer.alloc(4) })]),
  Buffer.concat([preface, settings, frame(255, 255, { stream: 7, payload: Buffer.alloc(500) })]),
]

export function makeBrokenCase(dice: Dice): BrokenCase {
  const alpn = dice.pick(['h2', 'h2', 'http/1.1', 'http/1.1', 'http/1.1', 'none'] as const)
  const whole = alpn === 'h2' ? dice.pick(http2) : Buffer.from(dice.pick(http1), 'latin1')
  const cut = dice.chance(0.2) ? whole.subarray(0, dice.upTo(whole.length)) : whole
  const bytes = Buffer.from(cut)
  if (dice.chance(0.2) && bytes.length > 0) bytes[dice.upTo(bytes.length - 1)] = dice.upTo(255)
  return { alpn, bytes: bytes.toString('base64'), isHeld: dice.chance(0.2) }
}

export interface BrokenConnections extends Disposable {
  /** What is wrong with the answer; undefined: nothing. */
  send(made: BrokenCase): Promise<string | undefined>
}

/** So much of an answer is looked at. */
const enough = 1 << 16

/** As nobody: what comes back may show nothing. */
export function brokenConnections({ port, administrator: { ca } }: ServerProcess, mark: string): BrokenConnections {
  const held: Socket[] = []
  return {
    async send({ alpn, bytes, isHeld }) {
      const at = { host: '127.0.0.1', port }
      const socket = alpn === 'none' ? connect(at) : connectTls({ ...at, ca, ALPNProtocols: [alpn] })
      socket.on('error', () => {})
      const connected = once(socket, alpn === 'none' ? 'connect' : 'secureConnect').catch(() => {})
      await connected
      socket.write(Buffer.from(bytes, 'base64'))
      if (isHeld) {
        held.push(socket)
        return undefined
      }
      // Half-open from here on: whoever only waits for more hears that there is none.
      socket.end()
      const signal = AbortSignal.timeout(15_000)
      const answer: Buffer[] = []
      let size = 0
      socket.on('data', (chunk: Buffer) => {
        if ((size += chunk.length) < enough) answer.push(chunk)
      })
      await once(socket, 'close', { signal }).catch(() => {})
      socket.destroy()
      const text = Buffer.concat(answer).toString('latin1')
      if (signal.aborted) return 'the connection stays open after its client has ended it'
      if (text.includes(mark)) return 'shows nobody what is secret'
      return /^HTTP\/1\.1 5(?!05)/.test(text) ? text.slice(0, 300) : undefined
    },
    [Symbol.dispose]() {
      for (const socket of held) socket.destroy()
    },
  }
}
