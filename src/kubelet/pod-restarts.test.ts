import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { pod } from '#testing/make.ts'
import { testNode } from '#testing/node-agent.ts'

const image = 'example/app:1'

test('PodWorker restarts a crashing container with growing back-off', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { runFor: 1000, exitCode: 3 })
  await node.run(pod('web'))
  await node.cluster.advance(1000)
  let status = (await node.pod('web')).status.containerStatuses?.[0]
  assert.equal(status?.restartCount, 1, 'the first restart is immediate')
  assert.equal(status?.lastState.terminated?.exitCode, 3)
  await node.cluster.advance(1000)
  const crashed = await node.pod('web')
  status = crashed.status.containerStatuses?.[0]
  assert.equal(status?.state.waiting?.reason, 'CrashLoopBackOff')
  const text = `back-off 10s restarting failed container=main pod=web_default(${crashed.metadata.uid})`
  assert.equal(status?.state.waiting?.message, text)
  assert.equal(status?.lastState.terminated?.reason, 'Error')
  assert.equal(crashed.status.phase, 'Running')
  await node.cluster.advance(9_999)
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.restartCount, 1)
  await node.cluster.advance(1)
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.restartCount, 2)
  await node.cluster.advance(1000)
  assert.match((await node.pod('web')).status.containerStatuses?.[0]?.state.waiting?.message ?? '', /^back-off 20s /)
  const events = await node.events('web')
  assert(events.includes(`BackOff: Back-off restarting failed container main in pod web_default(${crashed.metadata.uid})`))
  assert.deepEqual(node.errors, [])
})

const ends = [
  { policy: 'Never', exitCode: 0, phase: 'Succeeded', reason: 'Completed', ready: 'PodCompleted' },
  { policy: 'Never', exitCode: 1, phase: 'Failed', reason: 'Error', ready: 'PodFailed' },
  { policy: 'OnFailure', exitCode: 0, phase: 'Succeeded', reason: 'Completed', ready: 'PodCompleted' },
] as const

for (const { policy, exitCode, phase, reason, ready } of ends) {
  test(`PodWorker ends a pod of policy ${policy} whose container exits with ${exitCode} as ${phase}`, async () => {
    await using node = await testNode()
    node.runtime.script({ name: 'main' }, { runFor: 500, exitCode })
    await node.run(pod('job', { spec: { restartPolicy: policy, containers: [{ name: 'main', image }] } }))
    await node.cluster.advance(500)
    const { status } = await node.pod('job')
    assert.equal(status.phase, phase)
    assert.equal(status.containerStatuses?.[0]?.state.terminated?.reason, reason)
    assert.equal(status.containerStatuses?.[0]?.restartCount, 0)
    assert.equal(status.conditions?.find(({ type }) => type === 'Ready')?.reason, ready)
    const [sandbox] = await node.runtime.listPodSandboxes()
    assert.equal(sandbox?.state, 'notReady', 'the network is given back')
    assert.equal((await node.runtime.listContainers()).length, 1, 'the container stays for its log')
    await node.cluster.advance(300_000)
    assert.equal((await node.pod('job')).status.phase, phase)
    assert.deepEqual(node.errors, [])
  })
}

test('PodWorker runs init containers one after the other and then the pod', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'one' }, { runFor: 1000, exitCode: 0 })
  node.runtime.script({ name: 'two' }, { runFor: 1000, exitCode: 0 })
  const initContainers = ['one', 'two'].map((name) => ({ name, image }))
  const first = await node.run(pod('web', { spec: { initContainers, containers: [{ name: 'main', image }] } }))
  assert.equal(first.status.phase, 'Pending')
  assert.equal(first.status.containerStatuses?.[0]?.state.waiting?.reason, 'PodInitializing')
  const initialized = first.status.conditions?.find(({ type }) => type === 'Initialized')
  assert.equal(initialized?.message, 'containers with incomplete status: [one two]')
  await node.cluster.advance(1000)
  const second = await node.pod('web')
  assert.deepEqual(
    second.status.initContainerStatuses?.map(({ ready }) => ready),
    [true, false],
  )
  await node.cluster.advance(1000)
  assert.equal((await node.pod('web')).status.phase, 'Running')
  assert.deepEqual(node.errors, [])
})

test('PodWorker fails a pod of policy Never whose init container fails', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'one' }, { runFor: 1000, exitCode: 1 })
  const spec = {
    restartPolicy: 'Never',
    initContainers: [{ name: 'one', image }],
    containers: [{ name: 'main', image }],
  } as const
  await node.run(pod('web', { spec: structuredClone(spec) as never }))
  await node.cluster.advance(1000)
  const { status } = await node.pod('web')
  assert.equal(status.phase, 'Failed')
  assert.equal(status.containerStatuses?.[0]?.state.waiting?.reason, 'PodInitializing')
  assert.deepEqual(node.errors, [])
})

