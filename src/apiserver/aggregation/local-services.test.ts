import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APIService } from '#api/apiregistration/v1/api-service.ts'
import { edit } from '#client/client.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { openMemoryStore } from '#store/memory.ts'
import type { Store } from '#store/store.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'

const schema = { openAPIV3Schema: { type: 'object' } }
const definition = {
  metadata: { name: 'things.example.com' },
  spec: {
    ...{ group: 'example.com', scope: 'Cluster', names: { plural: 'things', kind: 'Thing' } },
    versions: [{ name: 'v1', served: true, storage: true, schema }],
  },
}

function unclosed(store: Store): Store {
  return new Proxy(store, {
    get: (target, name) => (name === 'close' ? async () => {} : (target as any)[name].bind(target)),
  })
}

async function rank(cluster: TestCluster, name: string): Promise<number | undefined> {
  await cluster.settle()
  return (await cluster.list(APIService)).find(({ metadata }) => metadata.name === name)?.spec.groupPriorityMinimum
}

async function change(cluster: TestCluster, name: string, labels?: Record<string, string>): Promise<void> {
  const service = edit(await cluster.client.get(APIService, { name }))
  service.spec.groupPriorityMinimum = 7
  if (labels) service.metadata.labels = labels
  await cluster.client.update(APIService, service)
}

test('registerLocal() keeps those of custom resources as they ought to be, and leaves the others to clients', async () => {
  await using cluster = await testCluster({ aggregation: {} })
  await send(cluster.server, 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition })
  assert.deepEqual([await rank(cluster, 'v1.example.com'), await rank(cluster, 'v1.apps')], [1000, 17800])
  for (const name of ['v1.example.com', 'v1.apps']) await change(cluster, name)
  assert.deepEqual([await rank(cluster, 'v1.example.com'), await rank(cluster, 'v1.apps')], [1000, 7])
  await cluster.client.delete(APIService, { name: 'v1.apps' })
  await cluster.client.delete(APIService, { name: 'v1.example.com' })
  assert.deepEqual([await rank(cluster, 'v1.example.com'), await rank(cluster, 'v1.apps')], [1000, undefined])
  await change(cluster, 'v1.example.com', {})
  assert.equal(await rank(cluster, 'v1.example.com'), 7, 'who takes the label off keeps it')
})

test('registerLocal() puts those of built-in kinds right at the start, and removes what is not served any more', async () => {
  const store = unclosed(openMemoryStore({ clock: new VirtualClock() }))
  const labels = { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' }
  {
    await using first = await testCluster({ store, aggregation: {} })
    await rank(first, 'v1.apps')
    await change(first, 'v1.apps')
    await change(first, 'v1.batch', {})
    const spec = { group: 'apps', version: 'v1beta9', groupPriorityMinimum: 1, versionPriority: 1 }
    await first.client.create(APIService, { metadata: { name: 'v1beta9.apps', labels }, spec })
    await first.settle()
    assert.equal(await rank(first, 'v1beta9.apps'), 1, 'made after the start')
  }
  await using second = await testCluster({ store, aggregation: {} })
  assert.equal(await rank(second, 'v1.apps'), 17800)
  assert.equal(await rank(second, 'v1.batch'), 7)
  assert.equal(await rank(second, 'v1beta9.apps'), undefined)
})
