/** Many watchers on slow connections beside a few quick ones. */
import assert from 'node:assert/strict'
import type { ClientHttp2Stream } from 'node:http2'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { edit } from '#client/client.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type Http2Client, http2Client } from '#testing/http-clients.ts'
import { listenOnLoopback } from '#testing/loopback.ts'

const watch = '/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=0'

test('1,000 watchers on slow connections do not slow the others down', { timeout: 120_000 }, async (t) => {
  await using cluster = await testCluster()
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  const quick = await Promise.all(Array.from({ length: 10 }, () => client.open(watch)))
  const changes = await changer(cluster)
  await changes(100, quick)
  const alone = await changes(100, quick)

  const sessions: Http2Client[] = []
  const slow: ClientHttp2Stream[] = []
  for (let i = 0; i < 20; i++) {
    const session = http2Client(front)
    sessions.push(session)
    slow.push(...(await Promise.all(Array.from({ length: 50 }, () => session.open(watch)))))
  }
  // Whatever windows and buffers there are fill up first.
  await changes(50, quick)
  const beside = await changes(100, quick)
  t.diagnostic(
    `a change reaches the last of ten watchers after ${alone.toFixed(2)} ms, beside 1,000 slow ones after ${beside.toFixed(2)} ms`,
  )
  // A thousand times the writing takes some milliseconds; waiting for any of the slow would never end.
  assert(beside < 5 * alone + 50, 'slow watchers are in the way')
  assert(slow.every(({ closed }) => !closed))
  for (const session of sessions) await session[Symbol.asyncDispose]()
})

/** Answers a function that makes changes one by one, and says how many milliseconds it took until all had heard of one, in the median. */
async function changer(cluster: TestCluster) {
  let object = await cluster.client.create(ConfigMap, {
    metadata: { name: 'm', namespace: 'default' },
    data: { text: '' },
  } as never)
  return async (count: number, watchers: readonly ClientHttp2Stream[]): Promise<number> => {
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const next = edit(object)
      next.data = { text: `${i} `.repeat(1000) }
      const start = performance.now()
      const heard = watchers.map(nextChunk)
      object = await cluster.client.update(ConfigMap, next)
      await Promise.all(heard)
      times.push(performance.now() - start)
    }
    times.sort((a, b) => a - b)
    return times[Math.floor(times.length / 2)] as number
  }
}

function nextChunk(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const take = (chunk: Buffer) => {
      if (chunk.at(-1) !== 10) return
      stream.off('data', take)
      resolve()
    }
    stream.on('data', take)
  })
}
