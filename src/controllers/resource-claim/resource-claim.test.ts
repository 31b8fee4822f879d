import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { interrupted, withLeaders } from '#testing/interrupted.ts'
import { pod } from '#testing/make.ts'
import { holdsForAll } from '#testing/property.ts'
import { eventsOf } from '#testing/transcript.ts'
import { claimDraft, planClaim, protection } from './plan.ts'
import { resourceClaimControllers } from './resource-claim.ts'

const namespace = 'default'
const spec = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } }
const template = { metadata: { name: 't', namespace }, spec: { metadata: { labels: { a: 'b' } }, spec } } as never
const wanting = (name: string, over: object = {}) =>
  pod(name, {
    spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }], ...over } as never,
  })
const allocation = { devices: { results: [{ request: 'gpu', driver: 'd.example.com', pool: 'p', device: 'x' }] } }

const start = () => testCluster({ controllers: resourceClaimControllers, policy: true })

async function only(cluster: TestCluster): Promise<ResourceClaim> {
  await cluster.settle()
  const [found, ...rest] = await cluster.list(ResourceClaim)
  assert(found && rest.length === 0, 'one claim')
  return found
}

/** As the scheduler does it. */
async function allocate(cluster: TestCluster, consumer?: Pod): Promise<void> {
  const claim = await only(cluster)
  const finalizers = [protection]
  const held = await cluster.client.update(ResourceClaim, { ...claim, metadata: { ...claim.metadata, finalizers } } as never)
  const reservedFor = consumer && [{ resource: 'pods', name: consumer.metadata.name, uid: consumer.metadata.uid }]
  const status = { allocation, ...(reservedFor && { reservedFor }) }
  await cluster.client.update(ResourceClaim, { ...held, status } as never, { subresource: 'status' })
  await cluster.settle()
}

const end = async (cluster: TestCluster, at: Pod) => {
  const found = await cluster.client.get(Pod, at)
  const status = { ...found.status, phase: 'Succeeded' as const }
  await cluster.client.update(Pod, { ...found, status }, { subresource: 'status' })
  await cluster.settle()
}

test('resourceclaim makes a claim from the template, notes it, and removes it when the pod is over', async () => {
  await using cluster = await start()
  const made = await cluster.client.create(Pod, wanting('p'))
  await cluster.settle()
  const missing = 'resourceclaimtemplate.resource.k8s.io "t" not found'
  const [said] = await eventsOf(cluster, 'p')
  assert(said?.startsWith(`FailedResourceClaimCreation: PodResourceClaim gpu: resource claim template "t": ${missing}`), said)
  await cluster.client.create(ResourceClaimTemplate, template)
  const claim = await only(cluster)
  assert.match(claim.metadata.name, /^p-gpu-/)
  assert.deepEqual(claim.metadata.labels, { a: 'b' })
  assert.deepEqual(claim.metadata.annotations, { 'resource.kubernetes.io/pod-claim-name': 'gpu' })
  assert.deepEqual((await cluster.client.get(Pod, made)).status.resourceClaimStatuses, [
    { name: 'gpu', resourceClaimName: claim.metadata.name },
  ])
  await allocate(cluster, made)
  await end(cluster, made)
  await assert.rejects(cluster.client.get(ResourceClaim, claim), (error) => hasReason(error, 'NotFound'))
  assert.deepEqual(
    cluster.errors.map((error) => (error as Error).message),
    [`resource claim template "t": ${missing}`],
  )
})

test('resourceclaim reserves for pods that were bound by hand', async () => {
  await using cluster = await start()
  await cluster.client.create(ResourceClaimTemplate, template)
  const made = await cluster.client.create(Pod, wanting('p', { nodeName: 'n1' }))
  await allocate(cluster)
  const { reservedFor } = (await only(cluster)).status
  assert.deepEqual(reservedFor, [{ resource: 'pods', name: 'p', uid: made.metadata.uid }])
})

test('resourceclaim gives free what the last pod has left, and keeps the claim that somebody else made', async () => {
  await using cluster = await start()
  await cluster.client.create(ResourceClaim, { metadata: { name: 'shared', namespace }, spec } as never)
  const claims = { resourceClaims: [{ name: 'gpu', resourceClaimName: 'shared' }] }
  const made = await cluster.client.create(Pod, pod('p', { spec: claims as never }))
  await allocate(cluster, made)
  await end(cluster, made)
  const left = await only(cluster)
  assert.deepEqual([left.status, left.metadata.finalizers], [{}, undefined])
})

