/** What one validating policy says of a request, with one parameter (upstream `policy/validating/validator.go`). */
import { type CelBudget, CelError, runtimeCostBudget } from '#schema/cel/compile.ts'
import { type Activation, type Expression, evaluateExpression, OutOfBudget, policyValues, type Values } from './activation.ts'
import type { CompiledValidatingPolicy, CompiledValidation } from './compile.ts'
import { ConditionError, conditionsHold } from './conditions.ts'

/** A validation that does not admit the request; `reason` is absent where an error is the cause. */
export interface Denial {
  /** Of the validation in its policy. */
  readonly index: number
  readonly message: string
  readonly reason?: string
}

export interface Verdict {
  readonly denials: readonly Denial[]
  readonly annotations: readonly { readonly key: string; readonly value: string }[]
  readonly annotationErrors: readonly string[]
}

/** Nobody objects, and nothing is to be noted. */
export const nothing: Verdict = { denials: [], annotations: [], annotationErrors: [] }

export function validateRequest(compiled: CompiledValidatingPolicy, activation: Activation, failsClosed: boolean): Verdict {
  try {
    if (!conditionsHold(compiled.conditions, activation, compiled.variables)) return nothing
    return verdictOf(compiled, activation, failsClosed)
  } catch (error) {
    if (!(error instanceof ConditionError || error instanceof OutOfBudget)) throw error
    return { ...nothing, denials: failsClosed ? [{ index: 0, message: error.message }] : [] }
  }
}

function verdictOf(compiled: CompiledValidatingPolicy, activation: Activation, failsClosed: boolean): Verdict {
  const budget = { remaining: runtimeCostBudget }
  const values = policyValues(activation, compiled.variables, budget)
  const { validations } = compiled
  let objections: Objection[] | undefined
  for (let index = 0; index < validations.length; index++) {
    const validation = validations[index] as CompiledValidation
    const result = attempt(validation.expression, values, budget)
    if (result !== true) (objections ??= []).push({ index, validation, result })
  }
  if (!objections && compiled.annotations.length === 0) return nothing
  const denials = (objections ?? []).flatMap((objection) => denialOf(objection, { values, budget }, failsClosed))
  return { ...annotate(compiled, activation, failsClosed), denials }
}

/** A validation whose expression is not true. */
interface Objection {
  readonly index: number
  readonly validation: CompiledValidation
  readonly result: unknown
}

function denialOf(
  { index, validation, result }: Objection,
  { values, budget }: { values: Values; budget: CelBudget },
  failsClosed: boolean,
): Denial[] {
  if (result instanceof Failure) return failsClosed ? [{ index, message: result.message }] : []
  try {
    return [{ index, message: messageOf(validation, values, budget), reason: validation.validation.reason ?? 'Invalid' }]
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error
    return failsClosed ? [{ index, message: `failed messageExpression: ${error.message}` }] : []
  }
}

class Failure {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

/** The value, or a Failure. */
function attempt(expression: Expression, values: Values, budget: CelBudget): unknown {
  try {
    return evaluateExpression(expression, values, budget)
  } catch (error) {
    if (!(error instanceof CelError)) throw error
    return new Failure(error.message)
  }
}

const longestMessage = 5 * 1024

/** A message of several lines, an empty or a very long one is passed over for the next best. */
function messageOf({ validation, message }: CompiledValidation, values: Values, budget: CelBudget): string {
  const made = message && attempt(message, values, budget)
  const trimmed = typeof made === 'string' ? made.trim() : ''
  if (trimmed && Buffer.byteLength(trimmed) <= longestMessage && !trimmed.includes('\n')) return trimmed
  return validation.message?.trim() || `failed expression: ${validation.expression.trim()}`
}

function annotate(
  { annotations, variables }: CompiledValidatingPolicy,
  activation: Activation,
  failsClosed: boolean,
): Pick<Verdict, 'annotations' | 'annotationErrors'> {
  if (annotations.length === 0) return nothing
  const budget = { remaining: runtimeCostBudget }
  const values = policyValues(activation, variables, budget)
  const published: { key: string; value: string }[] = []
  const errors: string[] = []
  for (const { key, expression } of annotations) {
    const value = attempt(expression, values, budget)
    if (value instanceof Failure) {
      if (failsClosed) errors.push(value.message)
    } else if (typeof value === 'string' && value.trim()) published.push({ key, value: value.trim() })
  }
  return { annotations: published, annotationErrors: errors }
}
