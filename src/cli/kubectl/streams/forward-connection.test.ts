import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { collect } from '../session.ts'
import { forwardConnection } from './forward-connection.ts'
import { SpdyConnection } from './spdy.ts'

/** A node that accepts every stream, and says on the two of them what a test says. */
function fakeNode() {
  let received = ''
  const expected = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const frame = (head: number, flags: number, data: Buffer) => {
    const start = Buffer.alloc(8)
    start.writeUInt32BE(head >>> 0)
    start.writeUInt32BE(((flags << 24) | data.length) >>> 0, 4)
    socket.push(Buffer.concat([start, data]))
  }
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (chunk.readUInt32BE(0) === 0x80030001) {
        frame(0x80030002, 0, chunk.subarray(8, 12))
        if (chunk.readUInt32BE(8) === 3) opened.resolve()
      } else if (chunk.readUInt32BE(0) === 3) {
        received += chunk.subarray(8)
        expected.resolve()
      }
      done()
    },
  })
  return {
    connection: new SpdyConnection(socket, Buffer.alloc(0)),
    opened: opened.promise,
    received: expected.promise.then(() => received),
    /** `error` ends the first stream; `data` and its end are those of the second. */
    says: ({ error, data }: { error: string; data: string }) => {
      frame(1, 1, Buffer.from(error))
      frame(3, 1, Buffer.from(data))
    },
    isClosed: () => socket.destroyed,
  }
}

async function localPair(): Promise<{ near: Socket; far: Socket } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as { port: number }).port, '127.0.0.1')
  const [far] = (await once(server, 'connection')) as [Socket]
  const dispose = async () => {
    for (const socket of [near, far]) socket.destroy()
    server.close()
  }
  return { near, far, [Symbol.asyncDispose]: dispose }
}

test('forwardConnection() delivers all that came before the node gave up, and says why it did', async () => {
  await using pair = await localPair()
  const node = fakeNode()
  const forwarding = forwardConnection(pair.far, { dial: async () => node.connection, remote: 80 })
  pair.near.write('half a request')
  assert.equal(await node.received, 'half a request')
  const answer = collect(pair.near)
  node.says({ error: 'broken pipe', data: 'x'.repeat(300_000) })
  assert.equal(await forwarding, 'broken pipe')
  assert.equal((await answer).length, 300_000)
  assert.equal(node.isClosed(), true)
})

test('forwardConnection() takes a connection to the node for each, so that one that hangs hangs alone', async () => {
  await using one = await localPair()
  await using other = await localPair()
  const nodes = [fakeNode(), fakeNode()]
  let dialled = 0
  const dial = async () => (nodes[dialled++] as ReturnType<typeof fakeNode>).connection
  const hanging = forwardConnection(one.far, { dial, remote: 80 })
  const answered = forwardConnection(other.far, { dial, remote: 80 })
  const answer = collect(other.near)
  await Promise.all(nodes.map(({ opened }) => opened))
  nodes[1]?.says({ error: '', data: 'well' })
  assert.equal(await answered, '')
  assert.equal((await answer).toString(), 'well')
  one.near.resetAndDestroy()
  assert.equal(await hanging, '')
  assert.equal(nodes[0]?.isClosed(), true)
})

test('forwardConnection() rejects where there is no way to the pod, and ends the local connection', async () => {
  await using pair = await localPair()
  const dial = async () => {
    throw new Error('no pod')
  }
  await assert.rejects(forwardConnection(pair.far, { dial, remote: 80 }), /no pod/)
  assert.equal(pair.far.destroyed, true)
})
