import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { RuntimeClass } from '#api/node/v1/runtime-class.ts'
import { pod } from '#testing/make.ts'
import { testNode } from '#testing/node-agent.ts'

const image = 'example/app:1'
const at = { namespace: 'default', name: 'web' }

test('PodWorker waits with CreateContainerConfigError for a missing ConfigMap, and starts once it is there', async () => {
  await using node = await testNode()
  const env = [{ name: 'MODE', valueFrom: { configMapKeyRef: { name: 'settings', key: 'mode' } } }]
  const waiting = await node.run(pod('web', { spec: { containers: [{ name: 'main', image, env }] } }))
  assert.deepEqual(waiting.status.containerStatuses?.[0]?.state.waiting, {
    reason: 'CreateContainerConfigError',
    message: 'configmap "settings" not found',
  })
  assert((await node.events('web')).includes('Failed: Error: configmap "settings" not found'))
  await node.cluster.client.create(ConfigMap, { metadata: { name: 'settings', namespace: 'default' }, data: { mode: 'fast' } })
  await node.cluster.settle()
  assert.equal((await node.pod('web')).status.phase, 'Running')
  assert.deepEqual(node.errors, [])
})

test('PodWorker tells ErrImagePull and ImagePullBackOff', async () => {
  await using node = await testNode()
  node.runtime.fail('pullImage', 'no such image', { times: 100 })
  const failed = await node.run(pod('web'))
  const waiting = failed.status.containerStatuses?.[0]?.state.waiting
  assert.equal(waiting?.reason, 'ErrImagePull')
  assert.equal(failed.status.phase, 'Pending')
  assert((await node.events('web')).includes('Failed: Error: ErrImagePull'))
  await node.cluster.advance(11_000)
  assert.match(
    (await node.pod('web')).status.containerStatuses?.[0]?.state.waiting?.reason ?? '',
    /ErrImagePull|ImagePullBackOff/,
  )
})

test('PodWorker tells CreateContainerError and RunContainerError, and goes on', async () => {
  await using node = await testNode()
  node.runtime.fail('createContainer', 'no room')
  const failed = await node.run(pod('web'))
  assert.deepEqual(failed.status.containerStatuses?.[0]?.state.waiting, { reason: 'CreateContainerError', message: 'no room' })
  await node.cluster.advance(11_000)
  assert.equal((await node.pod('web')).status.phase, 'Running')
})

test('PodWorker tells FailedCreatePodSandBox and tries again', async () => {
  await using node = await testNode()
  node.runtime.fail('runPodSandbox', 'no addresses left')
  const failed = await node.run(pod('web'))
  assert.equal(failed.status.containerStatuses?.[0]?.state.waiting?.reason, 'ContainerCreating')
  assert((await node.events('web')).includes('FailedCreatePodSandBox: Failed to create pod sandbox: no addresses left'))
  await node.cluster.advance(11_000)
  assert.equal((await node.pod('web')).status.phase, 'Running')
})

test('PodWorker waits for volumes and tells FailedMount', async () => {
  await using node = await testNode()
  node.volumes.failures.set('cfg', 'configmap "cfg" not found')
  const volumes = [{ name: 'cfg', configMap: { name: 'cfg' } }]
  const containers = [{ name: 'main', image, volumeMounts: [{ name: 'cfg', mountPath: '/cfg' }] }]
  const waiting = await node.run(pod('web', { spec: { volumes, containers } }))
  assert.equal(waiting.status.containerStatuses?.[0]?.state.waiting?.reason, 'ContainerCreating')
  const text = 'FailedMount: MountVolume.SetUp failed for volume "cfg" : configmap "cfg" not found'
  assert((await node.events('web')).includes(text))
  node.volumes.failures.clear()
  await node.cluster.advance(1000)
  assert.equal((await node.pod('web')).status.phase, 'Running')
})

test('PodWorker keeps the termination message, and the log for want of one', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { runFor: 1000, exitCode: 1 })
  const containers = [{ name: 'main', image, terminationMessagePolicy: 'FallbackToLogsOnError' as const }]
  const { metadata } = await node.run(pod('web', { spec: { restartPolicy: 'Never', containers } }))
  node.files.logs.set(`${metadata.uid}/main/0`, 'out of cheese\n')
  await node.cluster.advance(1000)
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.state.terminated?.message, 'out of cheese\n')
})

test('PodWorker ends a pod at its deadline', async () => {
  await using node = await testNode()
  await node.run(pod('web', { spec: { activeDeadlineSeconds: 30 } }))
  await node.cluster.advance(30_000)
  await node.cluster.advance(3000)
  const { status } = await node.pod('web')
  assert.equal(status.phase, 'Failed')
  assert.equal(status.reason, 'DeadlineExceeded')
  assert.equal(status.message, 'Pod was active on the node longer than the specified deadline')
  assert.deepEqual(node.errors, [])
})

test('a pod that does not fit the node fails without being started', async () => {
  await using node = await testNode()
  const containers = [{ name: 'main', image, resources: { requests: { cpu: '8' } } }]
  const { status } = await node.run(pod('web', { spec: { containers } }))
  assert.equal(status.phase, 'Failed')
  assert.equal(status.reason, 'OutOfcpu')
  const why = "Node didn't have enough resource: cpu, requested: 8000, used: 0, capacity: 4000"
  assert.equal(status.message, `Pod was rejected: ${why}`)
  assert((await node.events('web')).includes(`OutOfcpu: ${why}`))
  assert.deepEqual(await node.runtime.listPodSandboxes(), [])
  await node.cluster.client.delete(Pod, at)
  await node.cluster.settle()
  assert.deepEqual(await node.cluster.list(Pod), [])
})

