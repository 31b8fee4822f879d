/** Conditions of a namespace that is going away: what is in its way. */
import type { NamespaceCondition } from '#api/core/v1/namespace.ts'
import { formatTime } from '#lib/clock.ts'

/** What is left after one sweep. */
export interface Remains {
  /** `pods` or `deployments.apps` -> how many objects. */
  readonly objects: ReadonlyMap<string, number>
  /** Finalizer -> how many objects it holds. */
  readonly finalizers: ReadonlyMap<string, number>
  readonly errors: readonly string[]
}

/** In the order in which they stand in the status: type, reason and message when all is well. */
const fine = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  ['NamespaceDeletionContentFailure', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
] as const

/** All five, each with the time at which its status last changed. */
export function planConditions(
  before: readonly NamespaceCondition[] | undefined,
  remains: Remains,
  now: number,
): NamespaceCondition[] {
  const found = failures(remains)
  const own = fine.map(([type, reason, message]) => {
    const failure = found.get(type)
    const status = failure ? 'True' : 'False'
    const known = before?.find((condition) => condition.type === type)
    const lastTransitionTime = known?.status === status ? known.lastTransitionTime : formatTime(now)
    return { type, status, lastTransitionTime, reason: failure?.reason ?? reason, message: failure?.message ?? message }
  })
  const others = (before ?? []).filter(({ type }) => !own.some((condition) => condition.type === type))
  return [...others, ...own]
}

function failures({ objects, finalizers, errors }: Remains): Map<string, { reason: string; message: string }> {
  const found = new Map<string, { reason: string; message: string }>()
  if (errors.length > 0) {
    const message = `Failed to delete all resource types, ${errors.length} remaining: ${errors.toSorted().join(', ')}`
    found.set('NamespaceDeletionContentFailure', { reason: 'ContentDeletionFailed', message })
  }
  if (objects.size > 0) {
    const counts = [...objects].map(([resource, count]) => `${resource} has ${count} resource instances`)
    const message = `Some resources are remaining: ${counts.sort().join(', ')}`
    found.set('NamespaceContentRemaining', { reason: 'SomeResourcesRemain', message })
  }
  if (finalizers.size > 0) {
    const counts = [...finalizers].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`)
    const message = `Some content in the namespace has finalizers remaining: ${counts.sort().join(', ')}`
    found.set('NamespaceFinalizersRemaining', { reason: 'SomeFinalizersRemain', message })
  }
  return found
}
