/** Rules of a schema: they compile, and what they may cost has a limit (apiextensions' `cel_validation.go`). */
import type { FieldError, Path } from '#schema/field-error.ts'
import { type CompiledRule, rulesOf } from '#schema/json-rules.ts'
import type { JsonSchema } from '#schema/json-schema.ts'

/** Upstream's `StaticEstimatedCostLimit` and `StaticEstimatedCRDCostLimit`. */
const ruleLimit = 10_000_000
const totalLimit = 100_000_000
/** `MaxRequestSizeBytes`: an object is no longer than this. */
const maxRequest = 3 * 1024 * 1024

/** What all rules of a schema cost together. */
export class RuleCosts {
  #total = 0
  #expensive: { at: Path; cost: number }[] = []

  observe(at: Path, cost: number): void {
    this.#total += cost
    if (cost < totalLimit / 100) return
    this.#expensive = [...this.#expensive, { at, cost }].sort((a, b) => b.cost - a.cost).slice(0, 4)
  }

  totalErrors(at: Path): FieldError[] {
    if (this.#total <= totalLimit) return []
    const text = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'
    const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema'
    return [...this.#expensive.map((one) => one.at.forbidden(text)), at.forbidden(costMessage(name, this.#total, totalLimit))]
  }
}

export interface RulePlace {
  readonly isResource: boolean
  readonly context: { readonly cardinality?: number | undefined; readonly uncorrelatable?: Path }
  readonly costs: RuleCosts
  /** The schema was accepted before, whatever its rules cost. */
  readonly isUnchanged: boolean
}

export function ruleErrors(schema: JsonSchema, at: Path, place: RulePlace): FieldError[] {
  const { type, rules } = rulesOf(schema, place.isResource)
  const cardinality = place.context.cardinality ?? Math.trunc(maxRequest / ((type?.minSize ?? 0) + 1))
  return rules.flatMap((rule, i) => oneRule(rule, at.child('x-kubernetes-validations').index(i), { ...place, cardinality }))
}

function oneRule(compiled: CompiledRule, at: Path, place: RulePlace & { cardinality: number }): FieldError[] {
  const { rule, program, error, message, messageError, usesOldSelf } = compiled
  const errors: FieldError[] = []
  if (program)
    errors.push(
      ...costErrors(at.child('rule'), 'estimated rule cost', {
        ...place,
        cost: product(program.estimate().max, place.cardinality),
      }),
    )
  if (error !== undefined) errors.push(at.child('rule').invalid(rule, error))
  if (messageError !== undefined) errors.push(at.child('messageExpression').invalid(rule, messageError))
  if (message) {
    const cost = message.estimate().max
    errors.push(...costErrors(at.child('messageExpression'), 'estimated messageExpression cost', { ...place, cost }))
  }
  const { uncorrelatable } = place.context
  if (usesOldSelf && uncorrelatable) {
    const text = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`
    errors.push(at.child('rule').invalid(rule.rule, text))
  }
  if (!usesOldSelf && rule.optionalOldSelf !== undefined) {
    errors.push(at.child('optionalOldSelf').invalid(rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'))
  }
  return errors
}

interface Cost {
  readonly cost: number
  readonly costs: RuleCosts
  readonly isUnchanged: boolean
}

function costErrors(at: Path, name: string, { cost, costs, isUnchanged }: Cost): FieldError[] {
  costs.observe(at, cost)
  return !isUnchanged && cost > ruleLimit ? [at.forbidden(costMessage(name, cost, ruleLimit))] : []
}

/** Upstream counts in 64 bits. */
function product(cost: number, cardinality: number): number {
  return Math.min(cost * cardinality, 2 ** 64)
}

function costMessage(name: string, cost: number, limit: number): string {
  const factor = cost / limit
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`
  const advice =
    'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared'
  return `${name} exceeds budget by factor of ${shown} (${advice})`
}
