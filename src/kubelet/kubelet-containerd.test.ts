import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import type { Draft } from '#schema/words.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { busybox, noContainerd, type TestContainerd, testContainerd } from '#testing/containerd.ts'
import { node } from '#testing/make.ts'
import { createImageManager } from './images/image-manager.ts'
import { type Kubelet, startKubelet } from './kubelet.ts'
import { systemMounter } from './volumes/mounter.ts'

const skip = noContainerd()
let bed: TestContainerd
let cluster: TestCluster
let kubelet: Kubelet
let stop = new AbortController()
const errors: unknown[] = []
const pem = { type: 'pkcs8', format: 'pem' } as const
const publicPem = { type: 'spki', format: 'pem' } as const

async function start(): Promise<void> {
  stop = new AbortController()
  const { runtime, directory } = bed
  kubelet = await startKubelet({
    client: cluster.client,
    runtime,
    images: createImageManager({ runtime, clock: systemClock }),
    clock: systemClock,
    random: systemRandom,
    signal: stop.signal,
    nodeName: 'n1',
    nodeAddresses: ['192.168.1.10'],
    rootDirectory: join(directory, 'kubelet'),
    logDirectory: join(directory, 'pod-logs'),
    clusterDns: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    onError: (error) => errors.push(error),
  })
  await kubelet.synced()
}

before(async () => {
  if (skip) return
  bed = await testContainerd()
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding: pem, publicKeyEncoding: publicPem })
  cluster = await testCluster({ tokens: serviceAccountTokens({ privateKey, issuer: 'https://test' }) })
  await cluster.client.create(Node, node('n1'))
  await cluster.client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } })
  await start()
})

after(async () => {
  stop.abort()
  if (bed)
    for (const mount of await systemMounter.mountsBelow(bed.directory))
      if (mount.includes('/kubelet/')) await systemMounter.unmount(mount)
  await cluster?.[Symbol.asyncDispose]()
  await bed?.[Symbol.asyncDispose]()
})

/** The pod as soon as it is so; undefined when it is gone. */
async function until(name: string, holds: (pod: Pod) => boolean): Promise<Pod | undefined> {
  const end = new AbortController()
  const options = { namespace: 'default', fieldSelector: `metadata.name=${name}`, signal: end.signal }
  const { items, metadata } = await cluster.client.list(Pod, options)
  if (items.length === 0) return undefined
  if (items[0] && holds(items[0])) return items[0]
  try {
    for await (const events of cluster.client.watch(Pod, { ...options, resourceVersion: metadata.resourceVersion })) {
      for (const { type, object } of events) {
        if (type === 'DELETED') return undefined
        if (type !== 'BOOKMARK' && holds(object)) return object
      }
    }
    throw new Error('the watch ended')
  } finally {
    end.abort()
  }
}

async function create(name: string, spec: Draft<Pod['spec']>): Promise<void> {
  await cluster.client.create(Pod, { metadata: { name, namespace: 'default' }, spec: { ...spec, nodeName: 'n1' } })
}

async function exec(name: string, container: string, script: string): Promise<string> {
  const id = kubelet.containerId({ namespace: 'default', name, container })
  const { stdout, stderr } = await bed.runtime.execSync(id ?? '', ['sh', '-c', script], 10)
  return Buffer.concat([stdout, stderr]).toString()
}

const isReady = ({ status }: Pod) => status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false

