import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Service } from '#api/core/v1/service.ts'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { edit } from '#client/client.ts'
import type { Draft } from '#schema/words.ts'
import { testCluster } from '#testing/cluster.ts'
import { serviceHook } from './service.ts'

type Spec = Draft<Service['spec']>

async function bed(options: Parameters<typeof serviceHook>[0] = {}) {
  const cluster = await testCluster({ hooks: [serviceHook(options)] })
  const { client } = cluster
  const at = (name: string) => ({ name, namespace: 'default' })
  return {
    cluster,
    client,
    create: (name: string, spec: Spec = {}, dryRun = false) =>
      client.create(Service, { metadata: at(name), spec: { ports: [{ port: 80 }], ...spec } }, { dryRun }),
    change: async (name: string, spec: Spec) => {
      const current = edit(await client.get(Service, at(name)))
      return client.update(Service, { ...current, spec: { ...current.spec, ...spec } } as Draft<Service>)
    },
    replace: (name: string, spec: Spec) =>
      client.update(Service, { metadata: at(name), spec: { ports: [{ port: 80 }], ...spec } }),
    remove: (name: string) => client.delete(Service, at(name)),
    addresses: async () => (await cluster.list(IPAddress)).map(({ metadata }) => metadata.name),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  }
}

test('a service claims an address as long as it lives', async () => {
  await using at = await bed()
  const { spec } = await at.create('web')
  assert.match(spec.clusterIP ?? '', /^10\.96\.\d+\.\d+$/)
  assert.deepEqual([spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy], [[spec.clusterIP], ['IPv4'], 'SingleStack'])
  const address = await at.client.get(IPAddress, { name: spec.clusterIP as string })
  assert.deepEqual(address.spec.parentRef, { resource: 'services', namespace: 'default', name: 'web' })
  assert.deepEqual(address.metadata.labels, {
    'ipaddress.kubernetes.io/ip-family': 'IPv4',
    'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
  })
  await at.remove('web')
  assert.deepEqual(await at.addresses(), [])
})

test('an address can be chosen, once', async () => {
  await using at = await bed()
  await at.create('dns', { clusterIP: '10.96.0.10' })
  await assert.rejects(at.create('other', { clusterIP: '10.96.0.10' }), {
    message:
      'Service "other" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
  })
  await assert.rejects(at.create('other', { clusterIP: '10.0.0.10' }), {
    message:
      'Service "other" is invalid: spec.clusterIPs: Invalid value: ["10.0.0.10"]: failed to allocate IP 10.0.0.10: the provided network does not match the current range',
  })
  await assert.rejects(at.create('dns', { clusterIP: '10.96.0.10' }), { reason: 'AlreadyExists' })
  assert.deepEqual(await at.addresses(), ['10.96.0.10'])
})

test('a refused or dry write claims nothing', async () => {
  await using at = await bed()
  await assert.rejects(at.create('Bad_Name'), { reason: 'Invalid' })
  const { spec } = await at.create('dry', { type: 'NodePort' }, true)
  assert.ok(spec.clusterIP && spec.ports?.[0]?.nodePort)
  assert.deepEqual(await at.addresses(), [])
  const { spec: real } = await at.create('real', { type: 'NodePort', ports: [{ port: 80, nodePort: spec.ports[0].nodePort }] })
  assert.equal(real.ports?.[0]?.nodePort, spec.ports[0].nodePort)
})

test('ServiceCIDR objects decide about the ranges', async () => {
  await using at = await bed()
  await at.client.create(ServiceCIDR, { metadata: { name: 'small' }, spec: { cidrs: ['10.9.0.0/30'] } })
  assert.deepEqual([(await at.create('a')).spec.clusterIP, (await at.create('b')).spec.clusterIP].sort(), [
    '10.9.0.1',
    '10.9.0.2',
  ])
  await assert.rejects(at.create('c'), {
    code: 500,
    message: 'Internal error occurred: failed to allocate a serviceIP for Service "c": range is full',
  })
})

test('headless and external services claim none', async () => {
  await using at = await bed()
  const view = ({ spec }: Service) => [spec.clusterIP, spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy]
  const selector = { app: 'a' }
  assert.deepEqual(view(await at.create('a', { clusterIP: 'None', selector })), ['None', ['None'], ['IPv4'], 'SingleStack'])
  assert.deepEqual(view(await at.create('b', { clusterIP: 'None' })), ['None', ['None'], ['IPv4', 'IPv6'], 'RequireDualStack'])
  const external = await at.create('c', { type: 'ExternalName', externalName: 'example.com' })
  assert.deepEqual(view(external), [undefined, undefined, undefined, undefined])
  assert.deepEqual(await at.addresses(), [])
})

