import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { WatchEvent } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'

const maps = '/api/v1/namespaces/default/configmaps'

async function withMaps(count: number): Promise<TestCluster> {
  const cluster = await testCluster()
  for (let i = 0; i < count; i++) {
    const metadata = { name: `m${i}`, namespace: 'default', labels: { even: String(i % 2 === 0) } }
    await cluster.client.create(ConfigMap, { metadata })
  }
  return cluster
}

const names = ({ items }: { items: { metadata: { name: string } }[] }) => items.map(({ metadata }) => metadata.name).join(' ')

const refusals: [string, number, string | RegExp][] = [
  [`${maps}?fieldSelector=spec.x=1`, 400, /field|selector/],
  ['/api/v1/pods?fieldSelector=spec.x=1', 400, 'field label not supported: spec.x'],
  [`${maps}?labelSelector=a%20b%20c`, 400, /^unable to parse requirement: /],
  [
    `${maps}?resourceVersionMatch=Exact`,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
  [
    `${maps}?resourceVersionMatch=Exact&resourceVersion=0`,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
  ],
  [`${maps}?continue=abc`, 400, /^invalid continue token: continue key is not valid/],
  [`${maps}/none`, 404, 'configmaps "none" not found'],
  ['/api/v1/namespaces/default/nodes', 404, '404 page not found\n'],
  ['/api/v1/nothings', 404, '404 page not found\n'],
  [
    `${maps}?fieldSelector=metadata.name%3Da&watch=1&resourceVersionMatch=Exact`,
    422,
    /forbidden for watch unless sendInitialEvents/,
  ],
]

for (const [url, code, message] of refusals) {
  test(`reads refuse ${url}`, async () => {
    await using cluster = await testCluster()
    const { status, object } = await send(cluster.server, `GET ${url}` as `GET /${string}`)
    const text = typeof object === 'string' ? object : object.message
    if (typeof message === 'string') assert.equal(text, message)
    else assert.match(text, message)
    assert.equal(status, code)
  })
}

test('list selects by label, field and namespace', async () => {
  await using cluster = await withMaps(4)
  const { server, client } = cluster
  await client.create(Pod, pod('p', { spec: { nodeName: 'n1' } }))
  assert.equal(names((await send(server, `GET ${maps}?labelSelector=even%3Dtrue`)).object), 'm0 m2')
  assert.equal(names((await send(server, `GET ${maps}?fieldSelector=metadata.name%3Dm1`)).object), 'm1')
  assert.equal(names((await send(server, `GET ${maps}?fieldSelector=metadata.name%21%3Dm1`)).object), 'm0 m2 m3')
  assert.equal(names((await send(server, 'GET /api/v1/configmaps?fieldSelector=metadata.namespace%3Dkube-system')).object), '')
  assert.equal(names((await send(server, 'GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn1')).object), 'p')
  assert.equal(names((await send(server, 'GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn2')).object), '')
  assert.equal(names((await send(server, 'GET /api/v1/pods?fieldSelector=spec.host%3Dn1')).object), 'p')
  assert.equal(names((await send(server, 'GET /api/v1/pods?fieldSelector=spec.host!%3Dn1')).object), '')
})

test('list goes page by page over one state', async () => {
  await using cluster = await withMaps(7)
  const { server, client } = cluster
  const first = (await send(server, `GET ${maps}?limit=3`)).object
  assert.equal(names(first), 'm0 m1 m2')
  assert.equal(first.metadata.remainingItemCount, 4)
  const token = JSON.parse(Buffer.from(first.metadata.continue, 'base64url').toString())
  assert.deepEqual(token, { v: 'meta.k8s.io/v1', rv: Number(first.metadata.resourceVersion), start: 'm2\0' })
  await client.delete(ConfigMap, { name: 'm4', namespace: 'default' })
  const second = (await send(server, `GET ${maps}?limit=3&continue=${first.metadata.continue}`)).object
  assert.equal(names(second), 'm3 m4 m5')
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
  assert.equal(second.metadata.remainingItemCount, 1)
  const third = (await send(server, `GET ${maps}?limit=3&continue=${second.metadata.continue}`)).object
  assert.equal(names(third), 'm6')
  assert.equal(third.metadata.continue, undefined)
})

test('list by pages counts only what the selector leaves', async () => {
  await using cluster = await withMaps(9)
  const first = (await send(cluster.server, `GET ${maps}?limit=2&labelSelector=even%3Dtrue`)).object
  assert.equal(names(first), 'm0 m2')
  assert.equal(first.metadata.remainingItemCount, undefined)
  const second = (await send(cluster.server, `GET ${maps}?limit=2&labelSelector=even%3Dtrue&continue=${first.metadata.continue}`))
    .object
  assert.equal(names(second), 'm4 m6')
})

test('a compacted continue token is 410 with a token to go on', async () => {
  await using cluster = await withMaps(5)
  const { server, store } = cluster
  const first = (await send(server, `GET ${maps}?limit=2`)).object
  await cluster.client.create(ConfigMap, { metadata: { name: 'm15', namespace: 'default' } })
  await store.compact((await store.status()).revision)
  const { status, object } = await send(server, `GET ${maps}?limit=2&continue=${first.metadata.continue}`)
  assert.equal(status, 410)
  assert.equal(object.reason, 'Expired')
  assert.match(object.message, /^The provided continue parameter is too old to display a consistent list result\./)
  const rest = (await send(server, `GET ${maps}?continue=${object.metadata.continue}`)).object
  assert.equal(names(rest), 'm15 m2 m3 m4')
})

test('list at an exact version shows the past; a future one times out', async () => {
  await using cluster = await withMaps(2)
  const { server, client } = cluster
  const past = (await send(server, `GET ${maps}`)).object.metadata.resourceVersion
  await client.create(ConfigMap, { metadata: { name: 'm9', namespace: 'default' } })
  const exact = (await send(server, `GET ${maps}?resourceVersion=${past}&resourceVersionMatch=Exact`)).object
  assert.equal(names(exact), 'm0 m1')
  assert.equal(exact.metadata.resourceVersion, past)
  assert.equal(names((await send(server, `GET ${maps}?resourceVersion=${past}`)).object), 'm0 m1 m9')
  const future = send(server, `GET ${maps}?resourceVersion=999`)
  await cluster.advance(3000)
  const { status, object } = await future
  assert.equal(status, 504)
  assert.match(object.message, /^Timeout: Too large resource version: 999, current: \d+$/)
})

test('a list of a past that is compacted is 410', async () => {
  await using cluster = await withMaps(3)
  await cluster.store.compact((await cluster.store.status()).revision)
  const { object } = await send(cluster.server, `GET ${maps}?resourceVersion=1&resourceVersionMatch=Exact`)
  assert.equal(object.message, 'The resourceVersion for the provided list is too old.')
})

/** Collects `TYPE name` until `stop`. */
function collect(
  cluster: TestCluster,
  options: object,
): { seen: string[]; events: WatchEvent<ConfigMap>[]; ended: Promise<unknown>; stop(): void } {
  const abort = new AbortController()
  const seen: string[] = []
  const events: WatchEvent<ConfigMap>[] = []
  const run = async () => {
    for await (const batch of cluster.client.watch(ConfigMap, { namespace: 'default', signal: abort.signal, ...options })) {
      events.push(...batch)
      for (const { type, object } of batch) seen.push(`${type} ${object.metadata.name ?? ''}`.trim())
    }
  }
  return { seen, events, ended: run().catch((error) => error), stop: () => abort.abort() }
}

const label = (name: string, even: string) =>
  [ConfigMap, { name, namespace: 'default' }, { type: 'merge', body: { metadata: { labels: { even } } } }] as const

test('watch tells when objects enter and leave a selection', async () => {
  await using cluster = await withMaps(2)
  const { client } = cluster
  const watching = collect(cluster, { labelSelector: 'even=true' })
  await cluster.settle()
  await client.patch(...label('m0', 'false'))
  await client.patch(...label('m1', 'true'))
  await client.patch(ConfigMap, { name: 'm1', namespace: 'default' }, { type: 'merge', body: { data: { a: 'b' } } })
  await client.delete(ConfigMap, { name: 'm0', namespace: 'default' })
  await client.delete(ConfigMap, { name: 'm1', namespace: 'default' })
  await cluster.settle()
  watching.stop()
  assert.equal(await watching.ended, undefined)
  assert.deepEqual(watching.seen, ['ADDED m0', 'DELETED m0', 'ADDED m1', 'MODIFIED m1', 'DELETED m1'])
  assert.equal(watching.events[1]?.object.metadata.labels?.even, 'true')
  const versions = watching.events.map(({ object }) => Number(object.metadata.resourceVersion))
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => a - b),
  )
  assert.equal(new Set(versions).size, versions.length)
})

