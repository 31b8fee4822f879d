import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { pod } from '#testing/make.ts'
import { type TestNode, testNode } from '#testing/node-agent.ts'

const image = 'example/app:1'

/** As the resize subresource leaves it in the store. */
async function resize({ cluster }: TestNode, cpu: string): Promise<void> {
  const key = '/registry/pods/default/web'
  const [row] = (await cluster.store.range({ key })).rows
  const stored = JSON.parse(Buffer.from(row?.value ?? []).toString()) as Pod
  const [main] = stored.spec.containers
  if (main) main.resources.requests = { cpu }
  stored.metadata.generation = (stored.metadata.generation ?? 0) + 1
  const cause = { user: 'test', time: cluster.clock.now(), request: 'resize' }
  await cluster.store.txn({ compare: [], success: [{ op: 'put', key, value: Buffer.from(JSON.stringify(stored)) }], cause })
}

const resized = (cpu: string, policy?: string) => ({
  name: 'main',
  image,
  resources: { requests: { cpu }, limits: { cpu: '4' } },
  ...(policy && { resizePolicy: [{ resourceName: 'cpu', restartPolicy: policy }] }),
})

for (const { policy, restarts } of [
  { policy: undefined, restarts: 0 },
  { policy: 'RestartContainer', restarts: 1 },
]) {
  test(`PodWorker resizes a running container with policy ${policy ?? 'NotRequired'}`, async () => {
    await using node = await testNode()
    const first = await node.run(pod('web', { spec: { containers: [resized('1', policy)] } }))
    assert.deepEqual(first.status.containerStatuses?.[0]?.resources?.requests, { cpu: '1' })
    await resize(node, '2')
    await node.cluster.advance(1000)
    const { status } = await node.pod('web')
    assert.deepEqual(status.containerStatuses?.[0]?.resources?.requests, { cpu: '2' })
    assert.equal(status.containerStatuses?.[0]?.restartCount, restarts)
    assert.equal(
      node.runtime.calls.some((call) => call.startsWith('updateContainerResources')),
      restarts === 0,
    )
    assert.deepEqual(node.errors, [])
  })
}

test('PodWorker tells that a resize is infeasible, and takes it back', async () => {
  await using node = await testNode()
  await node.run(pod('web', { spec: { containers: [{ ...resized('1'), resources: { requests: { cpu: '1' } } }] } }))
  const ask = async (cpu: string) => {
    await resize(node, cpu)
    await node.cluster.settle()
    return (await node.pod('web')).status
  }
  const refused = await ask('8')
  const condition = refused.conditions?.find(({ type }) => type === 'PodResizePending')
  assert.equal(condition?.reason, 'Infeasible')
  assert.equal(condition?.message, "Node didn't have enough capacity: cpu, requested: 8000, capacity: 4000")
  assert.deepEqual(refused.containerStatuses?.[0]?.resources?.requests, { cpu: '1' })
  const granted = await ask('3')
  assert.equal(
    granted.conditions?.some(({ type }) => type === 'PodResizePending'),
    false,
  )
  assert.deepEqual(granted.containerStatuses?.[0]?.resources?.requests, { cpu: '3' })
})
