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

test('access reviews take selectors: a node may list its own pods, and no others', async () => {
  await using cluster = await testCluster()
  const user = { user: 'system:node:n1', groups: ['system:nodes'] }
  const may = async (selector: object) => {
    const resourceAttributes = { verb: 'list', version: 'v1', resource: 'pods', ...selector }
    const body = review('SubjectAccessReview', { resourceAttributes, ...user })
    const { status, object } = await send(cluster.server, `POST ${access}/subjectaccessreviews`, { body })
    return status === 201 ? object.status.allowed : object.message
  }
  const on = (name: string) => ({ requirements: [{ key: 'spec.nodeName', operator: 'In', values: [name] }] })
  assert.equal(await may({ fieldSelector: on('n1') }), true)
  assert.equal(await may({ fieldSelector: on('n2') }), false)
  assert.equal(await may({ fieldSelector: { rawSelector: 'spec.nodeName=n1' } }), true)
  assert.equal(await may({}), false)
  assert.match(
    await may({ fieldSelector: { rawSelector: 'spec.nodeName=n1', ...on('n1') } }),
    /fieldSelector\.rawSelector: Invalid value: "spec\.nodeName=n1": may not specified at the same time as requirements/,
  )
})

const own = { key: 'spec.nodeName', operator: 'In', values: ['n1'] }
const fields = (...requirements: object[]) => ({ fieldSelector: { requirements } })
const ignored = (what: string) => `spec.resourceAttributes.${what} due to parse error`

/** What is not understood asks for more, so that nobody is allowed more by it. */
const odd: readonly { name: string; selector: object; isAllowed?: boolean; error?: string }[] = [
  { name: 'the plain question', selector: fields(own), isAllowed: true },
  { name: 'its opposite', selector: fields({ ...own, operator: 'NotIn' }) },
  { name: 'an unknown operator', selector: fields({ ...own, operator: 'Near' }), error: 'fieldSelector ignored' },
  { name: 'several values', selector: fields({ ...own, values: ['n1', 'n2'] }), error: 'fieldSelector ignored' },
  { name: 'mere existence', selector: fields({ key: 'spec.nodeName', operator: 'Exists' }), error: 'fieldSelector ignored' },
  {
    ...{ name: 'one of two that is understood', selector: fields(own, { ...own, operator: 'Near' }), isAllowed: true },
    error: 'fieldSelector partially ignored',
  },
  { name: 'a key that holds a term', selector: fields({ ...own, key: 'spec.nodeName=n1,x', values: ['y'] }) },
  { name: 'a value that holds a term', selector: fields({ ...own, key: 'x', values: ['y,spec.nodeName=n1'] }) },
  { name: 'text that is no selector', selector: { fieldSelector: { rawSelector: 'nonsense' } }, error: 'fieldSelector ignored' },
  {
    ...{ name: 'an unknown operator on labels', error: 'labelSelector ignored' },
    selector: { labelSelector: { requirements: [{ key: 'a', operator: 'Near' }] } },
  },
]
for (const { name, selector, isAllowed = false, error } of odd) {
  test(`access reviews with selectors: ${name}`, async () => {
    await using cluster = await testCluster()
    const resourceAttributes = { verb: 'list', version: 'v1', resource: 'pods', ...selector }
    const body = review('SubjectAccessReview', { resourceAttributes, user: 'system:node:n1', groups: ['system:nodes'] })
    const { status, object } = await send(cluster.server, `POST ${access}/subjectaccessreviews`, { body })
    assert.equal(status, 201)
    assert.deepEqual([object.status.allowed, object.status.evaluationError], [isAllowed, error && ignored(error)])
  })
}

test('SelfSubjectRulesReview tells what bindings give in a namespace, and wants one', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]
  const metadata = { name: 'reader' }
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }]
  await send(server, `POST ${rbac}/roles`, { body: { metadata, rules } })
  await send(server, `POST ${rbac}/rolebindings`, { body: { metadata, roleRef, subjects } })
  await send(server, 'POST /apis/rbac.authorization.k8s.io/v1/clusterroles', {
    body: {
      metadata,
      rules: [{ apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectrulesreviews'], verbs: ['create'] }],
    },
  })
  await send(server, 'POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    body: { metadata, roleRef: { ...roleRef, kind: 'ClusterRole' }, subjects },
  })
  const ask = (namespace?: string) =>
    send(server, `POST ${access}/selfsubjectrulesreviews`, {
      user: { name: 'ann', groups: ['system:authenticated'] },
      body: review('SelfSubjectRulesReview', namespace === undefined ? {} : { namespace }),
    })
  const here = (await ask('default')).object.status
  assert.deepEqual(
    here.resourceRules.map(({ resources, verbs }: { resources: string[]; verbs: string[] }) => `${verbs} ${resources}`).sort(),
    ['create selfsubjectrulesreviews', 'get,list pods'],
  )
  const elsewhere = (await ask('kube-system')).object.status
  assert.deepEqual(
    elsewhere.resourceRules.map(({ resources }: { resources: string[] }) => `${resources}`),
    ['selfsubjectrulesreviews'],
  )
  assert.deepEqual([(await ask()).status, (await ask()).object.message], [400, 'no namespace on request'])
})

test('TokenReview tells of tokens that nobody knows, and wants one', async () => {
  await using cluster = await testCluster()
  const ask = async (spec: object) => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec }
    return send(cluster.server, 'POST /apis/authentication.k8s.io/v1/tokenreviews', { body })
  }
  assert.deepEqual((await ask({ token: 'x' })).object.status, { user: {} })
  assert.deepEqual((await ask({ token: 'x', audiences: ['other'] })).object.status, { user: {} })
  const { status, object } = await ask({})
  assert.deepEqual([status, object.message], [400, 'token is required for TokenReview in authentication'])
})
