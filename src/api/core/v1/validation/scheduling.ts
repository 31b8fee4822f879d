/** Rules for what else decides where a pod may run: tolerations, spreading, gates. */
import type { TopologySpreadConstraint } from '#api/core/v1/affinity.ts'
import type { PodSchedulingGate } from '#api/core/v1/pod-spec.ts'
import type { Toleration } from '#api/core/v1/taint.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName, isValidLabelValue } from '#schema/formats.ts'
import { validateLabelName, validateLabelSelector } from '#schema/validate.ts'
import { labelKeyErrors } from './affinity.ts'
import { among, formatted, positive } from './checks.ts'

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export function validateTolerations(tolerations: readonly Toleration[], at: Path): FieldError[] {
  return tolerations.flatMap((toleration, index) => {
    const { key, operator = '', effect, tolerationSeconds } = toleration
    const here = at.index(index)
    const errors = key ? validateLabelName(key, here.child('key')) : []
    if (!key && operator !== 'Exists') {
      const message = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
      errors.push(here.child('operator').invalid(operator, message))
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(here.child('effect').invalid(effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    }
    errors.push(...operatorErrors(toleration, here.child('operator')))
    return [...errors, ...(effect ? among(effect, taintEffects, here.child('effect')) : [])]
  })
}

function operatorErrors({ operator, value = '' }: Toleration, at: Path): FieldError[] {
  switch (operator) {
    case undefined:
    case 'Equal': {
      const messages = isValidLabelValue(value)
      return messages.length > 0 ? [at.invalid(value, messages.join(';'))] : []
    }
    case 'Exists':
      return value ? [at.invalid(value, "value must be empty when `operator` is 'Exists'")] : []
    case 'Lt':
    case 'Gt':
      // The gate TaintTolerationComparisonOperators is off, but the list names them already.
      return [at.notSupported(operator, ['Equal', 'Exists', 'Lt', 'Gt'])]
    default:
      return [at.notSupported(operator, ['Equal', 'Exists'])]
  }
}

export function validateSchedulingGates(gates: readonly PodSchedulingGate[], at: Path): FieldError[] {
  const seen = new Set<string>()
  return gates.flatMap(({ name }, index) => {
    const errors = formatted(isQualifiedName, name, at.index(index))
    if (seen.has(name)) errors.push(at.index(index).duplicate(name))
    seen.add(name)
    return errors
  })
}

const inclusionPolicies = ['Honor', 'Ignore']

export function validateSpreadConstraints(constraints: readonly TopologySpreadConstraint[], at: Path): FieldError[] {
  const textOf = ({ topologyKey, whenUnsatisfiable }: TopologySpreadConstraint) =>
    JSON.stringify([topologyKey, whenUnsatisfiable])
  const last = new Map(constraints.map((constraint, index) => [textOf(constraint), index]))
  return constraints.flatMap((constraint, index) => {
    const { maxSkew, topologyKey, whenUnsatisfiable, nodeAffinityPolicy, nodeTaintsPolicy, labelSelector } = constraint
    const here = at.index(index)
    const isRepeated = last.get(textOf(constraint)) !== index
    const both = here.child('{topologyKey, whenUnsatisfiable}')
    return [
      ...positive(maxSkew, here.child('maxSkew')),
      ...(topologyKey ? [] : [here.child('topologyKey').required('can not be empty')]),
      ...among(whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway'], here.child('whenUnsatisfiable')),
      ...(isRepeated ? [both.duplicate(`{${topologyKey}, ${whenUnsatisfiable}}`)] : []),
      ...minDomainsErrors(constraint, here.child('minDomains')),
      ...(nodeAffinityPolicy === undefined ? [] : among(nodeAffinityPolicy, inclusionPolicies, here.child('nodeAffinityPolicy'))),
      ...(nodeTaintsPolicy === undefined ? [] : among(nodeTaintsPolicy, inclusionPolicies, here.child('nodeTaintsPolicy'))),
      ...labelKeyErrors({ matchLabelKeys: constraint.matchLabelKeys, labelSelector }, here),
      ...validateLabelSelector(labelSelector, here.child('labelSelector')),
    ]
  })
}

function minDomainsErrors({ minDomains, whenUnsatisfiable }: TopologySpreadConstraint, at: Path): FieldError[] {
  if (minDomains === undefined) return []
  const errors = positive(minDomains, at)
  if (whenUnsatisfiable === 'DoNotSchedule') return errors
  const message = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
  return [...errors, at.invalid(minDomains, message)]
}
