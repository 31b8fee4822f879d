/** Whether a webhook is to be asked at all: conditions in CEL on the question (upstream `authorization/cel`). */
import { SubjectAccessReviewSpec } from '#api/authorization/v1/subject-access-review.ts'
import { type CelProgram, compileCel, matchConditionsCostBudget } from '#schema/cel/compile.ts'
import type { FieldError, Path } from '#schema/field-error.ts'

export interface MatchCondition {
  readonly expression?: string
}

const most = 64

/** Every condition that cannot be used, in upstream's words. */
export function conditionErrors(conditions: readonly MatchCondition[], parent: Path): FieldError[] {
  const at = parent.child('matchConditions')
  if (conditions.length > most) return [at.tooMany(conditions.length, most)]
  const seen = new Set<string>()
  return conditions.flatMap(({ expression = '' }, i) => {
    const here = at.index(i).child('expression')
    if (expression.trim() === '') return [here.required()]
    if (seen.has(expression)) return [here.duplicate(expression)]
    seen.add(expression)
    try {
      compile(expression)
      return []
    } catch (error) {
      const text = (error as Error).message
      return [here.invalid(expression, text.startsWith('must evaluate') ? text : `compilation failed: ${text}`)]
    }
  })
}

function compile(expression: string): CelProgram {
  return compileCel(expression, { variables: { request: SubjectAccessReviewSpec }, expects: 'bool' })
}

export type MatchConditions = (spec: SubjectAccessReviewSpec) => boolean

/** One that is false decides; otherwise one that fails throws. */
export function matchConditions(conditions: readonly MatchCondition[]): MatchConditions {
  const programs = conditions.map(({ expression = '' }) => compile(expression))
  return (spec) => {
    const request = whole(spec)
    const budget = { remaining: matchConditionsCostBudget }
    const errors: string[] = []
    for (const program of programs) {
      try {
        if (program.evaluate({ request }, budget) !== true) return false
      } catch (error) {
        errors.push(`cel evaluation error: expression '${program.expression}' resulted in error: ${(error as Error).message}`)
      }
    }
    if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`)
    return true
  }
}

const noAttributes = { namespace: '', verb: '', group: '', version: '', resource: '', subresource: '', name: '' }

/** Conditions may name every field of a question, also where it is empty. */
function whole({ resourceAttributes, nonResourceAttributes, ...subject }: SubjectAccessReviewSpec): object {
  return {
    ...{ user: '', groups: [], uid: '', extra: {}, ...subject },
    ...(resourceAttributes && { resourceAttributes: { ...noAttributes, ...resourceAttributes } }),
    ...(nonResourceAttributes && { nonResourceAttributes: { path: '', verb: '', ...nonResourceAttributes } }),
  }
}
