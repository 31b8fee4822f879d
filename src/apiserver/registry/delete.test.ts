import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Job } from '#api/batch/v1/job.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { hasReason } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { job, pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'
import { planDeletion } from './plan-deletion.ts'

const now = Date.UTC(2026, 0, 1)
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString().replace('.000', '')

const meta = (over: object = {}) => ({ name: 'a', namespace: 'default', uid: 'u', resourceVersion: '7', ...over })
const map = (over: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(over) })
const podAt = (over: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta({ generation: 1, ...over }),
  spec: { nodeName: 'n', terminationGracePeriodSeconds: 30, containers: [] },
  status: { phase: 'Running' },
})
const going = { deletionTimestamp: at(30), deletionGracePeriodSeconds: 30, generation: 2 }

const plans = [
  { it: 'removes at once', kind: ConfigMap, object: map(), plan: 'remove' },
  {
    it: 'marks what finalizers hold',
    kind: ConfigMap,
    object: map({ finalizers: ['x/y'] }),
    plan: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0, finalizers: ['x/y'], thenRemove: false },
  },
  {
    it: 'marks foreground deletion',
    kind: ConfigMap,
    object: map(),
    options: { propagationPolicy: 'Foreground' },
    plan: { deletionTimestamp: at(0), finalizers: ['foregroundDeletion'], thenRemove: false },
  },
  {
    it: 'marks orphaning, also by the old name',
    kind: ConfigMap,
    object: map({ finalizers: ['foregroundDeletion', 'x/y'] }),
    options: { orphanDependents: true },
    plan: { finalizers: ['x/y', 'orphan'], thenRemove: false },
  },
  {
    it: 'drops collection finalizers for background',
    kind: ConfigMap,
    object: map({ finalizers: ['orphan'] }),
    options: { propagationPolicy: 'Background' },
    plan: 'remove',
  },
  {
    it: 'gives a running pod its grace',
    kind: Pod,
    object: podAt(),
    plan: { deletionTimestamp: at(30), deletionGracePeriodSeconds: 30, generation: 2, thenRemove: false },
  },
  {
    it: 'takes the asked grace',
    kind: Pod,
    object: podAt(),
    options: { gracePeriodSeconds: 5 },
    plan: { deletionTimestamp: at(5), deletionGracePeriodSeconds: 5, thenRemove: false },
  },
  {
    it: 'reads negative grace as one second',
    kind: Pod,
    object: podAt(),
    options: { gracePeriodSeconds: -1 },
    plan: { deletionGracePeriodSeconds: 1, thenRemove: false },
  },
  {
    it: 'forces with grace 0',
    kind: Pod,
    object: podAt(),
    options: { gracePeriodSeconds: 0 },
    plan: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0, thenRemove: true },
  },
  { it: 'leaves a deletion under way alone', kind: Pod, object: podAt(going), plan: 'pending' },
  { it: 'never prolongs', kind: Pod, object: podAt(going), options: { gracePeriodSeconds: 60 }, plan: 'pending' },
  {
    it: 'shortens',
    kind: Pod,
    object: podAt(going),
    options: { gracePeriodSeconds: 10 },
    plan: { deletionTimestamp: at(10), deletionGracePeriodSeconds: 10, generation: 2, thenRemove: false },
  },
  {
    it: 'shortens to no less than a second when late',
    kind: Pod,
    object: podAt({ ...going, deletionTimestamp: at(-20) }),
    options: { gracePeriodSeconds: 10 },
    plan: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 1, thenRemove: false },
  },
  {
    it: 'ends a deletion whose grace is over',
    kind: Pod,
    object: podAt({ ...going, deletionGracePeriodSeconds: 0 }),
    plan: 'remove',
  },
] as const

for (const { it, kind, object, plan, ...rest } of plans) {
  test(`planDeletion() ${it}`, () => {
    const options = 'options' in rest ? rest.options : {}
    const found = planDeletion(kind, { object, options, now })
    if (typeof plan === 'string') return assert.equal(found.type, plan)
    assert(found.type === 'mark')
    const { thenRemove, ...metadata } = plan
    assert.equal(found.thenRemove, thenRemove)
    for (const [field, value] of Object.entries(metadata)) assert.deepEqual((found.object.metadata as any)[field], value, field)
  })
}

test('planDeletion() refuses with the texts of failed preconditions', () => {
  const refused = (preconditions: object) => () => planDeletion(ConfigMap, { object: map(), options: { preconditions }, now })
  assert.throws(refused({ uid: 'v' }), {
    message:
      'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (v) does not match the UID in record (u). The object might have been deleted and then recreated',
  })
  assert.throws(refused({ resourceVersion: '8' }), {
    message:
      'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (8) does not match the ResourceVersion in record (7). The object might have been modified',
  })
})

test('DELETE answers a Status, or the object that waits', async () => {
  await using cluster = await testCluster()
  const { server, client } = cluster
  const { metadata } = await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  const path = '/api/v1/namespaces/default/configmaps'
  const { status, object } = await send(server, `DELETE ${path}/a`)
  assert.equal(status, 200)
  assert.deepEqual(object, {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' },
    details: { name: 'a', kind: 'configmaps', uid: metadata.uid },
  })
  await client.create(ConfigMap, { metadata: { name: 'b', namespace: 'default', finalizers: ['x/y'] } })
  const held = await send(server, `DELETE ${path}/b`)
  assert.equal(held.object.kind, 'ConfigMap')
  assert(held.object.metadata.deletionTimestamp)
  const again = await send(server, `DELETE ${path}/b`)
  assert.equal(again.object.metadata.resourceVersion, held.object.metadata.resourceVersion)
  const taken = await send(server, `POST ${path}`, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } } })
  assert.equal(taken.object.message, 'object is being deleted: configmaps "b" already exists')
  const body = { propagationPolicy: 'Foreground', orphanDependents: true }
  const both = await send(server, `DELETE ${path}/b`, { body })
  assert.match(both.object.message, /orphanDependents and deletionPropagation cannot be both set/)
})

