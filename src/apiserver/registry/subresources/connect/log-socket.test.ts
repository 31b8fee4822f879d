import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { Pod } from '#api/core/v1/pod.ts'
import { testBackend } from '#testing/backend.ts'
import { testCluster } from '#testing/cluster.ts'
import { listenOnLoopback } from '#testing/loopback.ts'
import { pod } from '#testing/make.ts'

async function messagesOf(protocols: string[], answer: string, status = 200) {
  await using backend = await testBackend((_, response) => void response.writeHead(status).end(answer))
  await using cluster = await testCluster({ nodeDialer: { dial: () => backend.dial() } })
  await cluster.client.create(Pod, pod('web', { spec: { nodeName: 'n1' } }))
  await using front = await listenOnLoopback(cluster)
  const { ca, admin } = front.pki
  const url = `wss://127.0.0.1:${front.port}/api/v1/namespaces/default/pods/web/log`
  const socket = new WebSocket(url, protocols, { ca: ca.certificate, cert: admin.certificate, key: admin.key })
  const messages: [isBinary: boolean, text: string][] = []
  socket.on('message', (data, isBinary) => messages.push([isBinary, String(data)]))
  await once(socket, 'close')
  return { messages, protocol: socket.protocol }
}

test('pods/log comes as messages of a WebSocket', async () => {
  const text = 'container is alive\n'
  assert.deepEqual(await messagesOf(['binary.k8s.io'], text), {
    protocol: 'binary.k8s.io',
    messages: [
      [true, ''],
      [true, text],
    ],
  })
  const { messages } = await messagesOf(['base64.binary.k8s.io'], text)
  assert.deepEqual(messages.at(-1), [false, Buffer.from(text).toString('base64')])
  assert.equal((await messagesOf([], text)).messages.at(-1)?.[1], text)
})

test('pods/log refuses a protocol that it does not know, and what the agent refuses', async () => {
  await assert.rejects(messagesOf(['v4.channel.k8s.io'], ''), /Unexpected server response: 400/)
  await assert.rejects(messagesOf(['binary.k8s.io'], 'no such container', 404), /Unexpected server response: 404/)
})
