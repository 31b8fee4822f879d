import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Service } from '#api/core/v1/service.ts'
import { edit } from '#client/client.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { pod, service } from '#testing/make.ts'
import { defaultPlugins } from './chain.ts'
import { resourceQuotaWith } from './resource-quota.ts'

/** A quota as its controller would have left it. */
async function quota(cluster: TestCluster, name: string, hard: Record<string, string>, over: any = {}): Promise<void> {
  const { used, ...spec } = over
  const made = await cluster.client.create(ResourceQuota, { metadata: { name, namespace: 'default' }, spec: { hard, ...spec } })
  const zero = Object.fromEntries(Object.keys(hard).map((key) => [key, '0']))
  await cluster.client.update(
    ResourceQuota,
    { ...edit(made), status: { hard, used: { ...zero, ...used } } },
    { subresource: 'status' },
  )
}

async function usedOf(cluster: TestCluster, name: string) {
  return (await cluster.client.get(ResourceQuota, { name, namespace: 'default' })).status.used
}

const requests = (cpu: string) => ({ containers: [{ name: 'main', image: 'i', resources: { requests: { cpu } } }] })

test('ResourceQuota counts what is made and refuses what is too much', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  await quota(cluster, 'q', { pods: '2', 'requests.cpu': '3' })
  await client.create(Pod, pod('a', { spec: requests('1') }))
  assert.deepEqual(await usedOf(cluster, 'q'), { pods: '1', 'requests.cpu': '1' })
  await assert.rejects(client.create(Pod, pod('b', { spec: requests('2500m') })), {
    code: 403,
    message:
      'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=2500m, used: requests.cpu=1, limited: requests.cpu=3',
  })
  await client.create(Pod, pod('b', { spec: requests('1') }))
  await assert.rejects(client.create(Pod, pod('c', { spec: requests('1') })), {
    message: 'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
  })
  await assert.rejects(client.create(Pod, pod('d')), {
    message: 'pods "d" is forbidden: failed quota: q: must specify requests.cpu for: main',
  })
})

test('ResourceQuota lets no two requests at once have the same rest', async () => {
  await using cluster = await testCluster()
  await quota(cluster, 'q', { 'count/configmaps': '3' })
  const made = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) => cluster.client.create(ConfigMap, { metadata: { name: `m${i}`, namespace: 'default' } })),
  )
  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 3)
  assert.deepEqual(await usedOf(cluster, 'q'), { 'count/configmaps': '3' })
})

test('ResourceQuota counts nothing on a dry run, and waits for the status of a new quota', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  await quota(cluster, 'q', { pods: '2' })
  await client.create(Pod, pod('a'), { dryRun: true })
  assert.deepEqual(await usedOf(cluster, 'q'), { pods: '0' })
  const made = await client.get(ResourceQuota, { name: 'q', namespace: 'default' })
  await client.update(ResourceQuota, { ...edit(made), status: { hard: { pods: '2' } } }, { subresource: 'status' })
  await assert.rejects(client.create(Pod, pod('a')), {
    message: 'pods "a" is forbidden: status unknown for quota: q, resources: pods',
  })
})

test('ResourceQuota counts by scope', async () => {
  await using cluster = await testCluster()
  await quota(cluster, 'best', { pods: '1' }, { scopes: ['BestEffort'] })
  await quota(cluster, 'short', { pods: '0' }, { scopes: ['Terminating'] })
  await cluster.client.create(Pod, pod('a', { spec: requests('1') }))
  assert.deepEqual(await usedOf(cluster, 'best'), { pods: '0' })
  await cluster.client.create(Pod, pod('b'))
  assert.deepEqual(await usedOf(cluster, 'best'), { pods: '1' })
  await assert.rejects(cluster.client.create(Pod, pod('c', { spec: { ...requests('1'), activeDeadlineSeconds: 5 } })), {
    message: 'pods "c" is forbidden: exceeded quota: short, requested: pods=1, used: pods=0, limited: pods=0',
  })
})

test('ResourceQuota counts what an update adds', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  await quota(cluster, 'q', { services: '1', 'services.nodeports': '1' })
  const made = await client.create(Service, service('web'))
  assert.deepEqual(await usedOf(cluster, 'q'), { services: '1', 'services.nodeports': '0' })
  const two = [
    { name: 'a', port: 80 },
    { name: 'b', port: 81 },
  ]
  await assert.rejects(client.update(Service, { ...edit(made), spec: { ...made.spec, type: 'NodePort', ports: two } as never }), {
    message:
      'services "web" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1',
  })
  await client.update(Service, { ...edit(made), spec: { ...made.spec, type: 'NodePort' } })
  assert.deepEqual(await usedOf(cluster, 'q'), { services: '1', 'services.nodeports': '1' })
})

test('ResourceQuota forbids limited resources where no quota covers them', async () => {
  const matchScopes = [{ scopeName: 'PriorityClass' as const, operator: 'In' as const, values: ['system-node-critical'] }]
  const plugin = resourceQuotaWith({
    limitedResources: [
      { resource: 'configmaps', matchContains: ['count/'] },
      { resource: 'pods', matchScopes },
    ],
  })
  const others = defaultPlugins.filter(({ name }) => !['ResourceQuota', 'ServiceAccount', 'Priority'].includes(name))
  await using cluster = await testCluster({ admission: [...others, plugin] })
  await assert.rejects(cluster.client.create(ConfigMap, { metadata: { name: 'm', namespace: 'default' } }), {
    message: 'configmaps "m" is forbidden: insufficient quota to consume: count/configmaps',
  })
  const critical = pod('a', { spec: { priorityClassName: 'system-node-critical' } })
  await assert.rejects(cluster.client.create(Pod, critical), {
    message: 'insufficient quota to match these scopes: [{PriorityClass In [system-node-critical]}]',
  })
  await cluster.client.create(Pod, pod('b'))
})