test('PodWorker starts sidecars before and stops them after the containers', async () => {
  await using node = await testNode()
  const sidecar = (name: string) => ({ name, image, restartPolicy: 'Always' })
  await node.run(pod('web', { spec: { initContainers: [sidecar('a'), sidecar('b')], containers: [{ name: 'main', image }] } }))
  assert.equal((await node.pod('web')).status.phase, 'Running')
  const names = new Map((await node.runtime.listContainers()).map(({ id, metadata }) => [id, metadata.name]))
  const order = (call: string) =>
    node.runtime.calls.filter((line) => line.startsWith(`${call} `)).map((line) => names.get(line.split(' ')[1] ?? ''))
  assert.deepEqual(order('startContainer'), ['a', 'b', 'main'])
  node.kubelet.evict((await node.pod('web')).metadata.uid, {
    reason: 'Evicted',
    message: 'The node was low on resource: memory.',
  })
  await node.cluster.settle()
  assert.deepEqual(order('stopContainer'), ['main', 'b', 'a'])
  const { status } = await node.pod('web')
  assert.equal(status.phase, 'Failed')
  assert.equal(status.reason, 'Evicted')
  assert.deepEqual(node.errors, [])
})

test('PodWorker ends a job although its sidecar never ends by itself', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { runFor: 500, exitCode: 0 })
  const initContainers = [{ name: 'proxy', image, restartPolicy: 'Always' }]
  await node.run(pod('job', { spec: { restartPolicy: 'Never', initContainers, containers: [{ name: 'main', image }] } }))
  await node.cluster.advance(500)
  await node.cluster.advance(3000)
  assert.equal((await node.pod('job')).status.phase, 'Succeeded')
  assert.deepEqual(node.errors, [])
})

test('PodWorker makes a new sandbox when the old one is lost, and counts the restart', async () => {
  await using node = await testNode()
  await node.run(pod('web'))
  const [sandbox] = await node.runtime.listPodSandboxes()
  await node.runtime.stopPodSandbox(sandbox?.id ?? '')
  await node.cluster.advance(10_000)
  const { status } = await node.pod('web')
  assert.equal(status.phase, 'Running')
  assert.equal(status.containerStatuses?.[0]?.restartCount, 1)
  assert((await node.events('web')).includes('SandboxChanged: Pod sandbox changed, it will be killed and re-created.'))
  assert.deepEqual(node.errors, [])
})

test('a restarted agent adopts what runs and restarts nothing', async () => {
  await using node = await testNode()
  await node.run(pod('web'))
  const before = await node.pod('web')
  const calls = node.runtime.calls.length
  await node.restart()
  await node.cluster.advance(5000)
  const changing = node.runtime.calls.slice(calls).filter((call) => /^(run|create|start|stop|remove)/.test(call))
  assert.deepEqual(changing, [])
  assert.deepEqual((await node.pod('web')).status, before.status)
  assert.equal((await node.pod('web')).metadata.resourceVersion, before.metadata.resourceVersion)
})

test('a restarted agent ends pods that were deleted meanwhile', async () => {
  await using node = await testNode()
  await node.run(pod('web'))
  await node.cluster.client.delete(Pod, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 })
  await node.restart()
  await node.cluster.advance(4000)
  assert.deepEqual(await node.runtime.listPodSandboxes(), [])
  assert.deepEqual(await node.runtime.listContainers(), [])
})

test('PodWorker begins all of a pod again when a container ends with a code that asks for it', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'once' }, { runFor: 100, exitCode: 0 })
  node.runtime.script({ name: 'main', attempt: 0 }, { runFor: 5000, exitCode: 42 })
  const rule = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }
  const spec = {
    restartPolicy: 'Never',
    initContainers: [{ name: 'once', image }],
    containers: [
      { name: 'main', image, restartPolicy: 'Never', restartPolicyRules: [rule] },
      { name: 'beside', image },
    ],
  }
  await node.run(pod('web', { spec: spec as never }))
  await node.cluster.advance(1000)
  const before = (await node.pod('web')).status
  assert.deepEqual([before.phase, before.containerStatuses?.map(({ restartCount }) => restartCount)], ['Running', [0, 0]])
  await node.cluster.advance(6000)
  const after = (await node.pod('web')).status
  assert.equal(after.phase, 'Running')
  assert.equal(after.podIP, before.podIP)
  const all = [...(after.initContainerStatuses ?? []), ...(after.containerStatuses ?? [])]
  assert.deepEqual(
    all.map(({ name, restartCount, state }) => [name, restartCount, Object.keys(state)[0]]),
    [
      ['once', 1, 'terminated'],
      ['beside', 1, 'running'],
      ['main', 1, 'running'],
    ],
  )
  assert.equal(
    after.conditions?.some(({ type }) => type === 'AllContainersRestarting'),
    false,
  )
  await node.cluster.advance(60_000)
  assert.deepEqual(
    (await node.pod('web')).status.containerStatuses?.map(({ restartCount }) => restartCount),
    [1, 1],
    'once is enough',
  )
  assert.deepEqual(node.errors, [])
})
