import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { defaultPlugins } from '#apiserver/admission/chain.ts'
import type { AdmissionPlugin, AdmissionRequest } from '#apiserver/admission/plugin.ts'
import type { Client } from '#client/client.ts'
import { edit } from '#client/client.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { forbidden, hasReason } from '#schema/status-error.ts'
import { openMemoryStore } from '#store/memory.ts'
import type { Store } from '#store/store.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'

const at = { name: 'counter', namespace: 'default' }

/** Answers of the store arrive after a random number of turns of the event loop, and events later still. */
function sluggish(store: Store, random: Random): Store {
  const turns = async () => {
    for (let left = Math.floor(random.next() * 4); left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
  }
  const late = {
    txn: async (request: Parameters<Store['txn']>[0]) => {
      await turns()
      const result = await store.txn(request)
      await turns()
      return result
    },
    range: async (request: Parameters<Store['range']>[0]) => {
      const result = await store.range(request)
      await turns()
      return result
    },
    watch: (request: Parameters<Store['watch']>[0], onBatch: Parameters<Store['watch']>[1]) => {
      let before = Promise.resolve()
      store.watch(request, (batch) => {
        before = before.then(turns).then(() => {
          if (!request.signal.aborted) onBatch(batch)
        })
      })
    },
  }
  return new Proxy(store, {
    get: (target, name) => (name in late ? (late as any)[name] : (target as any)[name].bind(target)),
  })
}

/** One more, by one of the ways in which a client may count. */
async function count(client: Client, random: Random): Promise<boolean> {
  const way = random.next()
  try {
    if (way < 0.5) {
      const current = edit(await client.get(ConfigMap, at, { resourceVersion: way < 0.25 ? '0' : '' }))
      current.data = { n: String(Number(current.data?.n) + 1) }
      await client.update(ConfigMap, current)
    } else {
      const { data } = await client.get(ConfigMap, at)
      const n = String(data?.n)
      const body = [
        { op: 'test', path: '/data/n', value: n },
        { op: 'replace', path: '/data/n', value: String(Number(n) + 1) },
      ]
      await client.patch(ConfigMap, at, { type: 'json', body })
    }
    return true
  } catch (error) {
    if (hasReason(error, 'Conflict', 'Invalid')) return false
    throw error
  }
}

for (let seed = 1; seed <= 8; seed++) {
  test(`writeLoop() loses no update of many writers at once (seed ${seed})`, async () => {
    const random = seededRandom(seed)
    const store = sluggish(openMemoryStore({ clock: new VirtualClock() }), random)
    await using cluster = await testCluster({ store, seed })
    const { client } = cluster
    await client.create(ConfigMap, { metadata: at, data: { n: '0' } })
    await client.list(ConfigMap, { namespace: 'default' }) // from here on the cache has it
    let counted = 0
    const writer = async () => {
      for (let left = 12; left > 0; ) {
        if (!(await count(client, random))) continue
        counted++
        left--
      }
    }
    const unconditional = async (label: string) => {
      await client.patch(ConfigMap, at, { type: 'merge', body: { metadata: { labels: { [label]: 'x' } } } })
    }
    const labels = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    await Promise.all([writer(), writer(), writer(), writer(), ...labels.map(unconditional)])
    const { data, metadata } = await client.get(ConfigMap, at)
    assert.equal(data?.n, String(counted))
    assert.deepEqual(Object.keys(metadata.labels ?? {}).toSorted(), labels)
  })
}

test('writeLoop() reads past a cache that lags', async () => {
  const random = seededRandom(5)
  const store = sluggish(openMemoryStore({ clock: new VirtualClock() }), random)
  await using cluster = await testCluster({ store })
  const { client } = cluster
  for (let i = 0; i < 10; i++) {
    const ref = { name: `m${i}`, namespace: 'default' }
    const made = await client.create(ConfigMap, { metadata: ref })
    const changed = await client.update(ConfigMap, { ...made, data: { a: 'b' } })
    assert.deepEqual((await client.get(ConfigMap, ref)).data, { a: 'b' })
    const same = await client.update(ConfigMap, edit(changed))
    assert.equal(same.metadata.resourceVersion, changed.metadata.resourceVersion)
    const { items } = await client.list(ConfigMap, { namespace: 'default' })
    assert.equal(items.length, i + 1)
    await client.patch(ConfigMap, ref, { type: 'merge', body: { data: { c: 'd' } } })
    assert.deepEqual((await client.get(ConfigMap, ref)).data, { a: 'b', c: 'd' })
  }
})

test('what admission adds has its defaults too, so that a later write changes nothing of it', async () => {
  await using cluster = await testCluster({ admission: defaultPlugins })
  const { client } = cluster
  await client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } })
  await client.create(Pod, pod('p'))
  const found = await client.get(Pod, { name: 'p', namespace: 'default' })
  assert.equal(found.spec.serviceAccount, 'default')
  await client.update(Pod, { ...found, metadata: { ...found.metadata, labels: { a: 'b' } } })
})

