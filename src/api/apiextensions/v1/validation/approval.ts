/** Groups of the Kubernetes community want their API approved (KEP-1111). */
import { type FieldError, root } from '#schema/field-error.ts'
import type { DefinitionParts } from '../custom-resource-definition-status.ts'

const annotation = 'api-approved.kubernetes.io'
const proposal = 'see https://github.com/kubernetes/enhancements/pull/1111'

export type Approval = 'Approved' | 'Bypassed' | 'Invalid' | 'Missing'

export function isProtectedGroup(group: string): boolean {
  return ['k8s.io', 'kubernetes.io'].some((domain) => group === domain || group.endsWith(`.${domain}`))
}

export function approvalOf({ metadata }: DefinitionParts): { readonly state: Approval; readonly reason: string } {
  const value = metadata.annotations?.[annotation] ?? ''
  const wanted = `protected groups must have approval annotation "${annotation}"`
  if (value === '') return { state: 'Missing', reason: `${wanted}, ${proposal}` }
  if (value.startsWith('unapproved')) return { state: 'Bypassed', reason: `not approved: ${JSON.stringify(value)}` }
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]+/i.test(value) && URL.canParse(value))
    return { state: 'Approved', reason: `approved in ${value}` }
  return { state: 'Invalid', reason: `${wanted} with either a URL or a reason starting with "unapproved", ${proposal}` }
}

/** What did not change is let pass. */
export function approvalErrors(definition: DefinitionParts, old: DefinitionParts | undefined): FieldError[] {
  if (!isProtectedGroup(definition.spec.group)) return []
  const { state, reason } = approvalOf(definition)
  if (old && approvalOf(old).state === state) return []
  const at = root.child('metadata', 'annotations').key(annotation)
  if (state === 'Missing') return [at.required(reason)]
  return state === 'Invalid' ? [at.invalid(definition.metadata.annotations?.[annotation], reason)] : []
}
