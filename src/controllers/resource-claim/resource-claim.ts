/**
 * ResourceClaim controller (KEP-4381): makes the claims that pods ask for by template, reserves claims for pods that came to their node
 * without the scheduler, and gives free what nobody uses any more. Two loops: one over pods, one over claims.
 */
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import { keyOf } from '#client/indexed-store.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { type Cluster, type Controller, defineController, type Index } from '../runtime/controller.ts'
import { claimDraft, claimName, isDone, isOwnedBy, mayReserve, ownerOf, planClaim, podClaimAnnotation } from './plan.ts'

const shared = {
  ...{ name: 'resourceclaim-controller', account: 'resource-claim-controller', component: 'resource_claim' },
  // Reserving and giving free ask for this right as well (DRAResourceClaimGranularStatusAuthorization).
  grants: [{ groups: ['resource.k8s.io'], resources: ['resourceclaims/binding'], verbs: ['update', 'patch'] }],
}
const fieldManager = 'ResourceClaimController'

type PodCluster = Cluster<typeof Pod | typeof ResourceClaim | typeof ResourceClaimTemplate, typeof Pod | typeof ResourceClaim>
type PodClaim = NonNullable<Pod['spec']['resourceClaims']>[number]

const byTemplate: Index = {
  kind: Pod,
  name: 'resourceClaimTemplate',
  keys: ({ metadata: { namespace }, spec }: Pod) =>
    (spec.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) => (name ? [keyOf({ namespace, name })] : [])),
}
const byClaim: Index = {
  kind: Pod,
  name: 'resourceClaim',
  keys: (pod: Pod) =>
    (pod.spec.resourceClaims ?? []).flatMap((one) => {
      const name = claimName(pod, one)
      return name ? [keyOf({ namespace: pod.metadata.namespace, name })] : []
    }),
}
/** Claims by the UIDs of the pods that own them or have them reserved. */
const byPod: Index = {
  kind: ResourceClaim,
  name: 'pod',
  keys: (claim: ResourceClaim) => {
    const owner = ownerOf(claim)
    return [...(owner ? [owner.uid] : []), ...(claim.status.reservedFor ?? []).map(({ uid }) => uid)]
  },
}

const podsController = defineController({
  ...shared,
  indexes: [byTemplate, byClaim],
  for: Pod,
  reads: [ResourceClaim, ResourceClaimTemplate],
  writes: [Pod, ResourceClaim],
  when: ({ object }) => (object?.spec.resourceClaims?.length ?? 0) > 0,
  watches: [
    {
      kind: ResourceClaimTemplate,
      visits: ({ metadata }: ResourceClaimTemplate, caches) =>
        caches.indexed(Pod, { index: byTemplate.name, value: keyOf(metadata) }).map((pod: Pod) => pod.metadata),
    },
    {
      kind: ResourceClaim,
      visits: ({ metadata }: ResourceClaim, caches) =>
        caches.indexed(Pod, { index: byClaim.name, value: keyOf(metadata) }).map((pod: Pod) => pod.metadata),
    },
  ],

  async reconcile(pod, cluster) {
    if (pod.metadata.deletionTimestamp || isDone(pod)) return
    const made = new Map<string, string>()
    for (const podClaim of pod.spec.resourceClaims ?? []) {
      try {
        const name = await ensureClaim(pod, podClaim, cluster)
        if (name !== undefined) made.set(podClaim.name, name)
      } catch (error) {
        const message = `PodResourceClaim ${podClaim.name}: ${error instanceof Error ? error.message : error}`
        cluster.event(pod, { type: 'Warning', reason: 'FailedResourceClaimCreation', message })
        throw error
      }
    }
    if (made.size > 0) await noteClaims(pod, made, cluster)
    if (pod.spec.nodeName) await reserveAll(pod, made, cluster)
  },
})

/** The name of a claim that the pod's status is to be told of. */
async function ensureClaim(pod: Pod, podClaim: PodClaim, cluster: PodCluster): Promise<string | undefined> {
  const { namespace } = pod.metadata
  const template = podClaim.resourceClaimTemplateName
  if (template === undefined) return undefined
  const known = claimName(pod, podClaim)
  // The status says that none is needed.
  if (known === '') return undefined
  const noted = known && cluster.get(ResourceClaim, { namespace, name: known })
  if (noted && isOwnedBy(noted, pod)) return undefined
  // It was made, but its maker did not live to write it down.
  const found = cluster
    .owned(ResourceClaim, pod)
    .find((claim) => claim.metadata.annotations?.[podClaimAnnotation] === podClaim.name)
  if (found) return found.metadata.name
  const source = cluster.get(ResourceClaimTemplate, { namespace, name: template })
  if (!source) {
    const missing = `resourceclaimtemplate.resource.k8s.io ${JSON.stringify(template)} not found`
    throw new Error(`resource claim template ${JSON.stringify(template)}: ${missing}`)
  }
  const draft = claimDraft(pod, podClaim.name, source)
  const made = await cluster.create(ResourceClaim, draft as Draft<ResourceClaim>, pod).catch((error) => {
    throw new Error(`create ResourceClaim : ${error instanceof Error ? error.message : error}`, { cause: error })
  })
  return made.metadata.name
}

