import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { createInflate, deflateSync } from 'node:zlib'
import { collect } from '../session.ts'
import { SpdyConnection } from './spdy.ts'
import { headerDictionary } from './spdy-dictionary.ts'

/** The other end: keeps the frames that came, and sends what a test says. */
function pair() {
  const frames: { head: number; flags: number; data: Buffer }[] = []
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; ) {
        const length = chunk.readUInt32BE(at + 4) & 0xffffff
        frames.push({
          head: chunk.readUInt32BE(at),
          flags: chunk[at + 4] as number,
          data: chunk.subarray(at + 8, at + 8 + length),
        })
        at += 8 + length
      }
      done()
    },
  })
  const send = (head: number, flags: number, data: Buffer) => {
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(head >>> 0)
    frame.writeUInt32BE(((flags << 24) | data.length) >>> 0, 4)
    socket.push(Buffer.concat([frame, data]))
  }
  return { connection: new SpdyConnection(socket, Buffer.alloc(0)), frames, send, socket }
}

const reply = (id: number) => {
  const data = Buffer.alloc(8)
  data.writeUInt32BE(id)
  return data
}

test('headerDictionary is that of SPDY/3: zlib names it by its Adler-32', () => {
  const { length } = headerDictionary
  const adler = deflateSync(Buffer.alloc(1), { dictionary: headerDictionary }).readUInt32BE(2)
  assert.deepEqual({ length, adler }, { length: 1423, adler: 0xe3c6a7c2 })
})

test('SpdyConnection opens streams with odd numbers and headers that inflate as one stream', async () => {
  const { connection, frames, send } = pair()
  const first = connection.open({ streamType: 'stdin' })
  send(0x80030002, 0, reply(1))
  await first
  const second = connection.open({ streamType: 'stdout' })
  send(0x80030002, 0, reply(3))
  await second
  const inflate = createInflate({ dictionary: headerDictionary })
  const opened = frames.filter(({ head }) => head === 0x80030001)
  assert.deepEqual(
    opened.map(({ data }) => data.readUInt32BE(0)),
    [1, 3],
  )
  inflate.write(Buffer.concat(opened.map(({ data }) => data.subarray(10))))
  const [headers] = (await once(inflate, 'data')) as [Buffer]
  assert.match(headers.toString('latin1'), /streamtype.{4}stdin/s)
  connection.close()
})

test('SpdyStream carries data both ways and ends each way by itself', async () => {
  const { connection, frames, send } = pair()
  const opening = connection.open({ streamType: 'data' })
  send(0x80030002, 0, reply(1))
  const stream = await opening
  stream.end('ping')
  await once(stream, 'finish')
  const sent = frames.filter(({ head }) => head === 1)
  assert.equal(Buffer.concat(sent.map(({ data }) => data)).toString(), 'ping')
  assert.equal(sent.at(-1)?.flags, 1)
  send(1, 0, Buffer.from('po'))
  send(1, 1, Buffer.from('ng'))
  assert.equal((await collect(stream)).toString(), 'pong')
  connection.close()
})

test('SpdyConnection answers pings, and a connection that ends ends its streams', async () => {
  const { connection, frames, send } = pair()
  const opening = connection.open({ streamType: 'data' })
  send(0x80030002, 0, reply(1))
  const stream = await opening
  send(0x80030006, 0, Buffer.from([0, 0, 0, 7]))
  const body = collect(stream)
  await new Promise((resolve) => setImmediate(resolve))
  assert(frames.some(({ head, data }) => head === 0x80030006 && data[3] === 7))
  connection.close()
  assert.equal((await body).length, 0)
  await assert.rejects(connection.open({ streamType: 'data' }), /the connection was closed/)
})

test('SpdyConnection takes nothing more from the socket while a reader is behind', async () => {
  const { connection, send, socket } = pair()
  const opening = connection.open({ streamType: 'data' })
  send(0x80030002, 0, reply(1))
  const stream = await opening
  send(1, 0, Buffer.alloc(100_000))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(socket.isPaused(), true)
  send(1, 1, Buffer.alloc(100_000))
  assert.equal((await collect(stream)).length, 200_000)
  assert.equal(socket.isPaused(), false)
  connection.close()
})
