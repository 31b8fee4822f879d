/** What one client's informers ask of a session, who share it (design.md 6), and what a client that does not read costs. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { edit } from '#client/client.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { http2Client } from '#testing/http-clients.ts'
import { listenOnLoopback } from '#testing/loopback.ts'

const maps = '/api/v1/namespaces/default/configmaps'

function map(name: string, size = 1): Parameters<TestCluster['client']['create']>[1] {
  return { metadata: { name, namespace: 'default' }, data: { text: 'x'.repeat(size) } } as never
}

test('20 lists of 30 MB at once in one session', async () => {
  await using cluster = await testCluster()
  for (let i = 0; i < 30; i++) await cluster.client.create(ConfigMap, map(`m${i}`, 1_000_000))
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  const sizes = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const stream = await client.open(maps)
      let size = 0
      for await (const chunk of stream) size += chunk.length
      return size
    }),
  )
  assert.equal(new Set(sizes).size, 1)
  assert((sizes[0] as number) > 30_000_000)
})

test('1,500 cancelled watches leave the session open', async () => {
  await using cluster = await testCluster()
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  for (let round = 0; round < 3; round++) {
    const watches = await Promise.all(Array.from({ length: 500 }, () => client.open(`${maps}?watch=1`)))
    for (const watch of watches) watch.close()
  }
  assert.equal((await client.call(`GET ${maps}`)).status, 200)
  assert.equal(client.session.closed, false)
})

test('1,000 watches of one session all hear of a change', async () => {
  await using cluster = await testCluster()
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  const watches = await Promise.all(Array.from({ length: 1000 }, () => client.open(`${maps}?watch=1&resourceVersion=0`)))
  const heard = Promise.all(watches.map(firstLine))
  await cluster.client.create(ConfigMap, map('news'))
  for (const line of await heard) assert.equal(JSON.parse(line).object.metadata.name, 'news')
})

async function firstLine(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += chunk
    if (text.endsWith('\n')) break
  }
  return text
}

test('a watcher that does not read is cut off after some megabytes, the others are not', async () => {
  await using cluster = await testCluster()
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  const search = '?watch=1&resourceVersion=0'
  const [slow, quick] = [await client.open(`${maps}${search}`), await client.open(`${maps}${search}`)]
  let read = 0
  quick.on('data', (chunk) => {
    read += chunk.length
  })
  let wasCut = false
  slow.on('error', () => {
    wasCut = true
  })
  let object = await cluster.client.create(ConfigMap, map('big', 100_000))
  const send = async (count: number) => {
    const target = read + count * 100_000
    for (let i = 0; i < count; i++) {
      const next = edit(object)
      next.data = { text: String(i % 10).repeat(100_000) }
      object = await cluster.client.update(ConfigMap, next)
    }
    while (read < target) await once(quick, 'data')
  }
  await send(200)
  assert.equal(wasCut, false, 'a burst is no reason')
  await cluster.advance(6_000)
  await send(1)
  while (!wasCut) await new Promise(setImmediate)
  assert.equal(quick.closed, false)
})

test('a watch may begin with all there is, however slowly it is read', async () => {
  await using cluster = await testCluster()
  for (let i = 0; i < 30; i++) await cluster.client.create(ConfigMap, map(`m${i}`, 1_000_000))
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  const search = '?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const stream = await client.open(`${maps}${search}`)
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  await cluster.client.create(ConfigMap, map('later'))
  let text = ''
  for await (const chunk of stream) {
    text = text.slice(-2000) + chunk
    if (text.includes('"name":"later"')) break
  }
})
