/** What a write of a status leaves alone of an object's metadata. */
import type { ObjectMeta } from '#schema/object-meta.ts'

/** Upstream's `ResetObjectMetaForStatus`. */
const kept = ['deletionTimestamp', 'generation', 'selfLink', 'labels', 'annotations', 'finalizers', 'ownerReferences'] as const

export function resetMetadata(metadata: ObjectMeta, old: ObjectMeta): void {
  for (const name of kept) keepMetadata(metadata, old, name)
}

export function keepMetadata(metadata: ObjectMeta, old: ObjectMeta, name: (typeof kept)[number]): void {
  if (old[name] === undefined) delete metadata[name]
  else Object.assign(metadata, { [name]: old[name] })
}

/** Strategies that keep the whole of it; who owns which fields was worked out for this write. */
export function metadataOf({ managedFields }: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const { managedFields: _, ...rest } = old
  return { ...rest, ...(managedFields && { managedFields }) }
}
