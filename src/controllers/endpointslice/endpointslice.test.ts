import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { type Endpoint, EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod, service } from '#testing/make.ts'
import { setReady } from '#testing/run-pods.ts'
import { endpointSliceController } from './endpointslice.ts'
import { mostPerSlice, planSlices } from './plan.ts'

const start = async () => {
  const cluster = await testCluster({ controllers: [endpointSliceController] })
  await cluster.client.create(Node, node('n1', { labels: { 'topology.kubernetes.io/zone': 'a' } }))
  return cluster
}

async function place(cluster: TestCluster, name: string, { ip, ready = true }: { ip: string; ready?: boolean }) {
  const created = await cluster.client.create(Pod, pod(name, { labels: { app: 'web' }, spec: { nodeName: 'n1' } }))
  return setReady(cluster, created, ready, ip)
}

test('EndpointSlice controller writes what stands behind a Service', async () => {
  await using cluster = await start()
  await cluster.client.create(Service, service('web', { labels: { team: 'x' } }))
  await place(cluster, 'a', { ip: '10.244.0.2' })
  await place(cluster, 'b', { ip: '10.244.0.3', ready: false })
  await cluster.settle()
  const [slice, ...others] = await cluster.list(EndpointSlice)
  assert(slice)
  assert.equal(others.length, 0)
  assert.match(slice.metadata.name, /^web-.{5}$/)
  assert.equal(slice.metadata.labels?.['kubernetes.io/service-name'], 'web')
  assert.equal(slice.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslice-controller.k8s.io')
  assert.equal(slice.metadata.labels?.team, 'x')
  assert(slice.metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'])
  assert.deepEqual(slice.ports, [{ name: '', port: 8080, protocol: 'TCP' }])
  const byAddress = Object.fromEntries(slice.endpoints.map((endpoint) => [endpoint.addresses[0], endpoint]))
  assert.deepEqual(byAddress['10.244.0.2']?.conditions, { ready: true, serving: true, terminating: false })
  assert.deepEqual(byAddress['10.244.0.3']?.conditions, { ready: false, serving: false, terminating: false })
  assert.equal(byAddress['10.244.0.2']?.nodeName, 'n1')
  assert.equal(byAddress['10.244.0.2']?.zone, 'a')
  assert.deepEqual(cluster.errors, [])
})

test('EndpointSlice controller follows pods that begin to end, and keeps an empty slice', async () => {
  await using cluster = await start()
  await cluster.client.create(Service, service('web'))
  await cluster.settle()
  assert.equal((await cluster.list(EndpointSlice))[0]?.endpoints?.length ?? 0, 0)
  const placed = await place(cluster, 'a', { ip: '10.244.0.2' })
  await cluster.settle()
  await cluster.client.delete(Pod, placed)
  await cluster.settle()
  assert.deepEqual((await cluster.list(EndpointSlice))[0]?.endpoints[0]?.conditions, {
    ready: false,
    serving: true,
    terminating: true,
  })
  await cluster.client.delete(Pod, placed, { gracePeriodSeconds: 0 })
  await cluster.settle()
  const slices = await cluster.list(EndpointSlice)
  assert.equal(slices.length, 1)
  assert.equal(slices[0]?.endpoints?.length ?? 0, 0)
})

test('EndpointSlice controller writes the new zone of a node with the next change of the Service', async () => {
  await using cluster = await start()
  await cluster.client.create(Service, service('web'))
  await place(cluster, 'a', { ip: '10.244.0.2' })
  const other = await place(cluster, 'b', { ip: '10.244.0.3' })
  await cluster.settle()
  const zones = async () => (await cluster.list(EndpointSlice))[0]?.endpoints.map(({ zone }) => zone).join()
  const body = { metadata: { labels: { 'topology.kubernetes.io/zone': 'b' } } }
  await cluster.client.patch(Node, { name: 'n1' }, { type: 'merge', body })
  await cluster.settle()
  assert.equal(await zones(), 'a,a')
  await setReady(cluster, other, false)
  await cluster.settle()
  assert.equal(await zones(), 'b,b')
})

test('EndpointSlice controller takes up a pod as soon as its node is known', async () => {
  await using cluster = await start()
  await cluster.client.create(Service, service('web'))
  await place(cluster, 'a', { ip: '10.244.0.2' })
  await cluster.client.delete(Node, { name: 'n1' })
  await place(cluster, 'b', { ip: '10.244.0.3' })
  await cluster.advance(1000)
  const addresses = async () => (await cluster.list(EndpointSlice))[0]?.endpoints?.flatMap((one) => one.addresses).join() ?? ''
  assert.equal(await addresses(), '')
  await cluster.client.create(Node, node('n1'))
  await cluster.advance(60_000)
  assert.equal(await addresses(), '10.244.0.2,10.244.0.3')
})

test('EndpointSlice controller leaves Services without a selector alone', async () => {
  await using cluster = await start()
  await cluster.client.create(Service, { metadata: { name: 'manual', namespace: 'default' }, spec: { ports: [{ port: 80 }] } })
  await cluster.settle()
  assert.deepEqual(await cluster.list(EndpointSlice), [])
})

const web = { metadata: { name: 'web', namespace: 'default', uid: 'u' }, spec: { clusterIP: '10.96.0.5' } } as unknown as Service
const ports = [{ name: '', port: 8080, protocol: 'TCP' as const }]
const backend = (at: number) => ({
  ports,
  endpoint: { addresses: [`10.0.${at >> 8}.${at & 255}`], conditions: { ready: true } } as Endpoint,
})
const backends = (from: number, count: number) => Array.from({ length: count }, (_, at) => backend(from + at))

function slice(name: string, from: number, count: number): EndpointSlice {
  const { create } = planSlices(web, { family: 'IPv4', backends: backends(from, count), existing: [], triggerTime: undefined })
  const [made] = create as unknown as EndpointSlice[]
  assert(made)
  return { ...made, metadata: { ...made.metadata, name } as EndpointSlice['metadata'] }
}

const cases = [
  {
    it: 'makes as many slices as are needed',
    existing: [],
    want: backends(0, 250),
    create: [100, 100, 50],
    update: {},
    gone: [],
  },
  {
    it: 'writes nothing that stands there',
    existing: [slice('a', 0, 60)],
    want: backends(0, 60),
    create: [],
    update: {},
    gone: [],
  },
  {
    it: 'fills the slice that is written anyway',
    existing: [slice('a', 0, 90), slice('b', 100, 50)],
    want: [...backends(0, 90), ...backends(101, 49), ...backends(200, 30)],
    create: [],
    update: { b: 79 },
    gone: [],
  },
  {
    it: 'fills the fullest slice that has room for all',
    existing: [slice('a', 0, 90), slice('b', 100, 50), slice('c', 200, 60)],
    want: [...backends(0, 90), ...backends(100, 50), ...backends(200, 60), ...backends(300, 20)],
    create: [],
    update: { c: 80 },
    gone: [],
  },
  {
    it: 'drops a slice that is empty',
    existing: [slice('a', 0, 5), slice('b', 100, 5)],
    want: backends(0, 5),
    create: [],
    update: {},
    gone: ['b'],
  },
]

for (const { it, existing, want, ...plan } of cases) {
  test(`planSlices() ${it}`, () => {
    const made = planSlices(web, { family: 'IPv4', backends: want, existing, triggerTime: undefined })
    assert.deepEqual(
      made.create.map(({ endpoints }) => endpoints?.length),
      plan.create,
    )
    assert.deepEqual(
      Object.fromEntries(made.update.map(({ metadata, endpoints }) => [metadata.name, endpoints.length])),
      plan.update,
    )
    assert.deepEqual(
      made.delete.map(({ metadata }) => metadata.name),
      plan.gone,
    )
    assert(made.update.every(({ endpoints }) => endpoints.length <= mostPerSlice))
  })
}