test('startKubelet() runs a pod with volumes, environment and a token on containerd, and ends it', {
  skip,
  timeout: 60_000,
}, async () => {
  await cluster.client.create(ConfigMap, { metadata: { name: 'cfg', namespace: 'default' }, data: { mode: 'fast' } })
  const sources = [
    { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
    { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
  ]
  const shared = { name: 'shared', mountPath: '/shared' }
  await create('web', {
    serviceAccountName: 'default',
    terminationGracePeriodSeconds: 5,
    securityContext: { fsGroup: 2000 },
    volumes: [
      { name: 'shared', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'cfg', configMap: { name: 'cfg' } },
      { name: 'api', projected: { sources } },
    ],
    containers: [
      {
        name: 'main',
        image: busybox,
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', 'trap "exit 0" TERM; echo started; while true; do sleep 0.1; done'],
        env: [
          { name: 'MODE', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'mode' } } },
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        ],
        resources: { requests: { cpu: '50m' }, limits: { memory: '32Mi' } },
        volumeMounts: [shared, { name: 'cfg', mountPath: '/cfg' }, { name: 'api', mountPath: '/api', readOnly: true }],
        readinessProbe: { exec: { command: ['test', '-e', '/shared/ready'] }, periodSeconds: 1 },
      },
      {
        name: 'side',
        image: busybox,
        command: ['sh', '-c', 'sleep 1000'],
        securityContext: { runAsUser: 1234 },
        volumeMounts: [shared, { name: 'shared', mountPath: '/part', subPath: 'a/b' }],
      },
    ],
  })
  const running = await until('web', ({ status }) => status.phase === 'Running')
  assert(running && !isReady(running))
  assert.equal(
    await exec('web', 'main', 'echo $MODE $IP; hostname; cat /cfg/mode /api/name'),
    `fast ${running.status.podIP}\nweb\nfastweb`,
  )
  assert.match(await exec('web', 'main', 'cat /api/token'), /^[\w-]+\.[\w-]+\.[\w-]+$/)
  assert.match(await exec('web', 'main', 'cat /etc/hosts'), new RegExp(`${running.status.podIP}\tweb\n`))
  assert.match(
    await exec('web', 'main', 'cat /etc/resolv.conf'),
    /search default.svc.cluster.local svc.cluster.local cluster.local/,
  )
  assert.equal(await exec('web', 'side', 'id -u; echo x > /part/file; touch /shared/ready'), '1234\n', 'the group may write')
  assert.equal(await exec('web', 'main', 'cat /shared/a/b/file'), 'x\n')
  assert(await until('web', isReady))
  const log = join(bed.directory, 'pod-logs', `default_web_${running.metadata.uid}`, 'main/0.log')
  assert.match(await readFile(log, 'utf8'), /stdout F started/)

  await cluster.client.patch(
    ConfigMap,
    { name: 'cfg', namespace: 'default' },
    { type: 'merge', body: { data: { mode: 'slow' } } },
  )
  while ((await exec('web', 'main', 'cat /cfg/mode')) !== 'slow');

  await cluster.client.delete(Pod, { name: 'web', namespace: 'default' })
  assert.equal(await until('web', () => false), undefined)
  for (const worker of kubelet.workers()) await worker.gone
  assert.deepEqual(await bed.runtime.listPodSandboxes(), [])
  assert.deepEqual(await systemMounter.mountsBelow(join(bed.directory, 'kubelet')), [])
  assert.deepEqual(errors, [])
})

test('startKubelet() restarts what crashes, tells its last words, and adopts after a restart of the agent', {
  skip,
}, async () => {
  const crash = 'echo "attempt failed" > /dev/termination-log; exit 3'
  await create('crash', {
    restartPolicy: 'Always',
    containers: [{ name: 'main', image: busybox, command: ['sh', '-c', crash] }],
  })
  const crashed = await until(
    'crash',
    ({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason === 'CrashLoopBackOff',
  )
  const [main] = crashed?.status.containerStatuses ?? []
  assert.equal(main?.restartCount, 1)
  assert.equal(main.lastState.terminated?.exitCode, 3)
  assert.equal(main.lastState.terminated?.message, 'attempt failed\n')

  await create('stays', { containers: [{ name: 'main', image: busybox, command: ['sleep', '1000'] }] })
  const before = await until('stays', isReady)
  stop.abort()
  await start()
  const after = await until('stays', isReady)
  assert.deepEqual(after?.status, before?.status)
  assert.equal(
    (await until('crash', () => true))?.status.containerStatuses?.[0]?.lastState.terminated?.message,
    'attempt failed\n',
  )
  for (const name of ['crash', 'stays']) {
    const worker = kubelet.worker({ name, namespace: 'default' })
    await cluster.client.delete(Pod, { name, namespace: 'default' }, { gracePeriodSeconds: 1 })
    assert.equal(await until(name, () => false), undefined)
    await worker?.gone
  }
  assert.deepEqual(errors, [])
})

test('startKubelet() runs jobs and init containers to their end', { skip, timeout: 60_000 }, async () => {
  await create('job', {
    restartPolicy: 'Never',
    initContainers: [{ name: 'init', image: busybox, command: ['true'] }],
    containers: [{ name: 'main', image: busybox, command: ['sh', '-c', 'exit 0'] }],
  })
  const done = await until('job', ({ status }) => status.phase === 'Succeeded' || status.phase === 'Failed')
  assert.equal(done?.status.phase, 'Succeeded')
  assert.equal(done.status.containerStatuses?.[0]?.state.terminated?.reason, 'Completed')
  await cluster.client.delete(Pod, { name: 'job', namespace: 'default' })
  await until('job', () => false)
})
