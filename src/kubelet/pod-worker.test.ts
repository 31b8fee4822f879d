import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { pod } from '#testing/make.ts'
import { testNode } from '#testing/node-agent.ts'

test('PodWorker runs a pod and reports it Running and Ready', async () => {
  await using node = await testNode()
  const { status } = await node.run(pod('web'))
  assert.equal(status.phase, 'Running')
  assert.deepEqual(
    status.conditions?.map(({ type, status }) => `${type}=${status}`),
    ['PodReadyToStartContainers=True', 'Initialized=True', 'Ready=True', 'ContainersReady=True', 'PodScheduled=True'],
  )
  assert.equal(status.hostIP, '192.168.1.10')
  assert.match(status.podIP ?? '', /^10\.88\.0\./)
  const [main] = status.containerStatuses ?? []
  assert.equal(main?.ready, true)
  assert.equal(main?.started, true)
  assert.match(main?.containerID ?? '', /^memory:\/\/container/)
  assert(main?.state.running?.startedAt)
  assert.deepEqual(node.errors, [])
  const events = await node.events('web')
  assert(events.includes('Created: Container created'))
  assert(events.includes('Started: Container started'))
})

test('PodWorker ends a deleted pod within its grace and then deletes the object', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { stopAfter: 3000, stopCode: 0 })
  await node.run(pod('web'))
  await node.cluster.client.delete(Pod, { namespace: 'default', name: 'web' })
  await node.cluster.settle()
  assert((await node.pod('web')).metadata.deletionTimestamp)
  await node.cluster.advance(3000)
  assert.deepEqual(await node.cluster.list(Pod), [])
  assert.deepEqual(await node.runtime.listPodSandboxes(), [])
  assert.deepEqual([...node.kubelet.workers()], [])
  assert.deepEqual(node.errors, [])
})

test('PodWorker puts right what somebody else writes into the status', async () => {
  await using node = await testNode()
  await node.run(pod('web'))
  const at = { namespace: 'default', name: 'web' }
  const status = { reason: 'Mine', message: 'so', conditions: [{ type: 'Ready', status: 'False' }] }
  await node.cluster.client.patch(Pod, at, { type: 'strategic', body: { status } }, { subresource: 'status' })
  await node.cluster.settle()
  const after = (await node.pod('web')).status
  assert.deepEqual([after.reason, after.message], [undefined, undefined])
  assert.equal(after.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
  const { resourceVersion } = (await node.pod('web')).metadata
  await node.cluster.advance(5000)
  assert.equal((await node.pod('web')).metadata.resourceVersion, resourceVersion, 'and leaves it at that')
  assert.deepEqual(node.errors, [])
})
