import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Ingress } from '#api/networking/v1/ingress.ts'
import { IngressClass } from '#api/networking/v1/ingress-class.ts'
import { RuntimeClass } from '#api/node/v1/runtime-class.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { mergeTolerations } from './merge-tolerations.ts'
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts'

const storageDefault = { 'storageclass.kubernetes.io/is-default-class': 'true' }

function claim(name: string, over: object = {}) {
  const resources = { requests: { storage: '1Gi' } }
  return { metadata: { name, namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce' as const], resources, ...over } }
}

test('DefaultStorageClass takes the newest default where a claim names no class', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  assert.equal((await client.create(PersistentVolumeClaim, claim('none'))).spec.storageClassName, undefined)
  await client.create(StorageClass, { metadata: { name: 'a', annotations: storageDefault }, provisioner: 'x.io/p' })
  await client.create(StorageClass, { metadata: { name: 'plain' }, provisioner: 'x.io/p' })
  await cluster.advance(2_000)
  await client.create(StorageClass, { metadata: { name: 'b', annotations: storageDefault }, provisioner: 'x.io/p' })
  assert.equal((await client.create(PersistentVolumeClaim, claim('some'))).spec.storageClassName, 'b')
  const own = await client.create(PersistentVolumeClaim, claim('own', { storageClassName: '' }))
  assert.equal(own.spec.storageClassName, '')
})

test('PersistentVolumeClaimResize lets bound claims grow where their class does', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const provisioner = 'x.io/p'
  await client.create(StorageClass, { metadata: { name: 'fixed' }, provisioner })
  await client.create(StorageClass, { metadata: { name: 'elastic' }, provisioner, allowVolumeExpansion: true })
  const grow = async (name: string) => {
    const current = edit(await client.get(PersistentVolumeClaim, { name, namespace: 'default' }))
    current.spec.resources.requests = { storage: '2Gi' }
    return client.update(PersistentVolumeClaim, current)
  }
  const bind = async (name: string, storageClassName: string) => {
    const made = await client.create(PersistentVolumeClaim, claim(name, { storageClassName, volumeName: 'v' }))
    await client.update(PersistentVolumeClaim, { ...edit(made), status: { phase: 'Bound' } }, { subresource: 'status' })
  }
  await bind('stiff', 'fixed')
  await assert.rejects(grow('stiff'), {
    message:
      'persistentvolumeclaims "stiff" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  })
  await bind('growing', 'elastic')
  assert.equal((await grow('growing')).spec.resources.requests?.storage, '2Gi')
})

test('PersistentVolumeClaimResize refuses claims that are not bound', () => {
  const [old, object] = ['1Gi', '2Gi'].map((storage) => ({
    metadata: { name: 'c' },
    spec: { resources: { requests: { storage } } },
    status: { phase: 'Pending' },
  }))
  const request = { kind: PersistentVolumeClaim, name: 'c', object, old }
  const message = 'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded'
  assert.throws(() => persistentVolumeClaimResize.validate?.(request as never, {} as never), { message })
})

test('DefaultIngressClass fills in the default class', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' }
  await client.create(IngressClass, { metadata: { name: 'nginx', annotations }, spec: { controller: 'k8s.io/nginx' } })
  const spec = { defaultBackend: { service: { name: 's', port: { number: 80 } } } }
  const made = await client.create(Ingress, { metadata: { name: 'i', namespace: 'default' }, spec })
  assert.equal(made.spec.ingressClassName, 'nginx')
})

test('RuntimeClass gives pods its overhead, nodes and tolerations', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const toleration = { key: 'kata', operator: 'Exists' as const }
  await client.create(RuntimeClass, {
    metadata: { name: 'kata' },
    handler: 'kata',
    overhead: { podFixed: { cpu: '250m' } },
    scheduling: { nodeSelector: { kata: 'yes' }, tolerations: [toleration] },
  })
  const { spec } = await client.create(Pod, pod('a', { spec: { runtimeClassName: 'kata' } }))
  assert.deepEqual([spec.overhead, spec.nodeSelector], [{ cpu: '250m' }, { kata: 'yes' }])
  assert.ok(spec.tolerations?.some(({ key }) => key === 'kata'))
  const cases: [object, string][] = [
    [{ runtimeClassName: 'nope' }, 'pod rejected: RuntimeClass "nope" not found'],
    [
      { runtimeClassName: 'kata', overhead: { cpu: '1' } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [{ overhead: { cpu: '1' } }, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'],
    [
      { runtimeClassName: 'kata', nodeSelector: { kata: 'no' } },
      'conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no',
    ],
  ]
  for (const [over, why] of cases) {
    await assert.rejects(client.create(Pod, pod('b', { spec: over })), { message: `pods "b" is forbidden: ${why}` })
  }
})

test('mergeTolerations() drops what others include', () => {
  const all = { operator: 'Exists' as const }
  const a = { key: 'a', operator: 'Exists' as const }
  const b = { key: 'b', operator: 'Equal' as const, value: '1', effect: 'NoSchedule' as const }
  assert.deepEqual(mergeTolerations([a], [a, b]), [a, b])
  assert.deepEqual(mergeTolerations([a], [all]), [all])
  assert.deepEqual(mergeTolerations([all], [b]), [all])
  const brief = { ...a, effect: 'NoExecute' as const, tolerationSeconds: 5 }
  const long = { ...brief, tolerationSeconds: 9 }
  assert.deepEqual(mergeTolerations([brief], [long]), [long])
})

test('PodTopologyLabels tells a pod where it runs when it is bound', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const labels = { 'topology.kubernetes.io/zone': 'z1', 'topology.kubernetes.io/region': 'r1', other: 'x' }
  await client.create(Node, { metadata: { name: 'n', labels } })
  await client.create(Pod, pod('a'))
  const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a' }, target: { kind: 'Node', name: 'n' } }
  await client.post(Pod, { name: 'a', namespace: 'default' }, { subresource: 'binding', body })
  const bound = await client.get(Pod, { name: 'a', namespace: 'default' })
  assert.deepEqual(bound.metadata.labels, { 'topology.kubernetes.io/zone': 'z1', 'topology.kubernetes.io/region': 'r1' })
})
