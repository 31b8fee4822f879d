/** Adoption and release: which objects a controller controls, by selector and controller reference (`ControllerRefManager`). */
import type { Client } from '#client/client.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Cluster } from './runtime/controller.ts'

export interface Claim<T extends KubeObject> {
  /** Controlled already, and still selected. */
  readonly kept: readonly T[]
  /** Selected, and controlled by nobody. */
  readonly adopt: readonly T[]
  /** Controlled, but selected no more. */
  readonly release: readonly T[]
}

/** Decides what to claim; an owner that is being deleted changes nothing. */
export function planClaim<T extends KubeObject>(
  owner: KubeObject,
  objects: readonly T[],
  matches: (object: T) => boolean,
): Claim<T> {
  const claim = { kept: [] as T[], adopt: [] as T[], release: [] as T[] }
  const leaving = Boolean(owner.metadata.deletionTimestamp)
  for (const object of objects) {
    const controller = object.metadata.ownerReferences?.find((reference) => reference.controller)
    if (controller && controller.uid !== owner.metadata.uid) continue
    if (controller) {
      if (matches(object)) claim.kept.push(object)
      else if (!leaving) claim.release.push(object)
    } else if (!leaving && !object.metadata.deletionTimestamp && matches(object)) claim.adopt.push(object)
  }
  return claim
}

export interface ClaimOptions<T extends KubeObject> {
  readonly kind: Kind<string, T>
  readonly ownerKind: Kind
  readonly objects: readonly T[]
  readonly matches: (object: T) => boolean
  /** What adopted objects get besides their owner. */
  readonly finalizer?: string
}

/** Carries the plan out; answers what `owner` controls afterwards. */
export async function claimObjects<T extends KubeObject>(
  cluster: Cluster<any, any>,
  owner: KubeObject,
  { kind, ownerKind, objects, matches, finalizer }: ClaimOptions<T>,
): Promise<readonly T[]> {
  const { kept, adopt, release } = planClaim(owner, objects, matches)
  if (adopt.length > 0) await checkAlive(cluster.live, ownerKind, owner)
  const adopted = await Promise.all(
    adopt.map((object) => patchOwner(cluster, { kind, object, reference: referenceTo(owner), finalizer })),
  )
  const dropped = { $patch: 'delete', uid: owner.metadata.uid }
  await Promise.all(release.map((object) => patchOwner(cluster, { kind, object, reference: dropped })))
  return [...kept, ...adopted.filter((object) => object !== undefined)]
}

/** The UID in the patch refuses a successor of the same name. An object that has gone is nobody's. */
async function patchOwner<T extends KubeObject>(
  cluster: Cluster<any, any>,
  { kind, object, reference, finalizer }: { kind: Kind<string, T>; object: T; reference: object; finalizer?: string | undefined },
): Promise<T | undefined> {
  const { uid } = object.metadata
  const body = { metadata: { uid, ownerReferences: [reference], ...(finalizer && { finalizers: [finalizer] }) } }
  try {
    return await cluster.patch(kind, object, { type: 'strategic', body })
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    const releases = '$patch' in reference
    if (releases && hasReason(error, 'Invalid')) return undefined
    throw error
  }
}

/** Adoption by an owner that is being deleted would keep orphans from staying orphans; the cache may not know yet. */
async function checkAlive(live: Client, kind: Kind, owner: KubeObject): Promise<void> {
  const { name, namespace, uid } = owner.metadata
  const fresh = await live.get(kind, { name, namespace })
  if (fresh.metadata.uid !== uid) {
    throw new Error(`original ${kind.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`)
  }
  const { deletionTimestamp } = fresh.metadata
  if (deletionTimestamp) throw new Error(`can't adopt: ${namespace}/${name} has just been deleted at ${deletionTimestamp}`)
}

export function referenceTo({ apiVersion, kind, metadata }: KubeObject) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true }
}
