/** Owner references that say the same twice are dropped, with upstream's warning. */
import type { KubeObject } from '#schema/kind.ts'

export function dedupOwnerReferences(object: KubeObject, warn: (message: string) => void, afterMutatingAdmission: boolean): void {
  const references = object.metadata?.ownerReferences
  if (!references || references.length < 2) return
  const kept: typeof references = []
  const duplicates: string[] = []
  const seen = new Set<string>()
  for (const reference of references) {
    const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = reference
    const text = JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion])
    if (seen.has(text)) duplicates.push(uid)
    else kept.push(reference)
    seen.add(text)
  }
  if (duplicates.length === 0) return
  object.metadata.ownerReferences = kept
  const when = afterMutatingAdmission ? ' after mutating admission happens' : ''
  warn(`.metadata.ownerReferences contains duplicate entries${when}; ${advice}: ${duplicates.join(', ')}`)
}

const advice =
  'API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed'