async function noteClaims(pod: Pod, made: ReadonlyMap<string, string>, cluster: PodCluster): Promise<void> {
  const before = pod.status.resourceClaimStatuses ?? []
  const resourceClaimStatuses = [
    ...before.filter(({ name }) => !made.has(name)),
    ...[...made].map(([name, resourceClaimName]) => ({ name, resourceClaimName })),
  ]
  const { name, namespace, uid } = pod.metadata
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, uid }, status: { resourceClaimStatuses } }
  await cluster.live.patch(Pod, pod, { type: 'apply', body, force: true }, { subresource: 'status', fieldManager })
}

/** The scheduler reserves what it allocates; here is done what others bound to their node. */
async function reserveAll(pod: Pod, made: ReadonlyMap<string, string>, cluster: PodCluster): Promise<void> {
  const { name, namespace, uid } = pod.metadata
  for (const podClaim of pod.spec.resourceClaims ?? []) {
    const wanted = made.get(podClaim.name) ?? claimName(pod, podClaim)
    const claim = wanted ? cluster.get(ResourceClaim, { namespace, name: wanted }) : undefined
    if (!claim || !mayReserve(claim, pod, podClaim)) continue
    const reservedFor = [...(claim.status.reservedFor ?? []), { resource: 'pods', name, uid }]
    const onlyOnto = claim.metadata.resourceVersion
    await cluster.status(ResourceClaim, claim, { ...claim.status, reservedFor }, { onlyOnto })
  }
}

const claimsController = defineController({
  ...shared,
  indexes: [byPod],
  for: ResourceClaim,
  reads: [Pod],
  writes: [ResourceClaim],
  watches: [
    {
      kind: Pod,
      when: ({ object, old }) => !object || (isDone(object) && !(old && isDone(old))),
      visits: (pod: Pod, caches) =>
        caches
          .indexed(ResourceClaim, { index: byPod.name, value: pod.metadata.uid })
          .map((claim: ResourceClaim) => claim.metadata),
    },
  ],

  async reconcile(claim, cluster) {
    const { namespace } = claim.metadata
    const gone = new Set<string>()
    for (const { apiGroup, resource, name, uid } of claim.status.reservedFor ?? []) {
      if (!apiGroup && resource === 'pods' && !(await isUsing({ namespace, name }, uid, cluster))) gone.add(uid)
    }
    const plan = planClaim(claim, gone)
    let current = claim
    if (plan.status) {
      const onlyOnto = claim.metadata.resourceVersion
      current = await cluster.status(ResourceClaim, claim, plan.status, { onlyOnto })
    }
    if (plan.finalizers) {
      const metadata = { ...current.metadata, finalizers: [...plan.finalizers] }
      await cluster.update(ResourceClaim, { ...current, metadata } as Draft<ResourceClaim>)
    }
    if (!plan.isUnused || claim.metadata.deletionTimestamp) return
    const owner = ownerOf(claim)
    const pod = owner && cluster.get(Pod, { namespace, name: owner.name })
    // Of a pod that is not known here, the garbage collector knows more.
    if (pod && (pod.metadata.uid !== owner.uid || isDone(pod))) await cluster.delete(ResourceClaim, claim)
  },
})

type ClaimCluster = Cluster<typeof Pod | typeof ResourceClaim, typeof ResourceClaim>

/** A pod that the cache does not know may just be new; a claim is taken only from one that is known to be gone. */
async function isUsing(
  at: { readonly namespace: string | undefined; readonly name: string },
  uid: string,
  cluster: ClaimCluster,
): Promise<boolean> {
  const known = cluster.get(Pod, at)
  if (known) return known.metadata.uid === uid && !isDone(known)
  try {
    return (await cluster.live.get(Pod, at)).metadata.uid === uid
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false
    throw error
  }
}

export const resourceClaimControllers: readonly Controller[] = [podsController, claimsController]
