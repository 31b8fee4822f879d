import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod, service } from '#testing/make.ts'
import { setReady } from '#testing/run-pods.ts'
import { endpointsController } from './endpoints.ts'
import { truncate } from './plan.ts'

const at = { name: 'web', namespace: 'default' }

test('Endpoints controller sorts ready and other addresses, and follows the Service', async () => {
  await using cluster = await testCluster({ controllers: [endpointsController] })
  const created = await cluster.client.create(
    Service,
    service('web', {
      spec: {
        ports: [
          { name: 'http', port: 80, targetPort: 8080 },
          { name: 'admin', port: 81, targetPort: 8081 },
        ],
      },
    }),
  )
  for (const [name, ip, ready] of [
    ['b', '10.244.0.3', true],
    ['a', '10.244.0.2', true],
    ['c', '10.244.0.4', false],
  ] as const) {
    await setReady(
      cluster,
      await cluster.client.create(Pod, pod(name, { labels: { app: 'web' }, spec: { nodeName: 'n1' } })),
      ready,
      ip,
    )
  }
  await cluster.settle()
  const { subsets, metadata } = await cluster.client.get(Endpoints, at)
  assert.equal(metadata.labels?.['endpoints.kubernetes.io/managed-by'], 'endpoint-controller')
  assert.equal(subsets?.length, 1)
  assert.deepEqual(
    subsets?.[0]?.addresses?.map(({ ip }) => ip),
    ['10.244.0.2', '10.244.0.3'],
  )
  assert.deepEqual(
    subsets?.[0]?.notReadyAddresses?.map(({ ip }) => ip),
    ['10.244.0.4'],
  )
  assert.deepEqual(
    subsets?.[0]?.ports?.map(({ name, port }) => [name, port]),
    [
      ['admin', 8081],
      ['http', 8080],
    ],
  )
  await cluster.client.delete(Service, created)
  await cluster.settle()
  assert.deepEqual(await cluster.list(Endpoints), [])
  assert.deepEqual(cluster.errors, [])
})

test('truncate() keeps a thousand addresses, ready ones first', () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => ({ ip: `10.0.${at >> 8}.${at & 255}` }))
  assert.equal(truncate([{ addresses: many(1000) }]), undefined)
  assert.deepEqual(
    truncate([{ addresses: many(900), notReadyAddresses: many(300) }])?.map(({ notReadyAddresses }) => notReadyAddresses?.length),
    [100],
  )
  assert.deepEqual(
    truncate([{ addresses: many(1500) }, { addresses: many(500) }])?.map(({ addresses }) => addresses?.length),
    [750, 250],
  )
})
