import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { pod } from '#testing/make.ts'
import { testNode } from '#testing/node-agent.ts'
import type { PodClaims } from './dra/node-claims.ts'

/** Notes what is asked, beside what the runtime is asked. */
function notingClaims(said: string[]) {
  const claims = {
    problem: '',
    async prepare({ metadata }) {
      said.push(`prepare ${metadata.name}`)
      if (claims.problem) throw new Error(claims.problem)
    },
    devicesOf: async (_, { name }) => [`gpu.example.com/device=${name}`],
    async release() {
      said.push('release')
    },
  } satisfies PodClaims & { problem: string }
  return claims
}

test('PodWorker prepares claims before the sandbox, gives the container their devices, and gives them back when it has ended', async () => {
  const said: string[] = []
  const claims = notingClaims(said)
  await using node = await testNode({ claims })
  const calls = node.runtime.calls
  const push = calls.push.bind(calls)
  calls.push = (...more) => {
    said.push(...more.filter((call) => /^(runPodSandbox|createContainer|stopContainer)/.test(call)))
    return push(...more)
  }
  await node.run(pod('web'))
  const id = node.kubelet.containerId({ namespace: 'default', name: 'web', container: 'main' }) ?? ''
  assert.deepEqual(node.runtime.configOf(id)?.cdiDevices, ['gpu.example.com/device=main'])
  await node.cluster.client.delete(Pod, { namespace: 'default', name: 'web' })
  await node.cluster.advance(31_000)
  assert.deepEqual(said, ['prepare web', 'runPodSandbox web', 'createContainer main', `stopContainer ${id}`, 'release'])
  assert.deepEqual(node.errors, [])
})

test('PodWorker makes no sandbox while claims cannot be prepared, says so, and tries again', async () => {
  const said: string[] = []
  const claims = notingClaims(said)
  claims.problem = 'DRA driver gpu.example.com is not registered'
  await using node = await testNode({ claims })
  const { status } = await node.run(pod('web'))
  assert.equal(status.phase, 'Pending')
  assert.deepEqual(await node.runtime.listPodSandboxes(), [])
  const message = `Failed to prepare dynamic resources: prepare dynamic resources: ${claims.problem}`
  assert((await node.events('web')).includes(`FailedPrepareDynamicResources: ${message}`))
  claims.problem = ''
  await node.cluster.advance(12_000)
  assert.equal((await node.pod('web')).status.phase, 'Running')
})

test('PodWorker hands on what the scheduler says of the claim for extended resources', async () => {
  await using node = await testNode()
  const gpus = { 'example.com/gpu': '1' }
  const { client } = node.cluster
  const resources = { requests: gpus, limits: gpus }
  const made = await client.create(
    Pod,
    pod('web', { spec: { containers: [{ name: 'main', image: 'example/app:1', resources }] } }),
  )
  const requestMappings = [{ containerName: 'main', resourceName: 'example.com/gpu', requestName: 'container-0-request-0' }]
  const extendedResourceClaimStatus = { resourceClaimName: 'web-extended-resources-x', requestMappings }
  await client.update(Pod, { ...made, status: { ...made.status, extendedResourceClaimStatus } }, { subresource: 'status' })
  const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'web' }, target: { kind: 'Node', name: 'n1' } }
  await client.post(Pod, made.metadata, { subresource: 'binding', body })
  await node.cluster.settle()
  const { status } = await node.pod('web')
  assert.equal(status.phase, 'Running')
  assert.deepEqual(status.extendedResourceClaimStatus, extendedResourceClaimStatus)
})