test('a pod whose node selector does not match fails with NodeAffinity', async () => {
  await using node = await testNode()
  const { status } = await node.run(pod('web', { spec: { nodeSelector: { disk: 'ssd' } } }))
  assert.equal(status.reason, 'NodeAffinity')
})

test('PodWorker begins a kill again with a smaller grace', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { stopAfter: Number.POSITIVE_INFINITY })
  await node.run(pod('web'))
  await node.cluster.client.delete(Pod, at)
  await node.cluster.advance(5000)
  assert((await node.pod('web')).metadata.deletionTimestamp)
  await node.cluster.client.delete(Pod, at, { gracePeriodSeconds: 2 })
  await node.cluster.advance(2000)
  assert.deepEqual(await node.cluster.list(Pod), [])
  assert.deepEqual(node.errors, [])
})

test('a forced deletion leaves nothing in the runtime', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { stopAfter: Number.POSITIVE_INFINITY })
  await node.run(pod('web'))
  await node.cluster.client.delete(Pod, at, { gracePeriodSeconds: 0 })
  await node.cluster.advance(3000)
  assert.deepEqual(await node.runtime.listPodSandboxes(), [])
  assert.deepEqual([...node.kubelet.workers()], [])
})

test('a deleted pod with a finalizer stays without running, until the finalizer goes', async () => {
  await using node = await testNode()
  const draft = pod('web')
  await node.run({ ...draft, metadata: { ...draft.metadata, finalizers: ['example.com/keep'] } })
  await node.cluster.client.delete(Pod, at)
  await node.cluster.advance(5000)
  const kept = await node.pod('web')
  assert.equal(kept.metadata.deletionGracePeriodSeconds, 0)
  await node.cluster.client.patch(Pod, at, { type: 'merge', body: { metadata: { finalizers: null } } })
  await node.cluster.settle()
  assert.deepEqual(await node.cluster.list(Pod), [])
  assert.deepEqual([...node.kubelet.workers()], [])
})

test('PodWorker says which init container holds up a pod that failed', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'one' }, { runFor: 100, exitCode: 0 })
  node.runtime.script({ name: 'two' }, { runFor: 100, exitCode: 1 })
  const initContainers = [
    { name: 'one', image },
    { name: 'two', image },
  ]
  await node.run(pod('web', { spec: { restartPolicy: 'Never', initContainers, containers: [{ name: 'main', image }] } }))
  await node.cluster.advance(5000)
  const { phase, conditions, initContainerStatuses } = (await node.pod('web')).status
  assert.equal(phase, 'Failed')
  const initialized = conditions?.find(({ type }) => type === 'Initialized')
  assert.deepEqual(
    [initialized?.status, initialized?.reason, initialized?.message],
    ['False', 'ContainersNotInitialized', 'containers with incomplete status: [two]'],
  )
  assert.deepEqual(
    initContainerStatuses?.map(({ ready }) => ready),
    [true, false],
  )
})

test('PodWorker waits for the image of a volume as for its own', async () => {
  await using node = await testNode()
  node.runtime.fail('pullImage', 'no such image', { times: 100 })
  node.runtime.addImage(image)
  const volumes = [{ name: 'files', image: { reference: 'example/files:1' } }]
  const containers = [{ name: 'main', image, volumeMounts: [{ name: 'files', mountPath: '/files' }] }]
  const failed = await node.run(pod('web', { spec: { volumes, containers } }))
  assert.deepEqual(failed.status.containerStatuses?.[0]?.state.waiting, { reason: 'ErrImagePull', message: 'no such image' })
})

test('PodWorker does not run a pod that wants users of its own as if it had not said so', async () => {
  await using node = await testNode()
  await node.run(pod('web', { spec: { hostUsers: false, containers: [{ name: 'main', image }] } }))
  const text = "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
  assert((await node.events('web')).includes(`FailedCreatePodSandBox: Failed to create pod sandbox: ${text}`))
  assert.deepEqual(await node.runtime.listPodSandboxes(), [])
})

test('PodWorker gives a pod users of its own where the runtime can', async () => {
  await using node = await testNode()
  node.runtime.addImage(image)
  node.runtime.handlers = [{ name: '', hasUserNamespaces: true, hasRecursiveReadOnly: false }]
  await node.run(pod('web', { spec: { hostUsers: false, containers: [{ name: 'main', image }] } }))
  const users = { hostId: 65_536, length: 65_536 }
  const [container] = await node.runtime.listContainers()
  assert.deepEqual(node.runtime.configOf(container?.id ?? '')?.security.namespaces.users, users)
})

test('PodWorker runs a pod by the handler of its RuntimeClass, and tells of a class that has gone', async () => {
  await using node = await testNode()
  node.runtime.addImage(image)
  const runtimeClass = await node.cluster.client.create(RuntimeClass, { metadata: { name: 'fast' }, handler: 'kata' })
  const spec = { runtimeClassName: 'fast', containers: [{ name: 'main', image }] }
  await node.run(pod('web', { spec }))
  const [container] = await node.runtime.listContainers()
  assert.equal(node.runtime.sandboxConfigOf(container?.id ?? '')?.runtimeHandler, 'kata')
  await node.cluster.client.create(Pod, pod('late', { spec: { ...spec, nodeName: 'n1' } }))
  await node.cluster.client.delete(RuntimeClass, runtimeClass)
  await node.cluster.settle()
  const text = 'FailedCreatePodSandBox: Failed to create pod sandbox: runtimeclasses.node.k8s.io "fast" not found'
  assert((await node.events('late')).includes(text), (await node.events('late')).join())
})
