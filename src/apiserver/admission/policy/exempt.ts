/** Requests that no policy is asked about, lest a wrong one lock everybody out. */
import type { Place } from '../plugin.ts'

const policies = new Set([
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
])

const reviews = new Set([
  'tokenreviews',
  'selfsubjectreviews',
  'localsubjectaccessreviews',
  'selfsubjectaccessreviews',
  'selfsubjectrulesreviews',
  'subjectaccessreviews',
])

/** Upstream's excluded admission resources. */
export function isExempt({ kind }: Place): boolean {
  if (kind.group === 'admissionregistration.k8s.io') return policies.has(kind.plural)
  return (kind.group === 'authentication.k8s.io' || kind.group === 'authorization.k8s.io') && reviews.has(kind.plural)
}
