/** Match conditions: whether a policy or a webhook, which matched by its rules, is to be asked (upstream `webhook/matchconditions`). */
import { CelError, matchConditionsCostBudget } from '#schema/cel/compile.ts'
import {
  type Activation,
  type Expression,
  evaluateExpression,
  type NamedExpression,
  OutOfBudget,
  policyValues,
} from './activation.ts'

/** Conditions that fail where none is false: failurePolicy decides. */
export class ConditionError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConditionError'
  }
}

/** Throws ConditionError. */
export function conditionsHold(
  conditions: readonly Expression[],
  activation: Activation,
  variables: readonly NamedExpression[] = [],
): boolean {
  if (conditions.length === 0) return true
  const budget = { remaining: matchConditionsCostBudget }
  const values = policyValues(activation, variables, budget)
  const errors: string[] = []
  for (const condition of conditions) {
    try {
      if (evaluateExpression(condition, values, budget) === false) return false
    } catch (error) {
      if (error instanceof OutOfBudget) throw new ConditionError(error.message)
      if (!(error instanceof CelError)) throw error
      errors.push(error.message)
    }
  }
  if (errors.length > 0) throw new ConditionError(errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]`)
  return true
}
