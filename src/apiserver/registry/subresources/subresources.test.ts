import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Event as CoreEvent } from '#api/core/v1/event.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { Event } from '#api/events/v1/event.ts'
import { defaultPlugins } from '#apiserver/admission/chain.ts'
import { hasReason } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'

const pods = '/api/v1/namespaces/default/pods'
const deployments = '/apis/apps/v1/namespaces/default/deployments'

const binding = (name: string, node: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Binding',
  metadata: { name, ...metadata },
  target: { kind: 'Node', name: node },
})

test('binding assigns a pod once', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  await client.create(Pod, pod('p'))
  const annotations = { a: 'b' }
  const first = await send(server, `POST ${pods}/p/binding`, { body: binding('p', 'n1', { annotations }) })
  assert.equal(first.status, 201)
  assert.equal(first.object.status, 'Success')
  const bound = await client.get(Pod, { name: 'p', namespace: 'default' })
  assert.equal(bound.spec.nodeName, 'n1')
  assert.deepEqual(bound.metadata.annotations, annotations)
  const condition = bound.status.conditions?.find(({ type }) => type === 'PodScheduled')
  assert.equal(condition?.status, 'True')
  const second = await send(server, `POST ${pods}/p/binding`, { body: binding('p', 'n2') })
  assert.equal(second.status, 409)
  assert.equal(second.object.message, 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"')
  const old = await send(server, 'POST /api/v1/namespaces/default/bindings', { body: binding('none', 'n2') })
  assert.equal(old.object.message, 'pods "none" not found')
  const nameless = await send(server, 'POST /api/v1/namespaces/default/bindings', { body: { target: { name: 'n2' } } })
  assert.equal(nameless.object.message, 'Name parameter required.')
})

test('eviction deletes', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  await client.create(Pod, pod('p'))
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } }
  const { status } = await send(server, `POST ${pods}/p/eviction`, { body })
  assert.equal(status, 201)
  await assert.rejects(client.get(Pod, { name: 'p', namespace: 'default' }), (error) => hasReason(error, 'NotFound'))
})

test('eviction says on the pod why it goes, and keeps to what the client saw', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  await client.create(Pod, pod('p', { spec: { nodeName: 'n1' } }))
  const evict = (deleteOptions: object) => {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' }, deleteOptions }
    return send(server, `POST ${pods}/p/eviction`, { body })
  }
  const other = await evict({ preconditions: { uid: 'other' } })
  assert.equal(other.status, 409)
  assert.match(other.object.message, /the UID in the precondition \(other\) does not match the UID in record/)
  assert.equal((await evict({ dryRun: ['All'] })).status, 201)
  const before = await client.get(Pod, { name: 'p', namespace: 'default' })
  assert.equal(before.status.conditions, undefined)
  const { resourceVersion } = before.metadata
  assert.equal((await evict({ preconditions: { resourceVersion } })).status, 201)
  const { metadata, status } = await client.get(Pod, { name: 'p', namespace: 'default' })
  assert(metadata.deletionTimestamp)
  assert.deepEqual(
    status.conditions?.map(({ type, reason, message }) => [type, reason, message]),
    [['DisruptionTarget', 'EvictionByEvictionAPI', 'Eviction API: evicting']],
  )
})

test('a node evicts its own pods alone', async () => {
  await using cluster = await testCluster({ admission: defaultPlugins.filter(({ name }) => name === 'NodeRestriction') })
  const { client, server } = cluster
  await client.create(Pod, pod('p', { spec: { nodeName: 'n2' } }))
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } }
  const user = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  const { status, object } = await send(server, `POST ${pods}/p/eviction`, { body, user })
  assert.equal(status, 403)
  assert.match(object.message, /node n1 can only evict pods with spec\.nodeName set to itself$/)
})

test('scale reads and writes replicas', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  await client.create(Deployment, {
    metadata: { name: 'd', namespace: 'default' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'a' } },
      template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  })
  const { object } = await send(server, `GET ${deployments}/d/scale`)
  assert.equal(object.kind, 'Scale')
  assert.equal(object.apiVersion, 'autoscaling/v1')
  assert.deepEqual(object.spec, { replicas: 2 })
  assert.deepEqual(object.status, { replicas: 0, selector: 'app=a' })
  const put = await send(server, `PUT ${deployments}/d/scale`, { body: { ...object, spec: { replicas: 5 } } })
  assert.equal(put.object.spec.replicas, 5)
  const stale = await send(server, `PUT ${deployments}/d/scale`, { body: { ...object, spec: { replicas: 6 } } })
  assert.equal(stale.status, 409)
  const patched = await send(server, `PATCH ${deployments}/d/scale`, {
    body: { spec: { replicas: 0 } },
    contentType: 'application/merge-patch+json',
  })
  assert.deepEqual(patched.object.spec, {})
  const bad = await send(server, `PUT ${deployments}/d/scale`, {
    body: { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name: 'd' }, spec: { replicas: -1 } },
  })
  assert.equal(bad.status, 422)
  const found = await client.get(Deployment, { name: 'd', namespace: 'default' })
  assert.equal(found.spec.replicas, 0)
  assert.equal(found.metadata.generation, 3)
})

test('unknown subresources are no pages', async () => {
  await using cluster = await testCluster()
  for (const line of [`GET ${pods}/p/nothing`, 'GET /api/v1/namespaces/default/configmaps/a/status'] as const) {
    const { status, object } = await send(cluster.server, line)
    assert.deepEqual([status, object], [404, '404 page not found\n'])
  }
})

test('events are one store in two forms, and leave after an hour', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'p' }
  await client.create(CoreEvent, {
    metadata: { name: 'e', namespace: 'default' },
    involvedObject,
    reason: 'Started',
    message: 'it runs',
    type: 'Normal',
  })
  const event = await client.get(Event, { name: 'e', namespace: 'default' })
  assert.equal(event.apiVersion, 'events.k8s.io/v1')
  assert.equal(event.note, 'it runs')
  assert.equal(event.regarding?.name, 'p')
  assert.equal((await cluster.store.range({ key: '/registry/events/default/e' })).rows.length, 1)
  await cluster.advance(3_700_000)
  assert.equal((await cluster.list(CoreEvent)).length, 0)
})

test('tokens are granted, known, and die with their pod', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  await client.create(ServiceAccount, { metadata: { name: 'sa', namespace: 'default' } })
  await client.create(Pod, pod('p', { spec: { serviceAccountName: 'sa' } }))
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p' }
  const granted = await send(server, 'POST /api/v1/namespaces/default/serviceaccounts/sa/token', {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { boundObjectRef } },
  })
  assert.equal(granted.status, 201)
  const review = async () => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: granted.object.status.token } }
    return (await send(server, 'POST /apis/authentication.k8s.io/v1/tokenreviews', { body })).object.status
  }
  const { authenticated, user } = await review()
  assert.equal(authenticated, true)
  assert.equal(user.username, 'system:serviceaccount:default:sa')
  await client.delete(Pod, { name: 'p', namespace: 'default' })
  await cluster.advance(120_000)
  const after = await review()
  assert.equal(after.authenticated, undefined)
  assert(after.error)
})
