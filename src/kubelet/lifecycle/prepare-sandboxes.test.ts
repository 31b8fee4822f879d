import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import type { Draft } from '#schema/words.ts'
import { pod } from '#testing/make.ts'
import { type TestNode, testNode } from '#testing/node-agent.ts'
import { memoryFiles } from '../containers/memory-files.ts'
import { diskPodFiles } from '../containers/pod-files.ts'
import { factsOf } from '../kubelet.ts'
import { prepareSandboxes } from './prepare-sandboxes.ts'

const facts = factsOf({
  nodeName: 'n1',
  nodeAddresses: ['192.168.1.10'],
  rootDirectory: '/var/lib/kubelet',
  logDirectory: '/var/log/pods',
  clusterDns: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
})

function rememberingFiles() {
  const kept = new Map<string, Pod>()
  return {
    ...memoryFiles(),
    kept,
    remember: async (pod: Pod) => void kept.set(pod.metadata.uid, pod),
    forget: async (uid: string) => void kept.delete(uid),
    remembered: async () => [...kept.values()],
  }
}

interface Reboot {
  /** What the runtime was asked before the agent started, and from then on. */
  readonly early: readonly string[]
  readonly late: readonly string[]
}

const changes = /^(runPodSandbox|stopPodSandbox|removePodSandbox|createContainer|startContainer)/

/** All that runs is lost, as in a reboot; sandboxes are prepared, and only then does an agent start. */
async function reboot(node: TestNode, files: ReturnType<typeof rememberingFiles>, meanwhile = async () => {}): Promise<Reboot> {
  const { runtime, cluster, errors } = node
  let [from, until] = [0, 0]
  await node.restart(async () => {
    for (const { id } of await runtime.listPodSandboxes()) runtime.loseSandbox(id)
    from = runtime.calls.length
    const prepared = prepareSandboxes({ runtime, files, facts, clock: cluster.clock, onError: (error) => errors.push(error) })
    await cluster.settle()
    until = runtime.calls.length
    await meanwhile()
    return { prepared }
  })
  const asked = (calls: readonly string[]) => calls.filter((call) => changes.test(call)).map((call) => call.split(' ')[0] ?? '')
  return { early: asked(runtime.calls.slice(from, until)), late: asked(runtime.calls.slice(until)) }
}

test('prepareSandboxes() gives a dead pod its sandbox before the API is asked, and its containers start in it once it has answered', async () => {
  const files = rememberingFiles()
  await using node = await testNode({ files })
  await node.run(pod('web'))
  const { early, late } = await reboot(node, files)
  assert.deepEqual(early, ['runPodSandbox'])
  assert.deepEqual(late, ['createContainer', 'startContainer'])
  const { status } = await node.pod('web')
  assert.equal(status.containerStatuses?.[0]?.restartCount, 1)
  assert.equal(status.containerStatuses?.[0]?.ready, true)
  assert((await node.events('web')).includes('SandboxChanged: Pod sandbox changed, it will be killed and re-created.'))
  assert.deepEqual(node.errors, [])
})

test('a pod that has changed meanwhile gets another sandbox than the prepared one', async () => {
  const files = rememberingFiles()
  await using node = await testNode({ files })
  const { metadata } = await node.run(pod('web'))
  const body = { metadata: { labels: { tier: 'new' } } }
  const { late } = await reboot(
    node,
    files,
    async () => void (await node.cluster.client.patch(Pod, metadata, { type: 'merge', body })),
  )
  assert.deepEqual(late.slice(0, 4), ['stopPodSandbox', 'removePodSandbox', 'runPodSandbox', 'createContainer'])
  const ready = (await node.runtime.listPodSandboxes()).filter(({ state }) => state === 'ready')
  assert.deepEqual(
    ready.map(({ labels }) => labels.tier),
    ['new'],
  )
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.ready, true)
})

test('a pod that was deleted meanwhile starts nothing, and loses what was prepared for it', async () => {
  const files = rememberingFiles()
  await using node = await testNode({ files })
  const { metadata } = await node.run(pod('web'))
  const { late } = await reboot(node, files, () =>
    node.cluster.client.delete(Pod, metadata, { gracePeriodSeconds: 0 }).then(() => {}),
  )
  await node.cluster.advance(4000)
  assert(!late.includes('startContainer'))
  assert.deepEqual(await node.runtime.listPodSandboxes(), [])
})

const others: readonly { readonly what: string; readonly spec: Draft<Pod['spec']> }[] = [
  { what: 'a pod that runs once', spec: { restartPolicy: 'Never' } },
  { what: 'a pod with init containers', spec: { initContainers: [{ name: 'init', image: 'example/app:1' }] } },
]

for (const { what, spec } of others) {
  test(`prepareSandboxes() leaves alone ${what}`, async () => {
    const files = rememberingFiles()
    await using node = await testNode({ files })
    node.runtime.script({ name: 'init' }, { runFor: 0, exitCode: 0 })
    await node.run(pod('other', { spec }))
    assert.deepEqual((await reboot(node, files)).early, [])
  })
}

test('prepareSandboxes() leaves alone what runs', async () => {
  const files = rememberingFiles()
  await using node = await testNode({ files })
  await node.run(pod('web'))
  const { runtime, cluster, errors } = node
  const from = runtime.calls.length
  const made = await prepareSandboxes({
    runtime,
    files,
    facts,
    clock: cluster.clock,
    onError: (error) => errors.push(error),
  }).end()
  assert.equal(made.size, 0)
  assert.deepEqual(
    runtime.calls.slice(from).filter((call) => changes.test(call)),
    [],
  )
})

test('diskPodFiles().remembered() answers pods as they were remembered, and leaves out what it cannot read', async () => {
  const rootDirectory = await mkdtemp(join(tmpdir(), 'nami-pods-'))
  try {
    const files = diskPodFiles({ rootDirectory, logDirectory: join(rootDirectory, 'logs') })
    assert.deepEqual(await files.remembered(), [])
    const metadata = { name: 'web', namespace: 'default', labels: { app: 'web' } }
    const pods = ['a', 'b', 'c'].map((uid) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, uid },
      spec: {},
      status: {},
    }))
    for (const one of pods) {
      await files.prepare(one as unknown as Pod)
      await files.remember(one as unknown as Pod)
    }
    await writeFile(join(rootDirectory, 'pods/b/pod.json'), '{"apiVersion": "v1", "ki')
    await files.forget('c')
    await files.forget('never')
    assert.deepEqual(JSON.parse(JSON.stringify(await files.remembered())), pods.slice(0, 1))
  } finally {
    await rm(rootDirectory, { recursive: true })
  }
})
