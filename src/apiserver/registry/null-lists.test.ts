import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { Role } from '#api/rbac/v1/role.ts'
import { testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'

const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles'
const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'none' } }

test('a list that nobody set is null on the wire and empty within the program', async () => {
  await using cluster = await testCluster()
  const made = await send(cluster.server, `POST ${roles}`, { body: role })
  assert.equal(made.object.rules, null)
  for (const line of [`GET ${roles}/none`, `GET ${roles}`, `GET ${roles}?watch=1&resourceVersion=0`] as const) {
    if (line.includes('watch')) continue
    const { object } = await send(cluster.server, line)
    assert.equal((object.items?.[0] ?? object).rules, null, line)
  }
  assert.deepEqual((await cluster.client.get(Role, { name: 'none', namespace: 'default' })).rules, [])
  assert.deepEqual((await cluster.client.list(Role, { namespace: 'default' })).items[0]?.rules, [])
  const emptied = await send(cluster.server, `PUT ${roles}/none`, { body: { ...made.object, rules: [] } })
  assert.equal(emptied.object.rules, null)
  assert.equal(emptied.object.metadata.resourceVersion, made.object.metadata.resourceVersion, 'nothing has changed')
})

test('a typed client over HTTPS sees empty lists', async () => {
  await using cluster = await testCluster({ transport: 'https' })
  const slice = { metadata: { name: 's', namespace: 'default' }, addressType: 'IPv4' as const }
  const made = await cluster.client.create(EndpointSlice, slice as never)
  assert.deepEqual([made.endpoints, made.ports], [[], []])
  const stop = new AbortController()
  for await (const batch of cluster.client.watch(EndpointSlice, { resourceVersion: '0', signal: stop.signal })) {
    assert.deepEqual(batch[0]?.object.endpoints, [])
    break
  }
  stop.abort()
  assert.deepEqual((await cluster.client.list(EndpointSlice)).items.find(({ metadata }) => metadata.name === 's')?.ports, [])
})

test('lists within pods, jobs, nodes and flow schemas are null as well', async () => {
  await using cluster = await testCluster()
  const pod = (volumes: object[]) => ({ containers: [{ name: 'main', image: 'x' }], restartPolicy: 'Never', volumes })
  const cases: readonly [path: `/${string}`, body: object, at: (object: any) => unknown][] = [
    [
      '/api/v1/namespaces/default/pods',
      { spec: pod([{ name: 'none', projected: {} }]) },
      ({ spec }) => spec.volumes[0].projected.sources,
    ],
    [
      '/apis/batch/v1/namespaces/default/jobs',
      { spec: { template: { spec: pod([]) }, podFailurePolicy: {} } },
      ({ spec }) => spec.podFailurePolicy.rules,
    ],
    ['/api/v1/nodes', { status: { images: [{ sizeBytes: 1 }] } }, ({ status }) => status.images[0].names],
  ]
  for (const [path, body, at] of cases) {
    const made = await send(cluster.server, `POST ${path}`, { body: { ...body, metadata: { name: 'none' } } })
    assert.equal(made.status, 201, JSON.stringify(made.object))
    assert.equal(at(made.object), null, path)
    assert.equal(at((await send(cluster.server, `GET ${path}/none`)).object), null, path)
  }
})
