/** How much a rollout writes: no more than upstream's controllers would for the same steps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { AdmissionPlugin } from '#apiserver/admission/plugin.ts'
import { testCluster } from '#testing/cluster.ts'
import { deployment } from '#testing/make.ts'
import { runPods, setReady } from '#testing/run-pods.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { deploymentController } from './deployment.ts'

const at = { name: 'web', namespace: 'default' }
const image = { spec: { template: { spec: { containers: [{ name: 'main', image: 'example/app:2' }] } } } }

function counting() {
  const writes = new Map<string, number>()
  const plugin: AdmissionPlugin = {
    name: 'Counting',
    handles: ({ kind }) => ['deployments', 'replicasets', 'pods'].includes(kind.plural),
    validate: ({ operation, kind, subresource }) => {
      const what = [operation.toLowerCase(), kind.plural, ...(subresource ? [subresource] : [])].join(' ')
      writes.set(what, (writes.get(what) ?? 0) + 1)
    },
  }
  const taken = () => {
    const found = Object.fromEntries([...writes].sort(([a], [b]) => (a < b ? -1 : 1)))
    writes.clear()
    return found
  }
  return { plugin, taken }
}

/** One per change that there is to tell of: a pod more, a pod that is ready, a pod less, and the size that allowed it. */
function atMost(writes: Record<string, number>, bounds: Record<string, number>): void {
  for (const [what, count] of Object.entries(writes)) assert.ok(count <= (bounds[what] ?? 0), `${count} ${what}`)
}

test('a Deployment of ten pods, made and rolled, writes no more than upstream', async () => {
  const { plugin, taken } = counting()
  await using cluster = await testCluster({ controllers: [deploymentController, replicaSetController], admission: [plugin] })
  const created = await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 10 } }))
  await cluster.settle()
  const made = { 'create deployments': 1, 'create replicasets': 1, 'create pods': 10 }
  atMost(taken(), { ...made, 'update replicasets status': 3, 'update deployments status': 4 })
  for (const pod of await cluster.list(Pod)) await setReady(cluster, pod, true)
  await cluster.settle()
  atMost(taken(), { 'update pods status': 10, 'update replicasets status': 10, 'update deployments status': 10 })
  await cluster.client.patch(Deployment, created, { type: 'strategic', body: image })
  await runPods(cluster)
  assert.equal((await cluster.client.get(Deployment, at)).status.updatedReplicas, 10)
  const pods = { 'create pods': 10, 'delete pods': 10, 'update pods status': 10 }
  const sizes = { 'update deployments': 1, 'create replicasets': 1, 'update replicasets': 20 }
  atMost(taken(), { ...pods, ...sizes, 'update replicasets status': 40, 'update deployments status': 20 })
  await cluster.advance(3_600_000)
  assert.deepEqual(taken(), {}, 'at rest')
})
