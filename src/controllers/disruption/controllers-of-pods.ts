/** How many pods the controllers of some pods are to have, together (upstream's `finders`). */

import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import type { Scale } from '#api/autoscaling/v1/scale.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import type { Kind } from '#schema/kind.ts'
import { hasReason, qualified } from '#schema/status-error.ts'
import { findKind, groupOf, hasScale } from '../find-kind.ts'
import type { Cluster } from '../runtime/controller.ts'
import type { Controlled, OwnerReference } from './budget-pods.ts'

export const scaled = [Deployment, ReplicaSet, StatefulSet, ReplicationController, CustomResourceDefinition] as const
type Known = Cluster<(typeof scaled)[number], any>

/** Each controller counts once, however many of its pods there are. */
export async function scaleOfControllers(controlled: readonly Controlled[], namespace: string, cluster: Known): Promise<number> {
  const replicas = new Map<string, number>()
  for (const { owner, pods } of controlled) {
    const found = knownScale(owner, namespace, cluster) ?? (await customScale(owner, namespace, cluster))
    if (!found) throw new Error(`found no controllers for pod ${JSON.stringify([...pods][0])}`)
    replicas.set(found.uid, found.replicas)
  }
  return [...replicas.values()].reduce((sum, one) => sum + one, 0)
}

interface Found {
  readonly uid: string
  readonly replicas: number
}

/** A ReplicaSet of a Deployment stands for the whole of it. */
function knownScale(owner: OwnerReference, namespace: string, cluster: Known): Found | undefined {
  const at = { name: owner.name, namespace }
  const is = (kind: Kind) => owner.kind === kind.kind && groupOf(owner.apiVersion) === kind.group
  const found = (object: { metadata: { uid: string }; spec: { replicas?: number } } | undefined) =>
    object?.metadata.uid === owner.uid ? { uid: owner.uid, replicas: object.spec.replicas ?? 1 } : undefined
  if (is(ReplicationController)) return found(cluster.get(ReplicationController, at))
  if (is(StatefulSet)) return found(cluster.get(StatefulSet, at))
  if (!is(ReplicaSet)) return undefined
  const set = cluster.get(ReplicaSet, at)
  const above = found(set) && set?.metadata.ownerReferences?.find(({ controller }) => controller)
  if (above?.kind !== 'Deployment' || groupOf(above.apiVersion) !== 'apps') return found(set)
  const deployment = cluster.get(Deployment, { name: above.name, namespace })
  return deployment?.metadata.uid === above.uid ? { uid: above.uid, replicas: deployment.spec.replicas ?? 1 } : undefined
}

async function customScale(owner: OwnerReference, namespace: string, cluster: Known): Promise<Found | undefined> {
  const kind = findKind(owner, cluster)
  if (!kind) {
    const [group, version] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : ['', owner.apiVersion]
    throw new Error(
      `no matches for kind ${JSON.stringify(owner.kind)} in version ${JSON.stringify(group ? `${group}/${version}` : version)}`,
    )
  }
  if (!hasScale(kind)) throw new Error(`${qualified(kind)} does not implement the scale subresource`)
  try {
    const scale: Scale = await cluster.live.get(kind, { name: owner.name, namespace }, { subresource: 'scale' })
    return scale.metadata.uid === owner.uid ? { uid: owner.uid, replicas: scale.spec.replicas ?? 0 } : undefined
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}