test('an update that drops the last finalizer ends the object', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const at = { name: 'b', namespace: 'default' }
  await client.create(ConfigMap, { metadata: { ...at, finalizers: ['x/y'] } })
  await client.delete(ConfigMap, at)
  const gone = await client.patch(ConfigMap, at, { type: 'merge', body: { metadata: { finalizers: null } } })
  assert.equal(gone.metadata.finalizers, undefined)
  await assert.rejects(client.get(ConfigMap, at), (error) => hasReason(error, 'NotFound'))
})

test('a pod goes after its node has confirmed', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const at = { name: 'p', namespace: 'default' }
  await client.create(Pod, pod('p', { spec: { nodeName: 'n' } }))
  await client.delete(Pod, at)
  const marked = await client.get(Pod, at)
  assert.equal(marked.metadata.deletionGracePeriodSeconds, 30)
  await client.delete(Pod, at, { gracePeriodSeconds: 0, preconditions: { uid: marked.metadata.uid } })
  await assert.rejects(client.get(Pod, at), (error) => hasReason(error, 'NotFound'))
})

test('a namespace ends when its own finalizers are gone', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  await client.create(Namespace, { metadata: { name: 'x' } })
  const { object } = await send(server, 'DELETE /api/v1/namespaces/x')
  assert.equal(object.status.phase, 'Terminating')
  assert.deepEqual(object.spec.finalizers, ['kubernetes'])
  const refused = await send(server, 'POST /api/v1/namespaces/x/configmaps', {
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
  })
  assert.equal(refused.status, 403)
  const put = await send(server, 'PUT /api/v1/namespaces/x/finalize', { body: { ...object, spec: {} } })
  assert.equal(put.status, 200)
  await assert.rejects(client.get(Namespace, { name: 'x' }), (error) => hasReason(error, 'NotFound'))
})

test('DELETE of a collection takes what the selector matches', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  for (const name of ['a', 'b', 'c']) {
    await client.create(ConfigMap, { metadata: { name, namespace: 'default', labels: { keep: String(name === 'b') } } })
  }
  await client.deleteCollection(ConfigMap, { namespace: 'default', labelSelector: 'keep=false' })
  const left = await cluster.list(ConfigMap, 'default')
  assert.deepEqual(
    left.map(({ metadata }) => metadata.name),
    ['b'],
  )
})

test('DELETE of a job warns that its pods stay, unless somebody has said what becomes of them', async () => {
  await using cluster = await testCluster()
  const path = '/apis/batch/v1/namespaces/default/jobs'
  const deletion = async (line: `${string} /${string}`, body?: object) => {
    await cluster.client.create(Job, job('sum'))
    return (await send(cluster.server, line, body && { body })).warnings
  }
  const advice = 'set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning'
  const warnings = [`child pods are preserved by default when jobs are deleted; ${advice}`]
  assert.deepEqual(await deletion(`DELETE ${path}/sum?propagationPolicy=Background`), [])
  assert.deepEqual(await deletion(`DELETE ${path}?propagationPolicy=Background`), [])
  assert.deepEqual(await deletion(`DELETE ${path}/sum`), warnings)
})

test('DELETE without a body reads its preconditions from the query', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  const collection = '/api/v1/namespaces/default/configmaps'
  const { metadata } = await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  const others = await send(server, `DELETE ${collection}/a?uid=other`)
  assert.equal(others.status, 409)
  assert.match(others.object.message, /the UID in the precondition \(other\) does not match the UID in record/)
  const older = await send(server, `DELETE ${collection}/a?uid=${metadata.uid}&resourceVersion=1`)
  assert.equal(older.status, 409)
  assert.match(older.object.message, /the ResourceVersion in the precondition \(1\) does not match/)
  assert.equal((await send(server, `DELETE ${collection}?uid=other`)).status, 409)
  // A body stands for all of them.
  const { status } = await send(server, `DELETE ${collection}/a?uid=other`, { body: { preconditions: { uid: metadata.uid } } })
  assert.equal(status, 200)
  const next = await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  const { uid, resourceVersion } = next.metadata
  assert.equal((await send(server, `DELETE ${collection}/a?uid=${uid}&resourceVersion=${resourceVersion}`)).status, 200)
})

test('DELETE that asks for its dependents to go says 202 while finalizers hold the object', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  const collection = '/api/v1/namespaces/default/configmaps'
  for (const name of ['held', 'free'])
    await client.create(ConfigMap, {
      metadata: { name, namespace: 'default', ...(name === 'held' && { finalizers: ['x/y'] }) },
    })
  assert.equal((await send(server, `DELETE ${collection}/held?orphanDependents=true`)).status, 200)
  assert.equal((await send(server, `DELETE ${collection}/held?orphanDependents=false`)).status, 202)
  assert.equal((await send(server, `DELETE ${collection}/held?propagationPolicy=Background`)).status, 200)
  assert.equal((await send(server, `DELETE ${collection}/free`, { body: { orphanDependents: false } })).status, 200)
})
