/** From the text of an expression to a program: parse, check, estimate, plan. What everyone who uses CEL imports. */
import type { Node, Schema } from '../words.ts'
import { check } from './checker.ts'
import { baseFunctions, mutationFunctions } from './environment.ts'
import { CelCompileError, CelError, CelFailure } from './errors.ts'
import { estimateCost } from './estimate.ts'
import { Frame } from './frame.ts'
import { makeMessage, mutationType } from './library/mutation.ts'
import { checkLiterals } from './literal-checks.ts'
import { parseCel } from './parser.ts'
import { type Eval, Planner } from './plan.ts'
import { celTypeOfSchema } from './schema-type.ts'
import { compileError } from './source.ts'
import {
  Bool,
  Bytes,
  type CelType,
  Double,
  Duration,
  Dyn,
  formatType,
  Int,
  listOf,
  mapOf,
  Null,
  Str,
  Timestamp,
  Uint,
} from './type.ts'
import { Authorizer, ResourceCheck, typeNames } from './type-names.ts'

export { CelBudgetExceeded, CelCompileError, CelError, type CelIssue } from './errors.ts'
export type { CelType } from './type.ts'

/**
 * The type of a variable: the name of a plain one, a schema of our words, or a `CelType` (for custom resources:
 * `celTypeOfJsonSchema` of `json-schema-type.ts`).
 */
export type CelDeclared =
  | 'dyn'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'list'
  | 'map'
  | 'authorizer'
  | 'resourceCheck'
  | Schema
  | Node
  | CelType

export interface CelEnvironment {
  readonly variables: Readonly<Record<string, CelDeclared>>
  /** What the expression must evaluate to; several where any of them will do. `dyn` takes everything. */
  readonly expects?: CelDeclared | readonly CelDeclared[]
  /** `Object{}` and `JSONPatch{}` may be built (mutating policies). */
  readonly mutation?: boolean
}

/** What is left of a budget. Several evaluations may share one. */
export interface CelBudget {
  remaining: number
}

export interface CelProgram {
  readonly expression: string
  readonly outputType: CelType
  /** Names of the variables that it reads. */
  readonly reads: ReadonlySet<string>
  /**
   * Variables are JSON values, which are not copied and not changed, or values of CEL. A function stands for a value that
   * is worked out when it is first read. Throws CelError, CelBudgetExceeded. The answer is a value of CEL; `toJson` of
   * `values.ts` makes JSON of it.
   */
  evaluate(variables: Readonly<Record<string, unknown>>, budget: CelBudget): unknown
  /** Cost of the cheapest and of the dearest evaluation, by the largest sizes that the variables' types allow. */
  estimate(): { readonly min: number; readonly max: number }
}

/** Cost that one evaluation may have (upstream `apis/cel/config.go`), unless a smaller budget says so. */
export const perCallLimit = 1_000_000
/** Cost that all rules of a custom resource, or all expressions of a policy, may have for one request. */
export const runtimeCostBudget = 10_000_000
/** The same for the match conditions of one webhook or policy. */
export const matchConditionsCostBudget = 2_500_000

/** Throws CelCompileError. */
export function compileCel(expression: string, environment: CelEnvironment): CelProgram {
  const variables = new Map(Object.entries(environment.variables).map(([name, declared]) => [name, typeOfDeclared(declared)]))
  const functions = environment.mutation ? mutationFunctions : baseFunctions
  const expr = parseCel(expression)
  const structType = environment.mutation ? mutationType : () => undefined
  const issues = check(expr, { variables, typeNames, functions, structType })
  if (issues.length > 0) throw compileError(expression, issues)
  const literals = checkLiterals(expr)
  if (literals.length > 0) throw compileError(expression, literals)
  const outputType = expr.type ?? Dyn
  expectType(outputType, environment.expects)
  const planner = new Planner({ functions, variables, makeStruct: environment.mutation ? makeMessage : undefined })
  const run = planner.plan(expr)
  const { size } = planner
  return {
    expression,
    outputType,
    reads: planner.reads,
    evaluate: (values, budget) => evaluate(run, new Frame(values, size, Math.min(budget.remaining, perCallLimit)), budget),
    estimate: () => estimateCost(expr, variables),
  }
}

/** What was spent is taken off the budget, also where the evaluation failed. */
function evaluate(run: Eval, frame: Frame, budget: CelBudget): unknown {
  const given = frame.remaining
  try {
    return run(frame)
  } catch (error) {
    if (error instanceof CelFailure) throw new CelError(error.message)
    if (error instanceof RangeError) throw new CelError(error.message)
    throw error
  } finally {
    budget.remaining -= given - frame.remaining
  }
}

const plainTypes: Readonly<Record<string, CelType>> = {
  dyn: Dyn,
  bool: Bool,
  int: Int,
  uint: Uint,
  double: Double,
  string: Str,
  bytes: Bytes,
  null: Null,
  timestamp: Timestamp,
  duration: Duration,
  list: listOf(Dyn),
  map: mapOf(Str, Dyn),
  authorizer: Authorizer,
  resourceCheck: ResourceCheck,
}

function typeOfDeclared(declared: CelDeclared): CelType {
  if (typeof declared === 'string') return plainTypes[declared] as CelType
  return 'kind' in declared ? declared : celTypeOfSchema(declared)
}

/** Upstream's words. What may be anything is no boolean: only `dyn` takes `dyn`. */
function expectType(found: CelType, expects: CelEnvironment['expects']): void {
  if (expects === undefined) return
  const wanted = ((Array.isArray(expects) ? expects : [expects]) as readonly CelDeclared[]).map(typeOfDeclared)
  const got = formatType(found)
  if (wanted.some((type) => type.kind === 'dyn' || formatType(type) === got)) return
  const names = wanted.map(formatType)
  const what = names.length === 1 ? names[0] : `one of [${names.join(' ')}]`
  throw new CelCompileError(`must evaluate to ${what} but got ${got}`)
}
