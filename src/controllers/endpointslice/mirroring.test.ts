import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { testCluster } from '#testing/cluster.ts'
import { holdsForAll } from '#testing/property.ts'
import { endpointsController } from '../endpoints/endpoints.ts'
import { endpointSliceController } from './endpointslice.ts'
import { endpointSliceMirroringController } from './mirroring.ts'
import { planMirror } from './mirroring-plan.ts'

const at = { name: 'db', namespace: 'default' }
const start = () =>
  testCluster({ controllers: [endpointSliceMirroringController, endpointsController, endpointSliceController], policy: true })
const byHand = { metadata: at, spec: { ports: [{ port: 5432 }] } }
const subset = (ips: readonly string[], port = 5432) => ({ addresses: ips.map((ip) => ({ ip })), ports: [{ port }] })
const shape = ({ addressType, endpoints, ports }: EndpointSlice) =>
  `${addressType} ${ports?.map(({ port }) => port)} ${endpoints.map(({ addresses, conditions }) => `${addresses}${conditions?.ready ? '' : '!'}`).sort()}`

test('EndpointSlice mirroring follows Endpoints of a Service without selector', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(Service, byHand)
  const made = await client.create(Endpoints, {
    metadata: { ...at, labels: { team: 'x' }, annotations: { note: 'y' } },
    subsets: [{ ...subset(['192.0.2.1', '2001:db8::1']), notReadyAddresses: [{ ip: '192.0.2.2' }] }],
  })
  await cluster.settle()
  const shapes = async () => (await cluster.list(EndpointSlice)).map(shape).sort()
  assert.deepEqual(await shapes(), ['IPv4 5432 192.0.2.1,192.0.2.2!', 'IPv6 5432 2001:db8::1'])
  const [slice] = await cluster.list(EndpointSlice)
  assert.deepEqual(slice?.metadata.labels, {
    team: 'x',
    'kubernetes.io/service-name': 'db',
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  })
  assert.equal(slice?.metadata.annotations?.note, 'y')
  assert.equal(slice?.metadata.ownerReferences?.[0]?.kind, 'Endpoints')
  await client.update(Endpoints, { ...made, subsets: [subset(['192.0.2.9'], 6000)] })
  await cluster.settle()
  assert.deepEqual(await shapes(), ['IPv4 6000 192.0.2.9'])
  await client.patch(Endpoints, at, {
    type: 'merge',
    body: { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } },
  })
  await cluster.settle()
  assert.deepEqual(await shapes(), [])
  assert.deepEqual(cluster.errors, [])
})

test('EndpointSlice mirroring ends with the Service, with its lack of a selector, and with the Endpoints', async () => {
  await using cluster = await start()
  const { client } = cluster
  const mirrors = async () =>
    (await cluster.list(EndpointSlice)).filter((one) =>
      one.metadata.labels?.['endpointslice.kubernetes.io/managed-by']?.includes('mirroring'),
    ).length
  const put = async () => {
    await client.create(Service, byHand)
    await client.create(Endpoints, { metadata: at, subsets: [subset(['192.0.2.1'])] })
    await cluster.settle()
    assert.equal(await mirrors(), 1)
  }
  await put()
  await client.delete(Endpoints, at)
  await cluster.settle()
  assert.equal(await mirrors(), 0)
  await client.delete(Service, at)
  await put()
  await client.patch(Service, at, { type: 'merge', body: { spec: { selector: { app: 'db' } } } })
  await cluster.settle()
  assert.equal(await mirrors(), 0)
  assert.deepEqual(cluster.errors, [])
})

test('planMirror() comes to rest after one step, with every address once', () => {
  holdsForAll(
    {
      runs: 500,
      make: (dice) => ({
        subsets: dice.some(4, () => ({
          port: dice.upTo(2),
          ips: dice.some(6, () => dice.upTo(9)),
          down: dice.some(3, () => dice.upTo(9)),
        })),
        before: dice.some(4, () => ({ port: dice.upTo(2), ips: dice.some(6, () => dice.upTo(9)), down: [] as number[] })),
      }),
    },
    ({ subsets, before }) => {
      const make = (list: typeof subsets) =>
        ({
          metadata: { name: 'db', namespace: 'default' },
          subsets: list.map(({ port, ips, down }) => ({
            addresses: ips.map((ip) => ({ ip: ip % 3 ? `192.0.2.${ip}` : `2001:db8::${ip}` })),
            notReadyAddresses: down.map((ip) => ({ ip: `192.0.3.${ip}` })),
            ports: [{ port, protocol: 'TCP' }],
          })),
        }) as never as Endpoints
      let count = 0
      const apply = (endpoints: Endpoints, existing: readonly EndpointSlice[]) => {
        const { create, update, delete: gone } = planMirror(endpoints, existing)
        const touched = new Set([...update, ...gone].map(({ metadata }) => metadata.name))
        const named = create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: `s${count++}` } }) as EndpointSlice)
        return [...existing.filter(({ metadata }) => !touched.has(metadata.name)), ...update, ...named]
      }
      const slices = apply(make(subsets), apply(make(before), []))
      assert.deepEqual({ ...planMirror(make(subsets), slices) }, { create: [], update: [], delete: [], skipped: 0 })
      const got = slices
        .flatMap(({ endpoints, ports }) => endpoints.map(({ addresses }) => `${addresses} ${ports?.[0]?.port}`))
        .sort()
      const want = new Set(
        make(subsets).subsets?.flatMap(({ addresses = [], notReadyAddresses = [], ports }) =>
          [...addresses, ...notReadyAddresses].map(({ ip }) => `${ip} ${ports?.[0]?.port}`),
        ),
      )
      assert.deepEqual(got, [...want].sort())
    },
  )
})

test('planMirror() stops at a thousand addresses of a subset', () => {
  const ips = Array.from({ length: 1005 }, (_, at) => `10.0.${at >> 8}.${at & 255}`)
  const plan = planMirror({ metadata: { name: 'db' }, subsets: [subset(ips)] } as never, [])
  assert.deepEqual([plan.create[0]?.endpoints?.length, plan.skipped], [1000, 5])
})
