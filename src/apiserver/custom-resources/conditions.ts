/** What becomes of a definition: whether its names are free, whether it is served, what is wrong with it (apiextensions' controllers). */
import type { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import type { CustomResourceDefinitionNames } from '#api/apiextensions/v1/custom-resource-definition-spec.ts'
import {
  type CustomResourceDefinitionCondition,
  type CustomResourceDefinitionStatus,
  conditionOf,
  isTrue,
} from '#api/apiextensions/v1/custom-resource-definition-status.ts'
import { approvalOf, isProtectedGroup } from '#api/apiextensions/v1/validation/approval.ts'
import { structuralErrors } from '#api/apiextensions/v1/validation/structural.ts'
import { caBundleProblem } from '#api/apiextensions/v1/validation/webhook-client.ts'
import { formatTime } from '#lib/clock.ts'
import { type FieldError, formatFieldError, root } from '#schema/field-error.ts'

type Condition = Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>

/** The status that the definition ought to have; the same object where it has it. `others`: the definitions of its group. */
export function plannedStatus(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  now: number,
): CustomResourceDefinitionStatus {
  const { names, accepted } = planNames(definition, others)
  let status = accepted === undefined ? definition.status : { ...definition.status, acceptedNames: names }
  for (const condition of [accepted, establishedAfter(definition, accepted), nonStructural(definition), conformant(definition)]) {
    if (condition) status = withCondition(status, condition, now)
  }
  if (!nonStructural(definition) && conditionOf(definition, 'NonStructuralSchema')) {
    status = { ...status, conditions: status.conditions.filter(({ type }) => type !== 'NonStructuralSchema') }
  }
  return status
}

export function withCondition(
  status: CustomResourceDefinitionStatus,
  condition: Condition,
  now: number,
): CustomResourceDefinitionStatus {
  const old = status.conditions.find(({ type }) => type === condition.type)
  const isSame = old?.status === condition.status
  if (old && isSame && old.reason === condition.reason && old.message === condition.message) return status
  const lastTransitionTime = isSame && old.lastTransitionTime ? old.lastTransitionTime : formatTime(now)
  const whole = { ...condition, lastTransitionTime }
  const conditions = old ? status.conditions.map((one) => (one === old ? whole : one)) : [...status.conditions, whole]
  return { ...status, conditions }
}

interface PlannedNames {
  readonly names: CustomResourceDefinitionNames
  /** Undefined where nothing is to be decided. */
  readonly accepted?: Condition
}

function planNames(
  { metadata, spec, status }: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
): PlannedNames {
  const wanted = spec.names
  const given = status.acceptedNames
  if (sameNames(wanted, given)) return { names: given }
  const rest = others.filter((other) => other.metadata.name !== metadata.name)
  const resources = new Set(
    rest.flatMap(({ status: { acceptedNames: taken } }) => [taken.plural, taken.singular, ...(taken.shortNames ?? [])]),
  )
  const kinds = new Set(rest.flatMap(({ status: { acceptedNames: taken } }) => [taken.kind, taken.listKind]))
  const names = { ...given }
  let conflict: { reason: string; message: string } | undefined
  const take = (field: 'plural' | 'singular' | 'kind' | 'listKind', taken: ReadonlySet<string | undefined>) => {
    const name = wanted[field]
    if (name !== given[field] && taken.has(name)) {
      conflict = { reason: `${field[0]?.toUpperCase()}${field.slice(1)}Conflict`, message: inUse(name) }
    } else if (name !== undefined) names[field] = name
  }
  take('plural', resources)
  take('singular', resources)
  const clashes = (wanted.shortNames ?? []).filter((name) => !given.shortNames?.includes(name) && resources.has(name)).map(inUse)
  if (clashes.length > 0)
    conflict = { reason: 'ShortNamesConflict', message: clashes.length > 1 ? `[${clashes.join(', ')}]` : (clashes[0] as string) }
  else setOrDelete(names, 'shortNames', wanted.shortNames)
  take('kind', kinds)
  take('listKind', kinds)
  setOrDelete(names, 'categories', wanted.categories)
  const accepted = { reason: 'NoConflicts', message: 'no conflicts found' }
  return { names, accepted: { type: 'NamesAccepted', status: conflict ? 'False' : 'True', ...(conflict ?? accepted) } }
}

function setOrDelete(
  names: CustomResourceDefinitionNames,
  field: 'shortNames' | 'categories',
  value: string[] | undefined,
): void {
  if (value) names[field] = value
  else delete names[field]
}

function inUse(name: string | undefined): string {
  return `${JSON.stringify(name ?? '')} is already in use`
}

function sameNames(a: CustomResourceDefinitionNames, b: CustomResourceDefinitionNames): boolean {
  const text = ({ plural, singular, shortNames = [], kind, listKind, categories = [] }: CustomResourceDefinitionNames) =>
    JSON.stringify([plural, singular ?? '', shortNames, kind, listKind ?? '', categories])
  return text(a) === text(b)
}

/** Once established a definition stays so. Upstream takes two writes for names and establishment; the outcome is the same. */
function establishedAfter(definition: CustomResourceDefinition, accepted: Condition | undefined): Condition | undefined {
  if (isTrue(definition, 'Established')) return undefined
  const isAccepted = accepted ? accepted.status === 'True' : isTrue(definition, 'NamesAccepted')
  if (!isAccepted) {
    if (!accepted) return undefined
    return { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
  }
  const bundle = definition.spec.conversion?.webhook?.clientConfig?.caBundle
  if (bundle && caBundleProblem(bundle) !== undefined) {
    return {
      type: 'Established',
      status: 'False',
      reason: 'InvalidCABundle',
      message: 'The conversion webhook CABundle is invalid',
    }
  }
  return { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
}

function nonStructural({ spec }: CustomResourceDefinition): Condition | undefined {
  const errors: FieldError[] = spec.preserveUnknownFields
    ? [root.child('spec', 'preserveUnknownFields').invalid(true, 'must be false')]
    : []
  for (const [i, { schema }] of spec.versions.entries()) {
    const at = root.child('spec', 'versions').index(i).child('schema', 'openAPIV3Schema')
    if (schema?.openAPIV3Schema) errors.push(...structuralErrors(schema.openAPIV3Schema, at))
  }
  if (errors.length === 0) return undefined
  const texts = errors.map(formatFieldError)
  const message = texts.length > 1 ? `[${texts.join(', ')}]` : (texts[0] as string)
  return { type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message }
}

const approvals = {
  Approved: { status: 'True', reason: 'ApprovedAnnotation' },
  Bypassed: { status: 'False', reason: 'UnapprovedAnnotation' },
  Invalid: { status: 'False', reason: 'InvalidAnnotation' },
  Missing: { status: 'False', reason: 'MissingAnnotation' },
} as const

function conformant(definition: CustomResourceDefinition): Condition | undefined {
  if (!isProtectedGroup(definition.spec.group)) return undefined
  const { state, reason: message } = approvalOf(definition)
  return { type: 'KubernetesAPIApprovalPolicyConformant', ...approvals[state], message }
}
