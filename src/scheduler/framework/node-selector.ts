/** Nodes that a pod's required affinity names one by one. */
import type { Pod } from '#api/core/v1/pod.ts'

/**
 * Nodes that the required terms name by `metadata.name`; undefined when some term does not name any, so that all nodes
 * are to be looked at. Terms are alternatives, the rules in one must all hold.
 */
export function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  if (terms.length === 0) return undefined
  const union = new Set<string>()
  for (const { matchFields = [] } of terms) {
    const named = matchFields.filter(({ key, operator }) => key === 'metadata.name' && operator === 'In')
    const [first, ...others] = named.map(({ values = [] }) => new Set(values))
    if (!first) return undefined
    for (const name of others.reduce((all, more) => all.intersection(more), first)) union.add(name)
  }
  return union
}
