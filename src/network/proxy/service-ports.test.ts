import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { servicePorts } from './service-ports.ts'

const service = (spec: object, status: object = {}) =>
  ({
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.5', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
    status,
  }) as unknown as Service

const endpoint = (ip: string, over: object = {}) => ({ addresses: [ip], conditions: { ready: true }, nodeName: 'a', ...over })
const slice = (...endpoints: object[]) =>
  ({ addressType: 'IPv4', ports: [{ name: 'http', port: 8080, protocol: 'TCP' }], endpoints }) as unknown as EndpointSlice

const ips = (endpoints: readonly { ip: string; port: number }[] | undefined) =>
  endpoints?.map(({ ip, port }) => `${ip}:${port}`).join(' ')

test('servicePorts() gives nothing for services without an address', () => {
  for (const spec of [{ type: 'ExternalName' }, { clusterIP: 'None' }, { clusterIP: '' }]) {
    assert.deepEqual(servicePorts(service(spec), [], 'a'), [])
  }
})

test('servicePorts() takes ready endpoints, sorted and once each', () => {
  const slices = [
    slice(endpoint('10.1.0.2'), endpoint('10.1.0.3', { conditions: { ready: false } })),
    slice(endpoint('10.1.0.1'), endpoint('10.1.0.2')),
  ]
  const [port] = servicePorts(service({}), slices, 'a')
  assert.equal(ips(port?.internal), '10.1.0.1:8080 10.1.0.2:8080')
})

test('servicePorts() falls back to endpoints that are ending but serve', () => {
  const ending = { conditions: { ready: false, serving: true, terminating: true } }
  const slices = [
    slice(
      endpoint('10.1.0.1', ending),
      endpoint('10.1.0.2', { conditions: { ready: false, serving: false, terminating: true } }),
    ),
  ]
  assert.equal(ips(servicePorts(service({}), slices, 'a')[0]?.internal), '10.1.0.1:8080')
})

test('servicePorts() keeps to the node where the policies are Local', () => {
  const slices = [slice(endpoint('10.1.0.1'), endpoint('10.1.0.2', { nodeName: 'b' }))]
  const spec = { type: 'NodePort', externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' }
  const [port] = servicePorts(service(spec), slices, 'b')
  assert.equal(ips(port?.internal), '10.1.0.2:8080')
  assert.equal(ips(port?.external), '10.1.0.2:8080')
  assert.equal(ips(port?.everywhere), '10.1.0.1:8080 10.1.0.2:8080')
  assert.equal(port?.keepsSource, true)
})

test('servicePorts() reads affinity, node port and load-balancer addresses', () => {
  const spec = {
    type: 'LoadBalancer',
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    ports: [{ name: 'http', port: 80, protocol: 'UDP', nodePort: 30_080 }],
    externalIPs: ['192.0.2.1'],
  }
  const ingress = [{ ip: '192.0.2.9' }, { ip: '192.0.2.10', ipMode: 'Proxy' }, { hostname: 'x' }]
  const [port] = servicePorts(service(spec, { loadBalancer: { ingress } }), [], 'a')
  assert.equal(port?.affinitySeconds, 60)
  assert.equal(port?.nodePort, 30_080)
  assert.equal(port?.protocol, 'udp')
  assert.deepEqual(port?.externalIps, ['192.0.2.1', '192.0.2.9'])
})
