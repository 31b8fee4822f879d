import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { testCluster } from '#testing/cluster.ts'
import { kubernetesServiceIp, reconcileKubernetesService } from './kubernetes-service.ts'
import { serviceHook } from './registry/hooks/service.ts'

const at = { name: 'kubernetes', namespace: 'default' }

test('kubernetesServiceIp() is the first of the range', () => {
  assert.equal(kubernetesServiceIp(), '10.96.0.1')
  assert.equal(kubernetesServiceIp('172.20.16.0/20'), '172.20.16.1')
})

test('reconcileKubernetesService() leads pods to the server', async () => {
  await using cluster = await testCluster({ hooks: [serviceHook()] })
  const { client, clock } = cluster
  const options = { client, clock, addresses: ['10.0.0.7'] }
  await reconcileKubernetesService(options)
  const service = await client.get(Service, at)
  assert.equal(service.spec.clusterIP, '10.96.0.1')
  assert.deepEqual(service.spec.ports, [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }])
  assert.deepEqual(service.metadata.labels, { component: 'apiserver', provider: 'kubernetes' })
  assert.deepEqual((await client.get(Endpoints, at)).subsets, [
    { addresses: [{ ip: '10.0.0.7' }], ports: [{ name: 'https', port: 6443, protocol: 'TCP' }] },
  ])
  const slice = await client.get(EndpointSlice, at)
  assert.deepEqual(slice.endpoints, [{ addresses: ['10.0.0.7'], conditions: { ready: true } }])
  assert.equal((await client.get(IPAddress, { name: '10.96.0.1' })).spec.parentRef?.name, 'kubernetes')
  assert.equal((await client.get(ServiceCIDR, { name: 'kubernetes' })).status?.conditions?.[0]?.status, 'True')

  const version = slice.metadata.resourceVersion
  await reconcileKubernetesService(options)
  assert.equal((await client.get(EndpointSlice, at)).metadata.resourceVersion, version)
  await reconcileKubernetesService({ ...options, addresses: ['10.0.0.9', '10.0.0.8'], port: 7443 })
  const moved = await client.get(EndpointSlice, at)
  assert.deepEqual(
    moved.endpoints.map(({ addresses }) => addresses[0]),
    ['10.0.0.8', '10.0.0.9'],
  )
  assert.equal((await client.get(Service, at)).spec.ports?.[0]?.targetPort, 7443)
  assert.equal((await client.get(Service, at)).spec.clusterIP, '10.96.0.1')
})
