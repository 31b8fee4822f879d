import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Role } from '#api/rbac/v1/role.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { hasReason } from '#schema/status-error.ts'
import { StoreError } from '#store/store.ts'
import { testCluster } from '#testing/cluster.ts'
import { networkRequest } from '#testing/requests.ts'
import { send } from '#testing/send.ts'
import type { AdmissionPlugin } from './admission/plugin.ts'
import { asStatus, compose } from './pipeline.ts'
import type { Next, Request, Response } from './request.ts'

test('compose() runs stages in order and back', async () => {
  const seen: string[] = []
  const stage = (name: string) => async (request: Request, next: Next) => {
    seen.push(name)
    const response = await next(request)
    seen.push(`/${name}`)
    return response
  }
  const last = async (): Promise<Response> => ({ type: 'upgraded' })
  await compose([stage('a'), stage('b'), last])({} as Request)
  assert.deepEqual(seen, ['a', 'b', '/b', '/a'])
})

const broken: AdmissionPlugin = {
  name: 'Broken',
  handles: ({ kind }) => kind === ConfigMap,
  validate() {
    throw new TypeError('x is not a function')
  },
}

test('a defect is a 500 with its message, and reported', async () => {
  await using cluster = await testCluster({ admission: [broken] })
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
  const { status, object } = await send(cluster.server, 'POST /api/v1/namespaces/default/configmaps', { body })
  assert.equal(status, 500)
  assert.equal(object.reason, 'InternalError')
  assert.equal(object.message, 'Internal error occurred: x is not a function')
  assert.equal(cluster.errors.length, 1)
})

const labelling: AdmissionPlugin = {
  name: 'Labelling',
  handles: ({ operation, kind }) => operation !== 'DELETE' && kind === ConfigMap,
  mutate({ object, operation }) {
    object.metadata.labels = { ...object.metadata.labels, [operation.toLowerCase()]: 'yes' }
  },
}

test('admission changes what in-process callers write, and not what they hold', async () => {
  await using cluster = await testCluster({ admission: [labelling] })
  const mine = { metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } }
  const made = await cluster.client.create(ConfigMap, mine)
  assert.deepEqual(made.metadata.labels, { create: 'yes' })
  assert.deepEqual(mine, { metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } })
  mine.data.x = '2'
  assert.equal((await cluster.client.get(ConfigMap, made)).data?.x, '1')
  const updated = await cluster.client.update(ConfigMap, made)
  assert.deepEqual(updated.metadata.labels, { create: 'yes', update: 'yes' })
})

test('objects that come out cannot be changed by mistake', async () => {
  await using cluster = await testCluster()
  const made = await cluster.client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  assert.throws(() => {
    made.metadata.name = 'b'
  }, TypeError)
})

test('in-process callers may do what they are allowed, and no more', async () => {
  await using cluster = await testCluster({ policy: true })
  const scheduler = cluster.clientAs({ name: 'system:kube-scheduler' })
  await scheduler.list(ConfigMap, { namespace: 'default' }).then(
    () => assert.fail('the scheduler reads no ConfigMaps'),
    (error) => assert(hasReason(error, 'Forbidden')),
  )
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
  const user = { name: 'eve', groups: ['system:authenticated'] }
  const { object } = await send(cluster.server, 'POST /api/v1/namespaces/default/configmaps', { body, user })
  assert.equal(
    object.message,
    'configmaps is forbidden: User "eve" cannot create resource "configmaps" in API group "" in the namespace "default"',
  )
})

test('a transport that is closed carries nothing', async () => {
  await using cluster = await testCluster()
  const client = cluster.clientAs({ name: 'a', groups: ['system:masters'] })
  await client.close()
  await assert.rejects(client.list(ConfigMap), { name: 'TransportError' })
})

const failures = [
  [new StoreError('NoSpace', 'full'), 500, '', 'etcdserver: mvcc: database space exceeded'],
  [new StoreError('Closed', 'closed'), 503, 'ServiceUnavailable', 'The apiserver is shutting down, please try again later.'],
  [new Error('odd'), 500, 'InternalError', 'Internal error occurred: odd'],
] as const

for (const [error, code, reason, message] of failures) {
  test(`asStatus() of ${error.message}`, () => {
    const status = asStatus(error)
    assert.deepEqual([status.code, status.reason, status.message], [code, reason, message])
  })
}

test('a read of one object makes no promise on its way', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  const path = '/api/v1/namespaces/default/configmaps/a'
  const user = { name: 'admin', groups: ['system:masters'] }
  const request = networkRequest({}, { method: 'GET', path, origin: { type: 'in-process', user } })
  const response = cluster.server.handle(request)
  assert(!(response instanceof Promise) && response.type === 'object')
  assert.equal(response.status, 200)
})

test('a right that was taken away is refused from the next request on', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  const user = { name: 'ann', groups: ['system:authenticated'] }
  const url = 'GET /api/v1/namespaces/default/configmaps/a'
  const group = 'rbac.authorization.k8s.io'
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }]
  await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  await client.create(Role, { metadata: { name: 'reader', namespace: 'default' }, rules })
  const binding = await client.create(RoleBinding, {
    metadata: { name: 'reader', namespace: 'default' },
    roleRef: { apiGroup: group, kind: 'Role', name: 'reader' },
    subjects: [{ apiGroup: group, kind: 'User', name: 'ann' }],
  })
  assert.equal((await send(server, url, { user })).status, 200)
  await client.delete(RoleBinding, binding)
  assert.equal((await send(server, url, { user })).status, 403)
})