const scenario = {
  controllers: () => resourceClaimControllers,
  scenario: async (cluster: TestCluster) => {
    await cluster.client.create(ResourceClaimTemplate, template)
    for (const name of ['p', 'q']) await cluster.client.create(Pod, wanting(name))
    await cluster.advance(5000)
    await end(cluster, { metadata: { name: 'p', namespace } } as never)
    await cluster.advance(5000)
  },
  outcome: async (cluster: TestCluster) => [
    (await cluster.list(ResourceClaim)).map(({ metadata }) => metadata.ownerReferences?.[0]?.name),
    (await cluster.list(Pod)).map(({ status }) => status.resourceClaimStatuses?.map(({ name }) => name)),
  ],
}

test('resourceclaim reaches the same end when it dies after any of its writes, or leads twice', async () => {
  assert.ok((await interrupted(scenario)) > 4)
  const [claims] = (await withLeaders(scenario, 2)) as [string[], unknown]
  assert.deepEqual([...new Set(claims)], ['q'])
})

test('planClaim() keeps devices from nobody who uses them, and frees them with the last', () => {
  holdsForAll(
    {
      make: (dice) => ({
        consumers: dice.some(4, (index) => ({ uid: `u${index}`, isGone: dice.chance(0.5) })),
        isAllocated: dice.chance(0.7),
        isHeld: dice.chance(0.8),
        isDeleted: dice.chance(0.3),
      }),
    },
    ({ consumers, isHeld, isDeleted, ...recipe }) => {
      const isAllocated = recipe.isAllocated || consumers.length > 0
      const gone = new Set(consumers.filter(({ isGone }) => isGone).map(({ uid }) => uid))
      const status = { ...(isAllocated && { allocation }), reservedFor: consumers.map(({ uid }) => ({ uid })) }
      const metadata = { ...(isHeld && { finalizers: ['x', protection] }), ...(isDeleted && { deletionTimestamp: 'now' }) }
      const plan = planClaim({ metadata, status } as never, gone)
      const after = plan.status ?? (status as never as ResourceClaim['status'])
      const left = consumers.filter(({ isGone }) => !isGone)
      assert.equal(after.reservedFor?.length ?? 0, left.length)
      if (left.length > 0)
        assert.deepEqual([plan.finalizers, after.allocation], [undefined, isAllocated ? allocation : undefined])
      else if (isHeld && (isDeleted || gone.size > 0)) assert.deepEqual([plan.finalizers, after.allocation], [['x'], undefined])
    },
  )
})

test('claimDraft() leaves something of both names', () => {
  const draft = claimDraft({ metadata: { name: 'p'.repeat(60) } } as never, 'c'.repeat(60), { spec: { spec } } as never)
  assert.match(draft.metadata.generateName, /^p{28}-c{28}$/)
})

test('resourceclaim gives free the claim that was made for extended resources, and removes it when its pod is over', async () => {
  await using cluster = await start()
  const gpus = { 'example.com/gpu': '1' }
  const containers = [{ name: 'main', image: 'a', resources: { requests: gpus, limits: gpus } }]
  const made = await cluster.client.create(Pod, pod('p', { spec: { nodeName: 'n1', containers } }))
  const annotations = { 'resource.kubernetes.io/extended-resource-claim': 'true' }
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: made.metadata.uid, controller: true }
  const metadata = { generateName: 'p-extended-resources-', namespace, annotations, ownerReferences: [owner] }
  const claim = await cluster.client.create(ResourceClaim, { metadata, spec } as never)
  const extendedResourceClaimStatus = {
    resourceClaimName: claim.metadata.name,
    requestMappings: [{ containerName: 'main', resourceName: 'example.com/gpu', requestName: 'gpu' }],
  }
  const status = { ...made.status, extendedResourceClaimStatus }
  await cluster.client.update(Pod, { ...made, status }, { subresource: 'status' })
  await allocate(cluster, made)
  const [reserved] = (await only(cluster)).status.reservedFor ?? []
  assert.equal(reserved?.uid, made.metadata.uid, 'while the pod runs nothing is taken from it')
  await end(cluster, made)
  await assert.rejects(cluster.client.get(ResourceClaim, claim), (error) => hasReason(error, 'NotFound'))
  assert.deepEqual(cluster.errors, [])
})
