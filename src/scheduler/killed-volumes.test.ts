/** A scheduler that dies after any of its writes for volumes: each pod gets its own, none is made twice or left promised to nobody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { claimBinder, volumeBinder } from '#controllers/persistent-volume/binder.ts'
import { localPathControllers, localPathProvisioner } from '#controllers/persistent-volume/local-path.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { dyingClient } from '#testing/dying-client.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

const volumeBindingMode = 'WaitForFirstConsumer'

/** Two nodes, on each a volume for anybody; one pod asks for such a volume, another for such a one and for one that is to be made. */
async function waiting(): Promise<TestCluster> {
  const directories = { root: '/data', make: async () => {}, remove: async () => {} }
  const controllers = [claimBinder, volumeBinder, ...localPathControllers(directories)]
  const cluster = await testCluster({ controllers, admission: [] })
  const { client } = cluster
  await client.create(StorageClass, {
    metadata: { name: 'there' },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode,
  })
  await client.create(StorageClass, { metadata: { name: 'made' }, provisioner: localPathProvisioner, volumeBindingMode })
  for (const name of ['a', 'b']) {
    await client.create(Node, make.node(name))
    const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] }]
    const spec = {
      ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'there' },
      ...{ local: { path: '/disk' }, nodeAffinity: { required: { nodeSelectorTerms: terms } } },
    }
    await client.create(PersistentVolume, { metadata: { name: `disk-${name}` }, spec } as never)
  }
  for (const [name, classes] of [
    ['one', ['there']],
    ['both', ['there', 'made']],
  ] as const) {
    const claims = classes.map((storageClassName) => ({ name: `${name}-${storageClassName}`, storageClassName }))
    for (const { name, storageClassName } of claims) {
      const spec = { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } }
      await client.create(PersistentVolumeClaim, { metadata: { name, namespace: 'default' }, spec } as never)
    }
    const volumes = claims.map(({ name }) => ({ name, persistentVolumeClaim: { claimName: name } }))
    const tolerations = [{ operator: 'Exists' as const }]
    await client.create(Pod, make.pod(name, { spec: { volumes, tolerations } as never }))
  }
  await cluster.settle()
  return cluster
}

async function check(cluster: TestCluster, what: string): Promise<void> {
  const nodes = new Map((await cluster.list(Pod)).map(({ metadata, spec }) => [metadata.name, spec.nodeName]))
  assert.deepEqual(
    [...nodes].flatMap(([name, node]) => (node ? [] : [name])),
    [],
    `${what}: pods without a node`,
  )
  const volumes = await cluster.list(PersistentVolume)
  const claims = await cluster.list(PersistentVolumeClaim)
  const owners = volumes.map(({ spec }) => spec.claimRef?.name).sort()
  assert.deepEqual(owners, ['both-made', 'both-there', 'one-there'], what)
  for (const { metadata, spec, status } of claims) {
    assert.equal(status.phase, 'Bound', `${what}: ${metadata.name}`)
    const volume = volumes.find((one) => one.metadata.name === spec.volumeName)
    const [place] = volume?.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values ?? []
    assert.equal(place, nodes.get(metadata.name.split('-')[0] as string), `${what}: ${metadata.name} is not where its pod is`)
  }
}

test('the scheduler may be killed at any of its writes for volumes, before or after the server has seen it', async () => {
  let total = Number.POSITIVE_INFINITY
  for (const when of ['before', 'after'] as const) {
    for (let last = 1; last <= total; last++) {
      await using cluster = await waiting()
      const { clock, random } = cluster
      const first = new AbortController()
      const dying = dyingClient(cluster, last, { when, die: () => first.abort(new Error('died')) })
      void runScheduler({ client: dying.client, clock, random, signal: first.signal }).catch(() => {})
      await cluster.advance(5_000)
      first.abort()
      if (dying.writes() < last) total = last
      const second = new AbortController()
      void runScheduler({ client: cluster.client, clock, random, signal: second.signal }).catch(() => {})
      await cluster.advance(30_000)
      await check(cluster, `killed ${when} write ${last}`)
      second.abort()
      await cluster.settle()
    }
  }
  assert.ok(total > 7, `${total} writes`)
})

async function waitingAlone(): Promise<TestCluster & { stop(): Promise<void>; claim(): Promise<PersistentVolumeClaim> }> {
  const cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  await client.create(Node, make.node('n', { pods: '1' }))
  await client.create(StorageClass, { metadata: { name: 'made' }, provisioner: 'example.com/slow', volumeBindingMode })
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'made', resources: { requests: { storage: '1Gi' } } }
  const at = { name: 'c', namespace: 'default' }
  await client.create(PersistentVolumeClaim, { metadata: at, spec } as never)
  const stop = new AbortController()
  await runScheduler({ client, clock, random, signal: stop.signal, onError: assert.ifError })
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }]
  await client.create(Pod, make.pod('p', { spec: { volumes, tolerations: [{ operator: 'Exists' }] } as never }))
  await cluster.advance(3_000)
  return Object.assign(cluster, {
    claim: () => client.get(PersistentVolumeClaim, at),
    async stop() {
      stop.abort()
      await cluster.settle()
    },
  })
}

test('a pod that is deleted while it waits for its volumes leaves its room to others at once, and nothing is said of it', async () => {
  await using cluster = await waitingAlone()
  const { client } = cluster
  await client.delete(Pod, { name: 'p', namespace: 'default' }, { gracePeriodSeconds: 0 })
  await client.create(Pod, make.pod('next', { spec: { tolerations: [{ operator: 'Exists' }] } as never }))
  await cluster.advance(2_000)
  assert.equal((await client.get(Pod, { name: 'next', namespace: 'default' })).spec.nodeName, 'n')
  assert.deepEqual(cluster.errors, [])
  await cluster.stop()
})

test('a pod whose volume could not be made is scheduled anew', async () => {
  await using cluster = await waitingAlone()
  const { client } = cluster
  const selected = async () => (await cluster.claim()).metadata.annotations?.['volume.kubernetes.io/selected-node']
  assert.equal(await selected(), 'n')
  const body = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': null } } }
  await client.patch(PersistentVolumeClaim, (await cluster.claim()).metadata, { type: 'merge', body })
  await cluster.advance(1_000)
  const { status } = await client.get(Pod, { name: 'p', namespace: 'default' })
  const condition = status.conditions?.find(({ type }) => type === 'PodScheduled')
  assert.deepEqual([condition?.reason, status.nominatedNodeName], ['SchedulerError', undefined])
  assert.match(condition?.message ?? '', /^binding volumes: (selectedNode annotation reset|provisioning failed) for PVC "c"$/)
  await cluster.advance(5_000)
  assert.equal(await selected(), 'n')
  await cluster.stop()
})
