import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'

const pods = '/api/v1/namespaces/default/pods'
const p = { name: 'p', namespace: 'default' }
const strategic = 'application/strategic-merge-patch+json'
const debug = (name: string, image = 'busybox') => ({ name, image, targetContainerName: 'main' })

async function patchPod({ server }: TestCluster, subresource: string, patch: object) {
  return send(server, `PATCH ${pods}/p/${subresource}`, { body: patch, contentType: strategic })
}

test('ephemeralcontainers adds, and leaves the rest of what was sent alone', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Pod, pod('p'))
  const labels = { a: 'b' }
  const patch = {
    metadata: { labels },
    spec: { ephemeralContainers: [debug('d')], containers: [{ name: 'main', image: 'other' }] },
  }
  const { status, object } = await patchPod(cluster, 'ephemeralcontainers', patch)
  assert.equal(status, 200)
  assert.equal(object.metadata.labels, undefined)
  assert.equal(object.spec.containers[0].image, 'example/app:1')
  assert.equal(object.spec.ephemeralContainers[0].terminationMessagePolicy, 'File')
  assert.equal(object.metadata.generation, 2)
})

test('ephemeralcontainers refuses to change or remove one', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Pod, pod('p'))
  await patchPod(cluster, 'ephemeralcontainers', { spec: { ephemeralContainers: [debug('d')] } })
  const sent = await cluster.client.get(Pod, p)
  const body = { ...sent, spec: { ...sent.spec, ephemeralContainers: [] } }
  const gone = await send(cluster.server, `PUT ${pods}/p/ephemeralcontainers`, { body })
  assert.equal(gone.status, 422)
  const why = 'spec.ephemeralContainers: Forbidden: existing ephemeral containers "d" may not be removed\n'
  assert.equal(gone.object.message, `Pod "p" is invalid: ${why}`)
})

const resources = (cpu: string, memory = '64Mi') => ({ requests: { cpu, memory } })
const resize = (cpu: string) => ({ spec: { containers: [{ name: 'main', resources: resources(cpu) }] } })

test('resize changes resources and nothing else', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Pod, pod('p', { spec: { containers: [{ name: 'main', image: 'i', resources: resources('1') }] } }))
  const { status, object } = await patchPod(cluster, 'resize', { ...resize('2'), metadata: { annotations: { a: 'b' } } })
  assert.equal(status, 200)
  assert.equal(object.spec.containers[0].resources.requests.cpu, '2')
  assert.equal(object.metadata.annotations, undefined)
  assert.equal(object.metadata.generation, 2)
  const direct = await send(cluster.server, `PATCH ${pods}/p`, { body: resize('3'), contentType: strategic })
  assert.equal(direct.status, 422)
  assert.match(direct.object.message, /^Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than /)
})

test('resize refuses another class of service', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Pod, pod('p'))
  const { status, object } = await patchPod(cluster, 'resize', resize('1'))
  assert.equal(status, 422)
  const why = 'spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing'
  assert.equal(object.message, `Pod "p" is invalid: ${why}`)
})

test('finalize changes the finalizers of a namespace, and its last one ends it', async () => {
  await using cluster = await testCluster()
  const { client, server } = cluster
  await client.create(Namespace, { metadata: { name: 'n' } })
  const put = (finalizers: string[]) => {
    const body = { metadata: { name: 'n' }, spec: { finalizers }, status: { phase: 'Terminating' } }
    return send(server, 'PUT /api/v1/namespaces/n/finalize', { body: { apiVersion: 'v1', kind: 'Namespace', ...body } })
  }
  const refused = await put(['x'])
  assert.equal(refused.status, 422)
  assert.match(refused.object.message, /^Namespace "n" is invalid: spec.finalizers\[0\]: Invalid value: "x": /)
  const { object } = await put(['kubernetes', 'example.com/mine'])
  assert.deepEqual(object.spec.finalizers, ['kubernetes', 'example.com/mine'])
  assert.equal(object.status.phase, 'Active')
  await client.delete(Namespace, { name: 'n' })
  await put([])
  await assert.rejects(client.get(Namespace, { name: 'n' }), (error) => hasReason(error, 'NotFound'))
})