/** Asked about writes that say `wanted`; somebody else changes the object after each decision but the last. */
async function withRival(rivals: readonly object[], decide?: (old: ConfigMap) => void) {
  const seen: string[] = []
  const left = [...rivals]
  const holder: { client?: Client } = {}
  const look = (phase: string, { object, old }: AdmissionRequest) => {
    if (!object.metadata.labels?.wanted || !old) return false
    seen.push(`${phase} ${old.data.n}`)
    return true
  }
  const plugin: AdmissionPlugin = {
    name: 'Witness',
    handles: ({ kind }) => kind === ConfigMap,
    mutate: async (request) => {
      if (look('mutate', request)) request.object.data.mutated = `after ${request.old.data.n}`
    },
    validate: async (request) => {
      if (!look('validate', request)) return
      decide?.(request.old)
      const body = left.shift()
      if (body) await holder.client?.patch(ConfigMap, at, { type: 'merge', body })
    },
  }
  const cluster = await testCluster({ admission: [plugin] })
  holder.client = cluster.client
  await cluster.client.create(ConfigMap, { metadata: at, data: { n: '0' } })
  return { cluster, seen, client: cluster.client }
}

const wish = { type: 'merge', body: { metadata: { labels: { wanted: 'yes' } } } } as const

test('writeLoop() asks admission again about the newer object after each conflict', async () => {
  const { cluster, seen, client } = await withRival([{ data: { n: '1' } }, { data: { n: '2' } }])
  await using _ = cluster
  const { data } = await client.patch(ConfigMap, at, wish)
  const rounds = ['0', '1', '2'].flatMap((n) => [`mutate ${n}`, `validate ${n}`])
  assert.deepEqual(seen, rounds)
  assert.deepEqual(data, { n: '2', mutated: 'after 2' })
})

test('writeLoop() refuses by what admission says of the newer object', async () => {
  const { cluster, client } = await withRival([{ data: { lock: 'yes' } }], ({ data }) => {
    if (data?.lock) throw forbidden(ConfigMap, 'counter', 'is locked')
  })
  await using _ = cluster
  await assert.rejects(client.patch(ConfigMap, at, wish), (error) => hasReason(error, 'Forbidden'))
  assert.deepEqual((await client.get(ConfigMap, at)).data, { n: '0', lock: 'yes' })
})

test('writeLoop() does not decide a second time for who named a version', async () => {
  const { cluster, seen, client } = await withRival([{ data: { n: '1' } }])
  await using _ = cluster
  const current = edit(await client.get(ConfigMap, at))
  current.metadata.labels = { wanted: 'yes' }
  await assert.rejects(client.update(ConfigMap, current), (error) => hasReason(error, 'Conflict'))
  assert.deepEqual(seen, ['mutate 0', 'validate 0', 'mutate 1'])
})
