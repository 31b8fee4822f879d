import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'

const access = '/apis/authorization.k8s.io/v1'
const masters = { name: 'root', groups: ['system:masters', 'system:authenticated'] }

const review = (kind: string, spec: object) => ({ apiVersion: 'authorization.k8s.io/v1', kind, spec })

test('access reviews ask the authorizer', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'default' }
  const own = await send(server, `POST ${access}/selfsubjectaccessreviews`, {
    body: review('SelfSubjectAccessReview', { resourceAttributes }),
  })
  assert.equal(own.status, 201)
  assert.equal(own.object.status.allowed, true)
  const other = await send(server, `POST ${access}/subjectaccessreviews`, {
    body: review('SubjectAccessReview', { resourceAttributes, user: 'nobody' }),
  })
  assert.equal(other.object.status.allowed, false)
  const neither = await send(server, `POST ${access}/subjectaccessreviews`, {
    body: review('SubjectAccessReview', { user: 'a' }),
  })
  assert.equal(neither.status, 422)
  assert.equal(
    neither.object.message,
    '.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
  )
  const local = await send(server, `POST ${access}/namespaces/kube-system/localsubjectaccessreviews`, {
    body: review('LocalSubjectAccessReview', { resourceAttributes, user: 'nobody' }),
  })
  assert.equal(local.status, 422)
})

test('SelfSubjectReview answers who asks', async () => {
  await using cluster = await testCluster()
  const { object } = await send(cluster.server, 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews', {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    user: masters,
  })
  assert.deepEqual(object.status.userInfo, { username: 'root', groups: masters.groups })
})

test('the authorizer stands before everything in-process too', async () => {
  await using cluster = await testCluster()
  const { status, object } = await send(cluster.server, 'GET /api/v1/namespaces/default/pods', {
    user: { name: 'eve', groups: [] },
  })
  assert.equal(status, 403)
  assert.equal(
    object.message,
    'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "default"',
  )
})
