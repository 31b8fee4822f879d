/** Several API servers on one real etcd: each sees what the others write, nothing is handed out twice, and they compact together. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Service } from '#api/core/v1/service.ts'
import { ensurePki } from '#cluster/pki.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { backupOf } from '#store/backup.ts'
import { runCompactor } from '#store/compactor.ts'
import { openEtcdStore } from '#store/etcd/etcd.ts'
import { serveEtcdApi } from '#store/etcd-api/serve.ts'
import { prefixEnd, type Store } from '#store/store.ts'
import { testCluster } from '#testing/cluster.ts'
import { etcdctlEnvironment, missingEtcd, type TestEtcd, testEtcd } from '#testing/etcd.ts'
import { etcdLink } from '#testing/etcd-link.ts'

const skip = missingEtcd()

function open({ endpoints }: Pick<TestEtcd, 'endpoints'>, name: string): Promise<Store> {
  return openEtcdStore({ endpoints, prefix: '/registry', name, clock: systemClock, random: systemRandom })
}

test('API servers on one etcd: watches see what is written through the other', { skip }, async () => {
  await using etcd = await testEtcd()
  await using a = await testCluster({ store: await open(etcd, 'a') })
  await using b = await testCluster({ store: await open(etcd, 'b'), seed: 2 })
  const stop = new AbortController()
  const seen: string[] = []
  const { metadata } = await b.client.list(ConfigMap, { namespace: 'default' })
  const watching = (async () => {
    const options = { namespace: 'default', resourceVersion: metadata.resourceVersion as string, signal: stop.signal }
    for await (const events of b.client.watch(ConfigMap, options)) {
      for (const { type, object } of events) seen.push(`${type} ${object.metadata.name}`)
      if (seen.length >= 60) return
    }
  })()
  const write = async (i: number) => {
    const made = await a.client.create(ConfigMap, { metadata: { name: `c${i}`, namespace: 'default' }, data: { n: '0' } })
    const found = await b.client.get(ConfigMap, { name: `c${i}`, namespace: 'default' })
    assert.equal(found.metadata.resourceVersion, made.metadata.resourceVersion, 'a consistent read sees what is acknowledged')
    await b.client.update(ConfigMap, { ...found, data: { n: '1' } })
    await a.client.delete(ConfigMap, { name: `c${i}`, namespace: 'default' })
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => write(i)))
  await watching
  stop.abort()
  for (let i = 0; i < 20; i++) {
    const own = seen.filter((one) => one.endsWith(` c${i}`))
    assert.deepEqual(own, [`ADDED c${i}`, `MODIFIED c${i}`, `DELETED c${i}`])
  }
})

test('API servers on one etcd: lists and watches out of the cache of one see what another has acknowledged', {
  skip,
}, async () => {
  await using etcd = await testEtcd()
  await using a = await testCluster({ store: await open(etcd, 'a') })
  await using b = await testCluster({ store: await open(etcd, 'b'), seed: 2 })
  const namespace = 'default'
  await b.client.list(ConfigMap, { namespace })
  const one = async (i: number) => {
    const name = `c${i}`
    const made = await a.client.create(ConfigMap, { metadata: { name, namespace }, data: { n: `${i}` } })
    const { items, metadata } = await b.client.list(ConfigMap, { namespace })
    assert(
      items.some((item) => item.metadata.resourceVersion === made.metadata.resourceVersion),
      `${name} is missing`,
    )
    assert(Number(metadata.resourceVersion) >= Number(made.metadata.resourceVersion))
    await a.client.delete(ConfigMap, { name, namespace })
    const { items: left } = await b.client.list(ConfigMap, { namespace })
    assert(!left.some((item) => item.metadata.name === name), `${name} is still there`)
  }
  for (let i = 0; i < 20; i++) await one(i)
  await Promise.all(Array.from({ length: 20 }, (_, i) => one(100 + i)))
})

test('API servers on one etcd: one that is cut off while etcd compacts lists anew, and its watchers too', { skip }, async () => {
  await using etcd = await testEtcd()
  await using link = await etcdLink(etcd.endpoints[0] as string)
  const near = await open(etcd, 'a')
  await using a = await testCluster({ store: near })
  await using b = await testCluster({ store: await open({ ...etcd, endpoints: [link.endpoint] }, 'b'), seed: 2 })
  const namespace = 'default'
  await a.client.create(ConfigMap, { metadata: { name: 'old', namespace } })
  const { metadata } = await b.client.list(ConfigMap, { namespace })
  const ended = Promise.withResolvers<unknown>()
  const watching = async () => {
    const options = { namespace, resourceVersion: metadata.resourceVersion as string, signal: new AbortController().signal }
    for await (const events of b.client.watch(ConfigMap, options)) {
      for (const { type } of events) assert.notEqual(type, 'ADDED', 'an event behind the gap')
    }
  }
  watching().then(ended.resolve, ended.resolve)
  link.cut()
  await a.client.delete(ConfigMap, { name: 'old', namespace })
  await a.client.create(ConfigMap, { metadata: { name: 'new', namespace } })
  await near.compact((await near.status()).revision)
  await a.client.create(ConfigMap, { metadata: { name: 'newer', namespace } })
  link.mend()
  const { items } = await b.client.list(ConfigMap, { namespace })
  const names = items.map((item) => item.metadata.name).filter((name) => name !== 'kube-root-ca.crt')
  assert.deepEqual(names.sort(), ['new', 'newer'])
  await ended.promise
})

test('API servers on one etcd: no address is given to two services', { skip }, async () => {
  await using etcd = await testEtcd()
  await using a = await testCluster({ store: await open(etcd, 'a') })
  await using b = await testCluster({ store: await open(etcd, 'b'), seed: 2 })
  const service = (name: string) => ({
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ port: 80 }], selector: { app: name } },
  })
  const made = await Promise.all(
    [a, b].flatMap(({ client }, server) =>
      Array.from({ length: 30 }, (_, i) => client.create(Service, service(`s${server}-${i}`) as never)),
    ),
  )
  const addresses = made.map(({ spec }) => spec.clusterIP)
  assert(addresses.every(Boolean))
  assert.equal(new Set(addresses).size, 60)
})

test('API servers on one etcd: they compact together, and never what the other still needs', { skip }, async () => {
  await using etcd = await testEtcd()
  const stores = [await open(etcd, 'a'), await open(etcd, 'b')]
  const clocks = [new VirtualClock(), new VirtualClock()]
  const errors: unknown[] = []
  const stop = new AbortController()
  for (const [i, store] of stores.entries()) {
    runCompactor({ store, clock: clocks[i] as VirtualClock, signal: stop.signal, onError: (error) => errors.push(error) })
  }
  const points: number[] = []
  for (let round = 0; round < 4; round++) {
    const { revision } = await put(stores[0] as Store, `${round}`)
    for (const clock of clocks) clock.runNext()
    await settled(stores)
    const compacted = Math.max(...(await Promise.all(stores.map(async (store) => (await store.status()).compactRevision))))
    assert(compacted < revision, 'what was written since the last round stays')
    points.push(compacted)
  }
  stop.abort()
  assert.deepEqual(errors, [])
  assert((points.at(-1) as number) > (points[0] as number), `the point of compaction moves: ${points}`)
  for (const store of stores) await store.close()
})

test('an API server lives with what somebody else writes into etcd', { skip }, async () => {
  await using etcd = await testEtcd()
  const foreign = await openEtcdStore({ endpoints: etcd.endpoints, name: 'x', clock: systemClock, random: systemRandom })
  await using a = await testCluster({ store: await open(etcd, 'a') })
  const write = (key: string, text: string) =>
    foreign.txn({
      compare: [],
      success: [{ op: 'put', key, value: Buffer.from(text) }],
      cause: { user: 'x', time: 0, request: 'x' },
    })
  const below = '/registry/configmaps/default/'
  const good = { data: { by: 'hand' }, metadata: { namespace: 'default', name: 'good' }, kind: 'ConfigMap', apiVersion: 'v1' }
  await write(`${below}bad`, 'no JSON at all')
  await write(`${below}worse`, '{"kind":7,"metadata":[]}')
  await write(`${below}good`, JSON.stringify(good, null, 2))
  const found = await a.client.get(ConfigMap, { name: 'good', namespace: 'default' })
  assert.deepEqual(found.data, { by: 'hand' })
  await assert.rejects(a.client.get(ConfigMap, { name: 'bad', namespace: 'default' }))
  await a.client.create(ConfigMap, { metadata: { name: 'after', namespace: 'default' } })
  assert.equal((await a.client.get(ConfigMap, { name: 'after', namespace: 'default' })).metadata.name, 'after')
  await foreign.close()
})

test("what etcdctl puts through Nami's etcd API reaches watchers of the Kubernetes API", {
  skip: missingEtcd('etcdctl'),
}, async () => {
  const files = mkdtempSync(join(tmpdir(), 'nami-etcd-api-'))
  await using cluster = await testCluster()
  const { store, client } = cluster
  const pki = await ensurePki(files, { addresses: ['127.0.0.1'] })
  const { key, certificate } = pki.apiserver
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rmSync(files, { recursive: true }))
  const api = await serveEtcdApi({
    ...{ store, clock: systemClock, host: '127.0.0.1', port: 0, key, certificate, clientCa: pki.ca.certificate, name: 'n1' },
    mayUse: ({ organizations }) => organizations.includes('system:masters'),
    snapshot: () => backupOf(store, { cluster: 'x', created: '' }),
  })
  cleanup.defer(() => api.close())
  const etcdctl = async (...args: string[]) => {
    const file = (name: string) => join(files, name)
    const tls = ['--cacert', file('ca.crt'), '--cert', file('admin.crt'), '--key', file('admin.key')]
    const flags = ['--endpoints', `https://127.0.0.1:${api.port}`, ...tls]
    const [code] = await once(spawn('etcdctl', [...flags, ...args], { env: etcdctlEnvironment(), stdio: 'ignore' }), 'close')
    assert.equal(code, 0, `etcdctl ${args.join(' ')}`)
  }
  const stop = new AbortController()
  const inDefault = { namespace: 'default' }
  const options = { ...inDefault, signal: stop.signal }
  const { metadata } = await client.list(ConfigMap, inDefault)
  const seen: string[] = []
  const watching = (async () => {
    for await (const events of client.watch(ConfigMap, { ...options, resourceVersion: metadata.resourceVersion as string })) {
      for (const { type, object } of events) seen.push(`${type} ${object.metadata?.name} ${object.data?.v}`)
      if (seen.some((one) => one.startsWith('DELETED'))) return
    }
  })()
  const below = '/registry/configmaps/default/'
  const text = (v: string) =>
    JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', data: { v }, metadata: { name: 'a', namespace: 'default' } })
  await etcdctl('put', `${below}a`, text('1'))
  await etcdctl('put', `${below}a`, text('2'))
  await etcdctl('del', `${below}a`)
  await watching
  stop.abort()
  assert.deepEqual(seen, ['ADDED a 1', 'MODIFIED a 2', 'DELETED a 2'])
  // As by upstream, what cannot be decoded makes lists of its kind fail until it is gone; nothing else suffers.
  await etcdctl('put', `${below}bad`, '{"metadata": 7')
  await assert.rejects(client.list(ConfigMap, inDefault), /default\/bad: unexpected end of JSON input/)
  await client.create(ConfigMap, { metadata: { name: 'b', namespace: 'default' } })
  await client.list(Service, inDefault)
  await etcdctl('del', `${below}bad`)
  assert.equal((await client.list(ConfigMap, inDefault)).items.length, 1)
})

function put(store: Store, value: string) {
  const cause = { user: 'test', time: 0, request: 'test' }
  return store.txn({ compare: [], success: [{ op: 'put', key: '/registry/x/y', value: Buffer.from(value) }], cause })
}

/** A compaction is a few requests, of which nobody tells the end: until nothing changes any more. */
async function settled(stores: readonly Store[]): Promise<void> {
  for (let last = '', same = 0; same < 10; ) {
    const now: string[] = []
    for (const store of stores) {
      const { rows } = await store.range({ key: '/registry/', end: prefixEnd('/registry/') })
      now.push(JSON.stringify([(await store.status()).compactRevision, rows.length]))
    }
    same = now.join() === last ? same + 1 : 0
    last = now.join()
  }
}
