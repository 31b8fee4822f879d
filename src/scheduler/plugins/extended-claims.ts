/** The claim that the scheduler makes for a pod which asks for extended resources that are devices: planned for a node, made, told of, deleted. */
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { edit } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import { type ExtendedRequests, extendedClaimAnnotation, requestsFor } from '../devices/extended-resources.ts'
import type { Actor } from '../framework/plugin.ts'
import type { NodeInfo } from '../framework/snapshot.ts'
import { finalizer } from './claim-writes.ts'

export interface Planned {
  /** Under a name that no claim can have. */
  readonly claim: ResourceClaim
  readonly mappings: ExtendedRequests['mappings']
}

/** Nodes that lack the same have the same plan. */
export class ExtendedPlans {
  #pod: Pod
  #resources: ReadonlyMap<string, string>
  #plans = new Map<string, Planned>()

  constructor(pod: Pod, resources: ReadonlyMap<string, string>) {
    this.#pod = pod
    this.#resources = resources
  }

  /** Undefined where a plugin of the node provides everything. */
  of({ allocatable }: NodeInfo): Planned | undefined {
    const left = [...this.#resources].filter(([resource]) => !((allocatable.others.get(resource) ?? 0) > 0))
    if (left.length === 0) return undefined
    const key = left.map(([resource]) => resource).join()
    let plan = this.#plans.get(key)
    if (!plan) this.#plans.set(key, (plan = planned(this.#pod, new Map(left))))
    return plan
  }
}

function planned(pod: Pod, resources: ReadonlyMap<string, string>): Planned {
  const { name, namespace, uid } = pod.metadata
  const { requests, mappings } = requestsFor(pod, resources)
  const metadata = {
    name: `<extended-resources> ${uid}`,
    uid: `<extended-resources> ${uid}`,
    namespace,
    generateName: `${name}-extended-resources-`,
    annotations: { [extendedClaimAnnotation]: 'true' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true }],
  }
  return { claim: { metadata, spec: { devices: { requests } } } as unknown as ResourceClaim, mappings }
}

export async function createClaim({ claim }: Planned, { client }: Actor): Promise<ResourceClaim> {
  const { namespace, generateName, annotations, ownerReferences } = claim.metadata
  const metadata = { namespace, generateName, annotations, ownerReferences }
  return client.create(ResourceClaim, { metadata, spec: claim.spec } as never)
}

/** Says in the pod's status which container has what by which request. */
export async function announceClaim(pod: Pod, claim: ResourceClaim, { mappings, client }: Pick<Planned, 'mappings'> & Actor) {
  const extendedResourceClaimStatus = { resourceClaimName: claim.metadata.name, requestMappings: mappings }
  const body = { metadata: { uid: pod.metadata.uid }, status: { extendedResourceClaimStatus } }
  await client.patch(Pod, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
}

/** The scheduler's own protection is taken off before. */
export async function deleteClaim({ metadata }: ResourceClaim, { client }: Actor): Promise<void> {
  try {
    const current = edit(await client.get(ResourceClaim, metadata))
    if (current.metadata.uid !== metadata.uid) return
    const finalizers = (current.metadata.finalizers ?? []).filter((one) => one !== finalizer)
    await client.update(ResourceClaim, { ...current, metadata: { ...current.metadata, finalizers } } as never)
    await client.delete(ResourceClaim, metadata, { preconditions: { uid: metadata.uid } })
  } catch (error) {
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error
  }
}