test('watch by node sees what comes to it and what leaves', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  const stop = new AbortController()
  const seen: string[] = []
  const watching = (async () => {
    const options = { fieldSelector: 'spec.nodeName=n1', signal: stop.signal }
    for await (const batch of client.watch(Pod, options)) {
      for (const { type, object } of batch) seen.push(`${type} ${object.metadata.name}`)
    }
  })()
  await cluster.settle()
  await client.create(Pod, pod('a'))
  await client.create(Pod, pod('b', { spec: { nodeName: 'n2' } }))
  const target = { kind: 'Node', name: 'n1' }
  const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a' }, target }
  await send(server, 'POST /api/v1/namespaces/default/pods/a/binding', { body })
  await client.delete(Pod, { name: 'a', namespace: 'default' }, { gracePeriodSeconds: 0 })
  await cluster.settle()
  stop.abort()
  await watching
  assert.deepEqual(seen, ['ADDED a', 'MODIFIED a', 'DELETED a'])
})

test('watch by the old path prefix', async () => {
  await using cluster = await withMaps(2)
  const { response } = await send(cluster.server, 'GET /api/v1/watch/namespaces/default/configmaps/m1')
  assert(response.type === 'watch')
  for await (const batch of response.events) {
    assert.deepEqual(
      batch.map(({ type, object }) => `${type} ${(object as ConfigMap).metadata.name}`),
      ['ADDED m1'],
    )
    break
  }
})

