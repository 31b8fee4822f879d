/** The life of what stands behind a Service: slices and Endpoints at each station, with labels and annotations as upstream has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { formatTime } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod, service } from '#testing/make.ts'
import { setReady } from '#testing/run-pods.ts'
import { endpointsController } from '../endpoints/endpoints.ts'
import { endpointSliceController } from './endpointslice.ts'

const at = { name: 'web', namespace: 'default' }
const changed = 'endpoints.kubernetes.io/last-change-trigger-time'

async function look(cluster: TestCluster) {
  const slices = (await cluster.list(EndpointSlice)).map(({ ports, endpoints }) => ({
    ports: (ports ?? []).map(({ name, port, protocol }) => `${name || '-'} ${port}/${protocol}`),
    endpoints: (endpoints ?? []).map(({ addresses, conditions, nodeName, zone, targetRef, hints }) =>
      [
        ...[addresses.join(), targetRef?.name, nodeName, zone, hints?.forZones?.map(({ name }) => name).join()],
        ...Object.entries(conditions ?? {}).flatMap(([name, holds]) => (holds ? [name] : [])),
      ]
        .filter(Boolean)
        .join(' '),
    ),
  }))
  const { subsets = [], metadata } = await cluster.client.get(Endpoints, at)
  const older = subsets.map(({ addresses, notReadyAddresses, ports }) =>
    [addresses, notReadyAddresses, ports?.map(({ port }) => ({ ip: port }))]
      .map((list = []) => list.map(({ ip }) => ip).join())
      .join(' / '),
  )
  return { slices, older, labels: metadata.labels, told: metadata.annotations?.[changed] }
}

test('the life of a Service: alone, with pods, one not ready, one leaving, near by, headless, gone', async () => {
  await using cluster = await testCluster({ controllers: [endpointSliceController, endpointsController] })
  const { client } = cluster
  await client.create(Node, node('n1', { labels: { 'topology.kubernetes.io/zone': 'a' } }))
  await client.create(Service, service('web', { labels: { team: 'x' } }))
  await cluster.settle()
  const own = { team: 'x', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' }
  const born = formatTime(cluster.clock.now())
  assert.deepEqual(await look(cluster), { slices: [{ ports: [], endpoints: [] }], older: [], labels: own, told: born })

  const pods = new Map<string, Pod>()
  for (const [name, last] of [...'ab'].entries()) {
    await cluster.advance(1000)
    const made = await client.create(Pod, pod(last, { labels: { app: 'web' }, spec: { nodeName: 'n1' } }))
    pods.set(last, await setReady(cluster, made, true, `10.244.0.${name + 2}`))
    await cluster.settle()
  }
  const all = (...endpoints: string[]) => [{ ports: ['- 8080/TCP'], endpoints }]
  assert.deepEqual(await look(cluster), {
    slices: all('10.244.0.2 a n1 a ready serving', '10.244.0.3 b n1 a ready serving'),
    older: ['10.244.0.2,10.244.0.3 /  / 8080'],
    labels: own,
    told: formatTime(cluster.clock.now()),
  })

  await cluster.advance(1000)
  pods.set('b', await setReady(cluster, pods.get('b') as Pod, false))
  await cluster.settle()
  const unready = await look(cluster)
  assert.deepEqual(unready.slices, all('10.244.0.2 a n1 a ready serving', '10.244.0.3 b n1 a'))
  assert.deepEqual([unready.older, unready.told], [['10.244.0.2 / 10.244.0.3 / 8080'], formatTime(cluster.clock.now())])

  await client.delete(Pod, pods.get('a') as Pod)
  await cluster.settle()
  const leaving = await look(cluster)
  assert.deepEqual(leaving.slices, all('10.244.0.2 a n1 a serving terminating', '10.244.0.3 b n1 a'))
  assert.deepEqual(leaving.older, [' / 10.244.0.3 / 8080'])
  await client.delete(Pod, pods.get('a') as Pod, { gracePeriodSeconds: 0 })
  await setReady(cluster, pods.get('b') as Pod, true)
  await cluster.settle()
  assert.deepEqual((await look(cluster)).slices, all('10.244.0.3 b n1 a ready serving'))

  const near = { trafficDistribution: 'PreferSameZone', publishNotReadyAddresses: true }
  await client.patch(Service, at, { type: 'merge', body: { spec: near } })
  await cluster.settle()
  assert.deepEqual((await look(cluster)).slices, all('10.244.0.3 b n1 a a ready serving'))

  await client.delete(Service, at)
  await cluster.settle()
  await client.create(Service, { ...service('web'), spec: { ...service('web').spec, clusterIP: 'None' } } as never)
  await cluster.settle()
  const headless = await look(cluster)
  assert.equal(headless.labels?.['service.kubernetes.io/headless'], '')
  const labels = (await cluster.list(EndpointSlice)).map(({ metadata }) => metadata.labels)
  assert.deepEqual(labels.at(-1), {
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': 'web',
    'service.kubernetes.io/headless': '',
  })
  await client.delete(Service, at)
  await cluster.settle()
  assert.deepEqual(await cluster.list(Endpoints), [])
  assert.deepEqual(cluster.errors, [])
})
