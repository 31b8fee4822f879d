import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Service } from '#api/core/v1/service.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { hasReason } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { service } from '#testing/make.ts'
import { parseAddress, parseRange, rangeHolds } from './address-range.ts'
import { canGo, serviceCidrController } from './service-cidrs.ts'

test('service-cidr-controller keeps a range while addresses of Services lie in it alone', async () => {
  await using cluster = await testCluster({ controllers: [serviceCidrController], policy: true })
  const { client } = cluster
  const at = { name: 'extra' }
  const ready = async () => {
    const { status } = await client.get(ServiceCIDR, at)
    return status.conditions?.map(({ type, status: is, reason, message }) => `${type} ${is} ${reason} ${message}`)
  }
  await client.create(ServiceCIDR, { metadata: at, spec: { cidrs: ['192.168.0.0/24'] } })
  await cluster.settle()
  assert.deepEqual(await ready(), ['Ready True  Kubernetes Service CIDR is ready'])
  const web = await client.create(Service, service('web'))
  assert.match(web.spec.clusterIP ?? '', /^192\.168\.0\./)
  await client.delete(ServiceCIDR, at)
  await cluster.settle()
  const blocked = 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR'
  assert.deepEqual(await ready(), [`Ready False Terminating ${blocked}`])
  await cluster.advance(3_600_000)
  const { resourceVersion } = (await client.get(ServiceCIDR, at)).metadata
  await cluster.advance(3_600_000)
  assert.equal((await client.get(ServiceCIDR, at)).metadata.resourceVersion, resourceVersion)
  await client.delete(Service, { name: 'web', namespace: 'default' })
  await cluster.settle()
  await assert.rejects(client.get(ServiceCIDR, at), (error) => hasReason(error, 'NotFound'))
  assert.deepEqual(cluster.errors, [])
})

test('service-cidr-controller lets a range go into a wider one, after a while', async () => {
  await using cluster = await testCluster({ controllers: [serviceCidrController] })
  const { client } = cluster
  await client.create(ServiceCIDR, { metadata: { name: 'small' }, spec: { cidrs: ['192.168.0.0/24'] } })
  await client.create(Service, service('web'))
  await cluster.settle()
  await client.delete(ServiceCIDR, { name: 'small' })
  await cluster.settle()
  await client.create(ServiceCIDR, { metadata: { name: 'wide' }, spec: { cidrs: ['192.168.0.0/16'] } })
  await cluster.advance(11_000)
  assert.deepEqual(
    (await cluster.list(ServiceCIDR)).map(({ metadata }) => metadata.name),
    ['wide'],
  )
})

const range = (name: string, ...cidrs: string[]) => ({ metadata: { name }, spec: { cidrs } }) as never as ServiceCIDR
const ip = (name: string) =>
  ({ metadata: { name, labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } } }) as never
const cases: readonly [string, string[], string[], string[], boolean][] = [
  ['without addresses', ['10.0.0.0/8'], [], [], true],
  ['with an address', ['10.0.0.0/8'], [], ['10.1.2.3'], false],
  ['with an address that another range holds', ['10.0.0.0/8'], ['10.1.0.0/16'], ['10.1.2.3'], true],
  ['with one of two that another range holds', ['10.0.0.0/8'], ['10.1.0.0/16'], ['10.1.2.3', '10.2.0.1'], false],
  ['of two families, of which one is covered', ['10.0.0.0/8', 'fd00::/64'], ['10.0.0.0/8'], ['fd00::5'], false],
  ['of two families, both covered', ['10.0.0.0/8', 'fd00::/64'], ['10.0.0.0/7', 'fd00::/48'], ['fd00::5', '10.0.0.1'], true],
]
for (const [name, own, others, addresses, wanted] of cases) {
  test(`canGo(): a range ${name}`, () => {
    const all = [range('own', ...own), ...others.map((cidr, at) => range(`o${at}`, cidr))]
    assert.equal(canGo(all[0]!, { ranges: all, addresses: addresses.map(ip) }), wanted)
  })
}

test('parseRange() reads both families', () => {
  const holds = (cidr: string, address: string) => rangeHolds(parseRange(cidr)!, parseAddress(address)!)
  assert.deepEqual(
    [holds('10.0.0.0/8', '10.255.0.1'), holds('2001:db8::/32', '2001:db8:ffff::1'), holds('::ffff:0:0/96', '::ffff:1.2.3.4')],
    [true, true, true],
  )
  assert.deepEqual([holds('10.0.0.0/8', '11.0.0.0'), holds('fd00::/64', 'fd00:0:0:1::')], [false, false])
  assert.deepEqual(['10.0.0.0', '10.0.0.0/33', 'x/8', '10.0.0.0/-1'].map(parseRange), [
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
