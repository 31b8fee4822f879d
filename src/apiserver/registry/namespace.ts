/** Namespaces end in two steps: their own finalizers (`spec.finalizers`) hold them until everything in them is gone. */
import type { Kind, KubeObject } from '#schema/kind.ts'

export function isNamespace(kind: Kind): boolean {
  return kind.group === '' && kind.plural === 'namespaces'
}

/** Whether an update of a deleted object was the last thing it waited for (upstream's `ShouldDeleteDuringUpdate`). */
export function mayGo(kind: Kind, next: KubeObject, old: KubeObject): boolean {
  if ((next.metadata.finalizers ?? []).length > 0 || !old.metadata.deletionTimestamp) return false
  if (old.metadata.deletionGracePeriodSeconds) return false
  return !isNamespace(kind) || ((next as any).spec?.finalizers ?? []).length === 0
}
