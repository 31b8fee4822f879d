/** Label selectors and field selectors: upstream's grammars, error texts and canonical texts. */
import type { FieldError, Path } from './field-error.ts'
import { formatFieldError, root } from './field-error.ts'
import { isQualifiedName, isValidLabelValue } from './formats.ts'
import { readRequirements } from './selector-parser.ts'
import type { LabelSelectorLike } from './validate-labels.ts'

export { type FieldTerm, fieldSelectorText, matchesFields, parseFieldSelector } from './field-selector.ts'

/** Text that is no selector, or a selector object that means nothing; the message is upstream's. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SelectorError'
  }
}

export type SelectorOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!'

export interface LabelRequirement {
  readonly key: string
  readonly operator: SelectorOperator
  readonly values: readonly string[]
}

type Labels = Readonly<Record<string, string>>

/** A parsed label selector; all its requirements must hold. */
export class LabelMatcher {
  /** Sorted by key. */
  readonly requirements: readonly LabelRequirement[]
  readonly #matchesNothing: boolean

  constructor(requirements: readonly LabelRequirement[], options: { matchesNothing?: boolean } = {}) {
    this.requirements = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    this.#matchesNothing = options.matchesNothing ?? false
  }

  matches(labels: Labels | undefined): boolean {
    if (this.#matchesNothing) return false
    for (const requirement of this.requirements) if (!holds(requirement, labels ?? none)) return false
    return true
  }

  /** Whether it matches everything. */
  get isEmpty(): boolean {
    return !this.#matchesNothing && this.requirements.length === 0
  }

  /** The only value that the label may have, where there is just one. */
  exactValue(key: string): string | undefined {
    const requirement = this.requirements.find((one) => one.key === key)
    if (!requirement || !['=', '==', 'in'].includes(requirement.operator)) return undefined
    return requirement.values.length === 1 ? requirement.values[0] : undefined
  }

  /** The canonical text, which parses to the same selector; '' both for everything and for nothing. */
  toString(): string {
    return this.requirements.map(requirementText).join(',')
  }
}

const none: Labels = Object.freeze({})

/** Reads `a=b,c in (d,e),!f`; throws SelectorError with upstream's text. The empty text matches everything. */
export function parseLabelSelector(text: string): LabelMatcher {
  return new LabelMatcher(readRequirements(text))
}

/**
 * The matcher of a `metav1.LabelSelector`: an absent one matches nothing, an empty one everything. Throws SelectorError
 * for operators and values that cannot be.
 */
export function labelSelectorMatcher(selector: LabelSelectorLike | undefined): LabelMatcher {
  if (!selector) return new LabelMatcher([], { matchesNothing: true })
  const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => requirement(key, '=', [value]))
  const rules = (selector.matchExpressions ?? []).map(({ key, operator, values }) => {
    const known = Object.hasOwn(objectOperators, operator) ? objectOperators[operator] : undefined
    if (!known) throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`)
    return requirement(key, known, values ?? [])
  })
  return new LabelMatcher([...exact, ...rules])
}

/** The canonical text of a `metav1.LabelSelector`; '' for an empty one. */
export function labelSelectorText(selector: LabelSelectorLike | undefined): string {
  return labelSelectorMatcher(selector).toString()
}

/** The same as a table's cell: `<none>` where it is empty, `<error>` where it is invalid. */
export function formatLabelSelector(selector: LabelSelectorLike | undefined): string {
  try {
    return labelSelectorText(selector) || '<none>'
  } catch {
    return '<error>'
  }
}

/** A checked requirement (`labels.NewRequirement`). */
export function requirement(key: string, operator: SelectorOperator, values: readonly string[]): LabelRequirement {
  const errors = requirementErrors({ key, operator, values }, root)
  if (errors.length > 0) throw new SelectorError(aggregate(errors))
  return { key, operator, values }
}

export function requirementErrors({ key, operator, values }: LabelRequirement, at: Path): readonly FieldError[] {
  const valuesAt = at.child('values')
  return [...keyErrors(key, at.child('key')), ...operandErrors(operator, values, valuesAt), ...valueErrors(key, values, valuesAt)]
}

/** Upstream joins what is wrong with one key into one error. */
export function keyErrors(key: string, at: Path): FieldError[] {
  const problems = isQualifiedName(key)
  return problems.length > 0 ? [at.invalid(key, problems.join('; '))] : []
}

const objectOperators: Readonly<Record<string, SelectorOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
}

function operandErrors(operator: SelectorOperator, values: readonly string[], valuesAt: Path): FieldError[] {
  switch (operator) {
    case 'in':
    case 'notin':
      return values.length > 0 ? [] : [valuesAt.invalid(values, "for 'in', 'notin' operators, values set can't be empty")]
    case 'exists':
    case '!':
      if (values.length === 0) return []
      return [valuesAt.invalid(values, 'values set must be empty for exists and does not exist')]
    case 'gt':
    case 'lt':
      return orderErrors(values, valuesAt)
    default:
      if (values.length === 1) return []
      return [valuesAt.invalid(values, 'exact-match compatibility requires one single value')]
  }
}

function orderErrors(values: readonly string[], valuesAt: Path): FieldError[] {
  const errors: FieldError[] = []
  if (values.length !== 1) {
    errors.push(valuesAt.invalid(values, "for 'Gt', 'Lt' operators, exactly one value is required"))
  }
  for (const [i, value] of values.entries()) {
    if (toInt64(value) === undefined) {
      errors.push(valuesAt.index(i).invalid(value, "for 'Gt', 'Lt' operators, the value must be an integer"))
    }
  }
  return errors
}

function valueErrors(key: string, values: readonly string[], valuesAt: Path): FieldError[] {
  return values.flatMap((value, i) => {
    const problems = isValidLabelValue(value)
    return problems.length > 0 ? [valuesAt.index(i).key(key).invalid(value, problems.join('; '))] : []
  })
}

/** Go's text of several errors: once each, in brackets. */
function aggregate(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(formatFieldError))]
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`
}

function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'in':
    case '=':
    case '==':
      return value !== undefined && values.includes(value)
    case 'notin':
    case '!=':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    default: {
      const held = toInt64(value)
      const bound = toInt64(values[0])
      if (held === undefined || bound === undefined) return false
      return operator === 'gt' ? held > bound : held < bound
    }
  }
}

/** `strconv.ParseInt(text, 10, 64)`. */
function toInt64(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined
  const value = BigInt(text.replace(/^\+/, ''))
  return BigInt.asIntN(64, value) === value ? value : undefined
}

const symbols = { in: ' in ', notin: ' notin ', '=': '=', '==': '==', '!=': '!=', gt: '>', lt: '<' } as const

function requirementText({ key, operator, values }: LabelRequirement): string {
  if (operator === 'exists') return key
  if (operator === '!') return `!${key}`
  const list = values.toSorted().join(',')
  return `${key}${symbols[operator]}${operator === 'in' || operator === 'notin' ? `(${list})` : list}`
}