test('watch resumes behind a version', async () => {
  await using cluster = await withMaps(3)
  const { items } = await cluster.client.list(ConfigMap, { namespace: 'default' })
  const watching = collect(cluster, { resourceVersion: items[0]?.metadata.resourceVersion })
  await cluster.settle()
  assert.deepEqual(watching.seen, ['ADDED m1', 'ADDED m2'])
  watching.stop()
})

test('watch of a version that is gone is 410', async () => {
  await using cluster = await withMaps(3)
  const { server, store, client } = cluster
  const { metadata } = await client.list(ConfigMap, { namespace: 'default' })
  await store.compact(Number(metadata.resourceVersion))
  await using later = await testCluster({ store: unclosed(store) })
  const error = await collect(later, { resourceVersion: '1' }).ended
  assert(hasReason(error, 'Expired'))
  assert.match(error.message, /^too old resource version: 1 \(\d+\)$/)
  void server
})

function unclosed(store: TestCluster['store']): TestCluster['store'] {
  return new Proxy(store, {
    get: (target, name) => (name === 'close' ? async () => {} : (target as any)[name].bind(target)),
  })
}

test('watch with sendInitialEvents ends them with a bookmark', async () => {
  await using cluster = await withMaps(2)
  const options = { allowWatchBookmarks: true, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
  const watching = collect(cluster, options)
  await cluster.settle()
  assert.deepEqual(watching.seen, ['ADDED m0', 'ADDED m1', 'BOOKMARK'])
  assert.equal(watching.events[2]?.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true')
  watching.stop()
})

test('watch sends bookmarks as time passes and ends on time', async () => {
  await using cluster = await withMaps(1)
  const watching = collect(cluster, { allowWatchBookmarks: true, resourceVersion: '1', timeoutSeconds: 100 })
  await cluster.settle()
  await cluster.client.create(Pod, pod('p'))
  await cluster.advance(61_000)
  assert.deepEqual(watching.seen, ['ADDED m0', 'BOOKMARK'])
  await cluster.client.create(ConfigMap, { metadata: { name: 'z', namespace: 'default' } })
  await cluster.advance(60_000)
  assert.equal(await watching.ended, undefined)
  assert.deepEqual(watching.seen, ['ADDED m0', 'BOOKMARK', 'ADDED z', 'BOOKMARK'])
})

test('a row that others wrote without the parts that every object has is read as Go reads it, and ends nobody', async () => {
  await using cluster = await testCluster()
  const stop = new AbortController()
  const seen: string[] = []
  const watched = (async () => {
    const selection = { fieldSelector: 'spec.nodeName=', signal: stop.signal }
    for await (const batch of cluster.client.watch(Pod, selection)) seen.push(...batch.map(({ object }) => object.metadata.name))
  })()
  await cluster.settle()
  const key = '/registry/pods/default/bare'
  const value = Buffer.from('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"bare","namespace":"default"}}')
  const cause = { user: 'etcdctl', time: 0, request: '' }
  await cluster.store.txn({ compare: [], success: [{ op: 'put', key, value }], cause })
  await cluster.settle()
  assert.deepEqual(seen, ['bare'])
  assert.deepEqual((await cluster.client.list(Pod, { fieldSelector: 'spec.nodeName=n' })).items, [])
  assert.deepEqual((await cluster.client.get(Pod, { name: 'bare', namespace: 'default' })).spec.containers, [])
  stop.abort()
  await watched.catch(() => {})
})