test('two families are more than this cluster has', async () => {
  await using at = await bed()
  const cases: [Spec, string][] = [
    [
      { ipFamilyPolicy: 'RequireDualStack' },
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    ],
    [{ ipFamilies: ['IPv6'] }, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    [{ clusterIP: 'fd00::1' }, 'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster'],
    [
      { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.6'] },
      'spec.clusterIPs: Invalid value: ["10.96.0.6"]: first value must match `clusterIP`',
    ],
  ]
  for (const [spec, why] of cases) await assert.rejects(at.create('a', spec), { message: `Service "a" is invalid: ${why}` })
  assert.deepEqual((await at.create('p', { ipFamilyPolicy: 'PreferDualStack' })).spec.ipFamilies, ['IPv4'])
})

test('an update keeps what was allocated, and a change of type gives it back', async () => {
  await using at = await bed()
  const { spec } = await at.create('web', { type: 'NodePort' })
  const replaced = await at.replace('web', { type: 'NodePort' })
  assert.deepEqual([replaced.spec.clusterIP, replaced.spec.ports], [spec.clusterIP, spec.ports])
  const plain = await at.change('web', { type: 'ClusterIP' })
  assert.equal(plain.spec.ports?.[0]?.nodePort, undefined)
  assert.equal(plain.spec.externalTrafficPolicy, undefined)
  const external = await at.change('web', { type: 'ExternalName', externalName: 'example.com' })
  assert.equal(external.spec.clusterIP, undefined)
  assert.deepEqual(await at.addresses(), [])
  const back = await at.change('web', { type: 'ClusterIP', externalName: '' })
  assert.deepEqual(await at.addresses(), [back.spec.clusterIP])
})

test('node ports are allocated, shared between protocols and checked', async () => {
  await using at = await bed()
  const ports = [
    { name: 'tcp', port: 53, protocol: 'TCP' as const },
    { name: 'udp', port: 53, protocol: 'UDP' as const, nodePort: 30053 },
    { name: 'web', port: 80 },
  ]
  const { spec } = await at.create('dns', { type: 'NodePort', ports })
  assert.deepEqual(
    spec.ports?.slice(0, 2).map(({ nodePort }) => nodePort),
    [30053, 30053],
  )
  assert.ok((spec.ports?.[2]?.nodePort ?? 0) >= 30086)
  const taken = (nodePort: number) => at.create('x', { type: 'NodePort', ports: [{ port: 80, nodePort }] })
  const prefix = (value: number) => `Service "x" is invalid: spec.ports[0].nodePort: Invalid value: ${value}: `
  await assert.rejects(taken(30053), { message: `${prefix(30053)}provided port is already allocated` })
  await assert.rejects(taken(80), {
    message: `${prefix(80)}provided port is not in the valid range. The range of valid ports is 30000-32767`,
  })
  await at.remove('dns')
  assert.equal((await taken(30053)).spec.ports?.[0]?.nodePort, 30053)
})

test('load balancers get node ports unless they decline, and a health check port when traffic stays local', async () => {
  await using at = await bed()
  const plain = await at.create('a', { type: 'LoadBalancer' })
  assert.ok(plain.spec.ports?.[0]?.nodePort)
  assert.equal(plain.spec.healthCheckNodePort, undefined)
  const none = await at.create('b', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false })
  assert.equal(none.spec.ports?.[0]?.nodePort, undefined)
  const local = await at.create('c', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 })
  assert.equal(local.spec.healthCheckNodePort, 31000)
  await assert.rejects(at.create('d', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 }), {
    message:
      'Internal error occurred: failed to allocate requested HealthCheck NodePort 31000: provided port is already allocated',
  })
  const switched = await at.change('c', { externalTrafficPolicy: 'Cluster' })
  assert.equal(switched.spec.healthCheckNodePort, undefined)
  const again = await at.change('a', { externalTrafficPolicy: 'Local' })
  assert.ok(again.spec.healthCheckNodePort)
})

test('services created at once never share', async () => {
  await using at = await bed({ nodePorts: { first: 30000, last: 30040 } })
  const made = await Promise.all(Array.from({ length: 41 }, (_, i) => at.create(`s${i}`, { type: 'NodePort' })))
  assert.equal(new Set(made.map(({ spec }) => spec.clusterIP)).size, 41)
  assert.equal(new Set(made.map(({ spec }) => spec.ports?.[0]?.nodePort)).size, 41)
  await assert.rejects(at.create('more', { type: 'NodePort' }), {
    message: 'Internal error occurred: failed to allocate a nodePort: range is full',
  })
})

test('a service without a name is named so', async () => {
  await using at = await bed()
  const nameless = { metadata: { namespace: 'default' }, spec: { ipFamilies: ['.'], ports: [{ port: 80 }] } }
  await assert.rejects(at.client.create(Service, nameless as unknown as Draft<Service>), { message: /^Service "" is invalid: / })
})
