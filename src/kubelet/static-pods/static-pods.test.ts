import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { sleep, systemClock } from '#lib/clock.ts'
import { nodeName, type TestNode, testNode } from '#testing/node-agent.ts'
import { staticPodOf } from './static-pod-of.ts'

const manifest = (image: string, over = '') => `apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: ${image}
${over}`

async function bed(): Promise<TestNode & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'static-'))
  const at = await testNode({ staticPodPath: path })
  const end = at[Symbol.asyncDispose].bind(at)
  const dispose = async () => {
    await end()
    await rm(path, { recursive: true })
  }
  return Object.assign(at, { path, [Symbol.asyncDispose]: dispose })
}

/** Files are read in real time, the rest runs on the cluster's. */
async function until(at: TestNode, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; ; tries++) {
    await at.cluster.settle()
    if (await holds()) return
    if (tries > 300) throw new Error('it never came true')
    await sleep(systemClock, 10)
  }
}

const mirrorOf = (at: TestNode) =>
  at.cluster.client.get(Pod, { name: `web-${nodeName}`, namespace: 'default' }).catch(() => undefined)
const phaseOf = async (at: TestNode) => (await mirrorOf(at))?.status.phase

test('staticPodOf() names the pod after its node, and knows it again', () => {
  const at = { file: '/m/web.yaml', nodeName: 'n1' }
  const pod = staticPodOf(manifest('a:1'), at)
  assert.deepEqual([pod.metadata.name, pod.metadata.namespace, pod.spec.nodeName], ['web-n1', 'default', 'n1'])
  assert.match(pod.metadata.uid, /^[0-9a-f]{32}$/)
  assert.equal(pod.metadata.annotations?.['kubernetes.io/config.hash'], pod.metadata.uid)
  assert.equal(pod.metadata.annotations?.['kubernetes.io/config.source'], 'file')
  assert.deepEqual(pod.spec.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }])
  assert.equal(staticPodOf(manifest('a:1'), at).metadata.uid, pod.metadata.uid)
  assert.notEqual(staticPodOf(manifest('a:2'), at).metadata.uid, pod.metadata.uid)
  assert.notEqual(staticPodOf(manifest('a:1'), { ...at, nodeName: 'n2' }).metadata.uid, pod.metadata.uid)
})

for (const [it, text, problem] of [
  ['another kind', 'apiVersion: v1\nkind: Service', /invalid pod: "Service"/],
  [
    'a pod that is not valid',
    manifest('a:1', '    ports: [{containerPort: 0}]'),
    /spec\.containers\[0\]\.ports\[0\]\.containerPort/,
  ],
  ['a service account', manifest('a:1', '  serviceAccountName: x'), /static pods may not reference serviceaccounts/],
  ['a Secret', manifest('a:1', '    envFrom: [{secretRef: {name: x}}]'), /static pods may not reference secrets/],
  ['a ConfigMap', manifest('a:1', '  volumes: [{name: v, configMap: {name: x}}]'), /static pods may not reference configmaps/],
] as const) {
  test(`staticPodOf() refuses ${it}`, () => assert.throws(() => staticPodOf(text, { file: 'f', nodeName: 'n1' }), problem))
}

test('the agent runs the pods of a folder, shows mirrors of them, and lets nobody else end them', async () => {
  await using at = await bed()
  const file = join(at.path, 'web.yaml')
  await writeFile(join(at.path, '.hidden'), manifest('hidden:1'))
  await writeFile(file, manifest('a:1'))
  await at.restart()
  await until(at, async () => (await phaseOf(at)) === 'Running')
  const mirror = (await mirrorOf(at)) as Pod
  const { uid } = (await at.runtime.listPodSandboxes())[0]?.metadata ?? { uid: '' }
  assert.equal(mirror.metadata.annotations?.['kubernetes.io/config.mirror'], uid)
  assert.equal(mirror.metadata.ownerReferences?.[0]?.uid, (await at.cluster.client.get(Node, { name: nodeName })).metadata.uid)
  assert.equal(mirror.status.containerStatuses?.[0]?.ready, true)
  const started = (await at.runtime.listContainers())[0]?.id
  assert.equal(at.kubelet.containerId({ namespace: 'default', name: mirror.metadata.name, container: 'main' }), started)

  await at.cluster.client.delete(Pod, mirror, { gracePeriodSeconds: 0 })
  await until(at, async () => ((await mirrorOf(at))?.metadata.uid ?? mirror.metadata.uid) !== mirror.metadata.uid)
  await until(at, async () => (await phaseOf(at)) === 'Running')
  assert.deepEqual(
    (await at.runtime.listContainers()).map(({ id }) => id),
    [started],
    'the pod itself goes on',
  )

  await at.restart()
  await until(at, async () => (await phaseOf(at)) === 'Running')
  assert.deepEqual(
    (await at.runtime.listContainers()).map(({ id }) => id),
    [started],
    'another agent adopts it',
  )
  assert.deepEqual(at.errors, [])
})

test('a file that changes becomes another pod, and one that goes takes its pod along', async () => {
  await using at = await bed()
  const file = join(at.path, 'web.yaml')
  await writeFile(file, manifest('a:1'))
  await at.restart()
  await until(at, async () => (await phaseOf(at)) === 'Running')
  const before = (await mirrorOf(at))?.metadata.uid
  await writeFile(file, manifest('a:2'))
  await until(at, async () => {
    await at.cluster.advance(1000)
    const mirror = await mirrorOf(at)
    return mirror?.metadata.uid !== before && mirror?.spec.containers[0]?.image === 'a:2' && mirror.status.phase === 'Running'
  })
  await rm(file)
  await until(at, async () => {
    await at.cluster.advance(1000)
    return (await mirrorOf(at)) === undefined && (await at.runtime.listPodSandboxes()).length === 0
  })
})
