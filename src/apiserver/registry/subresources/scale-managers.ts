/** Who manages the number of replicas, as seen from a Scale and from what is scaled (upstream's `ScaleHandler`). */
import { Scale } from '#api/autoscaling/v1/scale.ts'
import { difference, type FieldSet, fieldSet, has, isEmpty, type Path, union } from '#schema/field-set.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { decodeManaged, encodeManaged, type Managed } from '#schema/managed-fields.ts'
import type { ManagedFieldsEntry } from '#schema/object-meta.ts'
import { managersOf } from '../field-managers.ts'
import type { KindTable } from '../kind-table.ts'

const inScale = ['f:spec', 'f:replicas']

type PathIn = (apiVersion: string) => Path | undefined

/** Where each version of the kind has its number; undefined for versions that are not served. */
function replicasPaths(kinds: KindTable, { kind }: Kind): PathIn {
  return (apiVersion) => {
    const path = kinds.byName(apiVersion, kind)?.def.scale?.specReplicas
    return path?.split('.').map((name) => `f:${name}`)
  }
}

/** The entries of the object that are about its replicas, as entries of its Scale. */
export function entriesOfScale(kinds: KindTable, kind: Kind, object: KubeObject): ManagedFieldsEntry[] | undefined {
  const pathIn = replicasPaths(kinds, kind)
  const owners = new Map<string, Managed>()
  for (const [id, entry] of managersOf(object.metadata.managedFields)) {
    const path = pathIn(entry.apiVersion)
    if (path && has(entry.set, path)) owners.set(id, { ...entry, apiVersion: Scale.apiVersion, set: fieldSet(inScale) })
  }
  return encodeManaged(owners)
}

/** The object's entries after a write of its Scale. */
export function entriesAfterScale(
  kinds: KindTable,
  kind: Kind,
  { object, scale }: { object: KubeObject; scale: Scale },
): ManagedFieldsEntry[] | undefined {
  const pathIn = replicasPaths(kinds, kind)
  const owners = new Map([...decodeManaged(scale.metadata.managedFields).values()].map((entry) => [ownerOf(entry), entry]))
  const next = new Map<string, Managed>()
  for (const [id, entry] of managersOf(object.metadata.managedFields)) {
    const path = pathIn(entry.apiVersion)
    if (!path) continue
    const keeps = !has(entry.set, path) || owners.delete(ownerOf(entry))
    const set = keeps ? entry.set : difference(entry.set, fieldSet(path))
    if (!isEmpty(set)) next.set(id, keeps ? entry : { ...entry, set })
  }
  const path = pathIn(kind.apiVersion) as Path
  for (const [id, entry] of owners) {
    if (!has(entry.set, inScale)) continue
    // Upstream knows the time of former entries only.
    const set: FieldSet = union(fieldSet(path), next.get(id)?.set ?? fieldSet())
    next.set(id, { ...entry, apiVersion: kind.apiVersion, time: undefined, set })
  }
  return encodeManaged(next)
}

function ownerOf({ manager, operation, subresource }: Managed): string {
  return JSON.stringify([manager, operation, subresource])
}
