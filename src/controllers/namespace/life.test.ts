/** The end of a namespace: its phase and conditions at each station, as upstream tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { namespaceController } from './namespace.ts'

const name = 'team'

async function look(cluster: TestCluster) {
  const { status, spec } = await cluster.client.get(Namespace, { name })
  const conditions = (status.conditions ?? []).map(
    ({ type, status: is, reason, message }) => `${type}=${is} ${reason}: ${message}`,
  )
  return { phase: status.phase, finalizers: spec.finalizers, conditions }
}

const discovered = [
  'NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered',
  'NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed',
  'NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization',
]
const released = 'NamespaceFinalizersRemaining=False ContentHasNoFinalizers: All content-preserving finalizers finished'

test('the end of a namespace: pods that take their time, a finalizer that holds, gone', async () => {
  await using cluster = await testCluster({ controllers: [namespaceController()] })
  const { client } = cluster
  await client.create(Namespace, { metadata: { name } })
  await cluster.settle()
  assert.deepEqual(await look(cluster), { phase: 'Active', finalizers: ['kubernetes'], conditions: [] })
  const running = await client.create(Pod, pod('a', { namespace: name, spec: { nodeName: 'n1' } }))
  const held = await client.create(ConfigMap, { metadata: { name: 'held', namespace: name, finalizers: ['example.com/keep'] } })

  await client.delete(Namespace, { name })
  await cluster.settle()
  assert.deepEqual(await look(cluster), {
    phase: 'Terminating',
    finalizers: ['kubernetes'],
    conditions: [
      ...discovered,
      'NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: pods. has 1 resource instances',
      released,
    ],
  })
  assert.equal((await client.get(ConfigMap, held)).metadata.deletionTimestamp, undefined, 'pods go first')
  await assert.rejects(client.create(ConfigMap, { metadata: { name: 'late', namespace: name } }), {
    message: 'configmaps "late" is forbidden: unable to create new content in namespace team because it is being terminated',
  })

  await client.delete(Pod, running, { gracePeriodSeconds: 0 })
  await cluster.advance(60_000)
  assert.deepEqual(await look(cluster), {
    phase: 'Terminating',
    finalizers: ['kubernetes'],
    conditions: [
      ...discovered,
      'NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances',
      'NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances',
    ],
  })

  await client.patch(ConfigMap, held, { type: 'merge', body: { metadata: { finalizers: null } } })
  await cluster.advance(60_000)
  await assert.rejects(client.get(Namespace, { name }), (error) => hasReason(error, 'NotFound'))
  assert.deepEqual(cluster.errors, [])
})
