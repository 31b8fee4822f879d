import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { hasReason } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { rootCaCertificatePublisher } from '../root-ca-certificate-publisher.ts'
import { serviceAccountController } from '../serviceaccount/serviceaccount.ts'
import { namespaceController } from './namespace.ts'

const controllers = [namespaceController(), serviceAccountController, rootCaCertificatePublisher('PEM')]

test('a namespace gets its ServiceAccount and the CA, also again', async () => {
  await using cluster = await testCluster({ controllers })
  await cluster.client.create(Namespace, { metadata: { name: 'team' } })
  await cluster.settle()
  const account = await cluster.client.get(ServiceAccount, { name: 'default', namespace: 'team' })
  const at = { name: 'kube-root-ca.crt', namespace: 'team' }
  assert.deepEqual((await cluster.client.get(ConfigMap, at)).data, { 'ca.crt': 'PEM' })
  await cluster.client.delete(ServiceAccount, account)
  await cluster.client.patch(ConfigMap, at, { type: 'merge', body: { data: { 'ca.crt': 'other' } } })
  await cluster.settle()
  await cluster.client.get(ServiceAccount, { name: 'default', namespace: 'team' })
  assert.deepEqual((await cluster.client.get(ConfigMap, at)).data, { 'ca.crt': 'PEM' })
  assert.deepEqual(cluster.errors, [])
})

test('Namespace controller empties a namespace, pods first, and lets it go', async () => {
  await using cluster = await testCluster({ controllers })
  const namespace = await cluster.client.create(Namespace, { metadata: { name: 'team' } })
  await cluster.settle()
  const running = await cluster.client.create(
    Pod,
    pod('a', { namespace: 'team', spec: { nodeName: 'n1', serviceAccountName: 'default' } }),
  )
  await cluster.client.create(ConfigMap, { metadata: { name: 'kept', namespace: 'team' } })
  await cluster.client.delete(Namespace, namespace)
  await cluster.settle()
  const leaving = await cluster.client.get(Namespace, { name: 'team' })
  assert.equal(leaving.status.phase, 'Terminating')
  const remaining = leaving.status.conditions?.find(({ type }) => type === 'NamespaceContentRemaining')
  assert.equal(remaining?.message, 'Some resources are remaining: pods. has 1 resource instances')
  await cluster.client.get(ConfigMap, { name: 'kept', namespace: 'team' })
  await cluster.client.delete(Pod, running, { gracePeriodSeconds: 0 })
  await cluster.advance(60_000)
  await assert.rejects(cluster.client.get(Namespace, { name: 'team' }), (error) => hasReason(error, 'NotFound'))
  assert.deepEqual(await cluster.list(ConfigMap, 'team'), [])
  assert.deepEqual(cluster.errors, [])
})
