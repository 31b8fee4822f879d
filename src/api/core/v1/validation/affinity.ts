/** Rules for affinities, of pods to nodes and to each other (upstream `validateAffinity`). */
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
} from '#api/core/v1/affinity.ts'
import type { LabelSelector } from '#api/meta/v1/label-selector.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain, isValidLabelValue } from '#schema/formats.ts'
import { validateLabelName, validateLabelSelector } from '#schema/validate.ts'
import { formatted } from './checks.ts'

export function validateAffinity({ nodeAffinity, podAffinity, podAntiAffinity }: Affinity, at: Path): FieldError[] {
  return [
    ...(nodeAffinity ? nodeAffinityErrors(nodeAffinity, at.child('nodeAffinity')) : []),
    ...(podAffinity ? podAffinityErrors(podAffinity, at.child('podAffinity')) : []),
    ...(podAntiAffinity ? podAffinityErrors(podAntiAffinity, at.child('podAntiAffinity')) : []),
  ]
}

function nodeAffinityErrors(affinity: NodeAffinity, at: Path): FieldError[] {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const requiredAt = at.child('requiredDuringSchedulingIgnoredDuringExecution')
  const preferredAt = at.child('preferredDuringSchedulingIgnoredDuringExecution')
  return [
    ...(required ? validateNodeSelector(required, requiredAt) : []),
    ...preferred.flatMap(({ weight, preference }, index) => [
      ...weightErrors(weight, preferredAt.index(index)),
      // Preferences were stored with such values before the rule.
      ...termErrors(preference, preferredAt.index(index).child('preference'), { allowInvalidValues: true }),
    ]),
  ]
}

function weightErrors(weight: number, at: Path): FieldError[] {
  return weight > 0 && weight <= 100 ? [] : [at.child('weight').invalid(weight, 'must be in the range 1-100')]
}

export function validateNodeSelector({ nodeSelectorTerms }: NodeSelector, at: Path): FieldError[] {
  const here = at.child('nodeSelectorTerms')
  if (nodeSelectorTerms.length === 0) return [here.required('must have at least one node selector term')]
  return nodeSelectorTerms.flatMap((term, index) => termErrors(term, here.index(index), { allowInvalidValues: false }))
}

interface TermOptions {
  allowInvalidValues: boolean
}

function termErrors({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, at: Path, options: TermOptions): FieldError[] {
  return [
    ...matchExpressions.flatMap((rule, index) => labelRuleErrors(rule, at.child('matchExpressions').index(index), options)),
    ...matchFields.flatMap((rule, index) => fieldRuleErrors(rule, at.child('matchFields').index(index))),
  ]
}

function labelRuleErrors({ key, operator, values = [] }: NodeSelectorRequirement, at: Path, options: TermOptions): FieldError[] {
  const here = at.child('values')
  const errors: FieldError[] = []
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.push(here.required("must be specified when `operator` is 'In' or 'NotIn'"))
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) errors.push(here.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) errors.push(here.required("must be specified single value when `operator` is 'Lt' or 'Gt'"))
      break
    default:
      errors.push(at.child('operator').invalid(operator, 'not a valid selector operator'))
  }
  errors.push(...validateLabelName(key, at.child('key')))
  if (options.allowInvalidValues) return errors
  return [...errors, ...values.flatMap((value, index) => formatted(isValidLabelValue, value, here.index(index)))]
}

/** Only the node's name may be selected by. */
function fieldRuleErrors({ key, operator, values = [] }: NodeSelectorRequirement, at: Path): FieldError[] {
  const here = at.child('values')
  const errors: FieldError[] = []
  if (operator === 'In' || operator === 'NotIn') {
    const message = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
    if (values.length !== 1) errors.push(here.required(message))
  } else {
    errors.push(at.child('operator').invalid(operator, 'not a valid selector operator'))
  }
  if (key !== 'metadata.name') return [...errors, at.child('key').invalid(key, 'not a valid field selector key')]
  return [...errors, ...values.flatMap((value, index) => formatted(isDns1123Subdomain, value, here.index(index)))]
}

function podAffinityErrors(affinity: PodAffinity, at: Path): FieldError[] {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const requiredAt = at.child('requiredDuringSchedulingIgnoredDuringExecution')
  const preferredAt = at.child('preferredDuringSchedulingIgnoredDuringExecution')
  return [
    ...required.flatMap((term, index) => podTermErrors(term, requiredAt.index(index))),
    ...preferred.flatMap(({ weight, podAffinityTerm }, index) => [
      ...weightErrors(weight, preferredAt.index(index)),
      ...podTermErrors(podAffinityTerm, preferredAt.index(index).child('podAffinityTerm')),
    ]),
  ]
}

function podTermErrors(term: PodAffinityTerm, at: Path): FieldError[] {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term
  const here = at.child('topologyKey')
  return [
    ...validateLabelSelector(labelSelector, at.child('labelSelector')),
    ...validateLabelSelector(namespaceSelector, at.child('namespaceSelector')),
    ...namespaces.flatMap((name) => formatted(isDns1123Label, name, at.child('namespace'))),
    ...labelKeyErrors(term, at),
    ...(topologyKey ? [] : [here.required('can not be empty')]),
    ...validateLabelName(topologyKey, here),
  ]
}

interface LabelKeys {
  matchLabelKeys?: string[] | undefined
  mismatchLabelKeys?: string[] | undefined
  labelSelector?: LabelSelector | undefined
}

/** Keys that become rules of the selector: each may stand there once (KEP-3633, KEP-3243). */
export function labelKeyErrors(
  { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector }: LabelKeys,
  at: Path,
): FieldError[] {
  const errors = [
    ...keyListErrors(matchLabelKeys, labelSelector, at.child('matchLabelKeys')),
    ...keyListErrors(mismatchLabelKeys, labelSelector, at.child('mismatchLabelKeys')),
  ]
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}))
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const index = matchLabelKeys.lastIndexOf(key)
    if (index >= 0 && seen.has(key)) errors.push(at.index(index).invalid(key, 'exists in both matchLabelKeys and labelSelector'))
    seen.add(key)
  }
  for (const [index, key] of matchLabelKeys.entries()) {
    if (!mismatchLabelKeys.includes(key)) continue
    errors.push(at.child('matchLabelKeys').index(index).invalid(key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
  }
  return errors
}

function keyListErrors(keys: readonly string[], selector: LabelSelector | undefined, at: Path): FieldError[] {
  if (keys.length === 0) return []
  if (!selector) return [at.forbidden('must not be specified when labelSelector is not set')]
  return keys.flatMap((key, index) => validateLabelName(key, at.index(index)))
}
