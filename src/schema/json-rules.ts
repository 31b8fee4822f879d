/**
 * The rules of custom resources (`x-kubernetes-validations`, apiextensions' `schema/cel`): compiled once per schema, evaluated on
 * the value at each place, under one budget for the whole object. What a rule without `oldSelf` says of a value that did not
 * change is let pass.
 */
import {
  type CelBudget,
  CelBudgetExceeded,
  CelCompileError,
  type CelProgram,
  type CelType,
  compileCel,
  perCallLimit,
} from './cel/compile.ts'
import { celTypeOfJsonSchema } from './cel/json-schema-type.ts'
import { optionalOf } from './cel/type.ts'
import { CelOptional, fromJson } from './cel/value.ts'
import type { FieldError, Path } from './field-error.ts'
import { checkedPath } from './json-path-check.ts'
import { isRecord, itemsOf, type JsonSchema, someSchema, type ValidationRule, valuesOf } from './json-schema.ts'
import { canonical, type Former, sameItem } from './validate-json.ts'

/** One rule, ready to be asked. */
export interface CompiledRule {
  readonly rule: ValidationRule
  /** Absent where the rule is empty or does not compile. */
  readonly program?: CelProgram
  readonly error?: string
  readonly message?: CelProgram
  readonly messageError?: string
  readonly usesOldSelf: boolean
  /** Where the error is told, relative to the value. */
  readonly fieldPath: string
}

interface RuleSet {
  readonly type: CelType | undefined
  readonly rules: readonly CompiledRule[]
}

const compiled = { root: new WeakMap<JsonSchema, RuleSet>(), part: new WeakMap<JsonSchema, RuleSet>() }

/** The rules at the schema itself. `isResource`: the value is a whole object, whose type and name rules may ask for. */
export function rulesOf(schema: JsonSchema, isResource: boolean): RuleSet {
  const kept = isResource ? compiled.root : compiled.part
  let set = kept.get(schema)
  if (!set) kept.set(schema, (set = compileAll(schema, isResource)))
  return set
}

function compileAll(schema: JsonSchema, isResource: boolean): RuleSet {
  const rules = schema['x-kubernetes-validations'] ?? []
  if (rules.length === 0) return { type: undefined, rules: [] }
  const type = celTypeOfJsonSchema(schema, isResource)
  return { type, rules: rules.map((rule) => compileRule(schema, rule, type)) }
}

function compileRule(schema: JsonSchema, rule: ValidationRule, type: CelType | undefined): CompiledRule {
  const nothing = { rule, usesOldSelf: false, fieldPath: '' }
  if (rule.rule.trim() === '') return nothing
  if (!type) return { ...nothing, error: 'failed to convert to declType for CEL validation rules' }
  const variables = { self: type, oldSelf: rule.optionalOldSelf ? optionalOf(type) : type }
  const program = compile(rule.rule, variables, { kind: 'bool', prefix: '', wrong: 'cel expression must evaluate to a bool' })
  if (typeof program === 'string') return { ...nothing, error: program }
  const found = rule.fieldPath ? checkedPath(rule.fieldPath, schema) : undefined
  const base = { rule, program, usesOldSelf: program.reads.has('oldSelf'), fieldPath: found?.path ?? '' }
  if (!rule.messageExpression) return base
  const wrong = 'messageExpression must evaluate to a string'
  const message = compile(rule.messageExpression, variables, { kind: 'string', prefix: 'messageExpression ', wrong })
  return typeof message === 'string' ? { ...base, messageError: message } : { ...base, message }
}

function compile(
  expression: string,
  variables: Readonly<Record<string, CelType>>,
  { kind, prefix, wrong }: { kind: string; prefix: string; wrong: string },
): CelProgram | string {
  try {
    const program = compileCel(expression, { variables })
    return program.outputType.kind === kind ? program : wrong
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error
    return `${prefix}compilation failed: ${error.message}`
  }
}

/** Whether there is any rule to ask. */
export function hasRules(schema: JsonSchema | undefined): boolean {
  return someSchema(schema, (part) => (part['x-kubernetes-validations']?.length ?? 0) > 0)
}

export interface RuleRun {
  readonly at: Path
  readonly former?: Former | undefined
  readonly budget: CelBudget
  readonly isResource?: boolean
  /** What an unchanged value does wrong. */
  warn?(error: FieldError): void
}

/** What the rules find in a value and everything below; a negative budget afterwards means that it was not enough. */
export function ruleErrors(
  schema: JsonSchema,
  value: unknown,
  { at, former, budget, isResource = false, warn }: RuleRun,
): FieldError[] {
  const run = new Run(budget, warn)
  run.visit(schema, value, { at, old: former?.value, correlated: former, isResource, isRoot: true })
  return run.errors
}

interface Place {
  readonly at: Path
  /** What `oldSelf` is; undefined where nothing corresponds. */
  readonly old: unknown
  /** The same for what is let pass: the value before, or that of the nearest place that has one. */
  readonly correlated: Former | undefined
  readonly isUnchanged?: boolean
  readonly isResource: boolean
  readonly isRoot?: boolean
}

class Run {
  readonly errors: FieldError[] = []
  readonly #budget: CelBudget
  readonly #warn: ((error: FieldError) => void) | undefined

  constructor(budget: CelBudget, warn: RuleRun['warn']) {
    this.#budget = budget
    this.#warn = warn
  }

  visit(schema: JsonSchema, value: unknown, place: Place): void {
    if (value === null || value === undefined || this.#isSpent || !hasRules(schema)) return
    this.#ask(schema, value, place)
    if (Array.isArray(value)) this.#list(schema, value, place)
    else if (isRecord(value)) this.#record(schema, value, place)
  }

  get #isSpent(): boolean {
    return this.#budget.remaining < 0
  }

  #list(schema: JsonSchema, list: readonly unknown[], { at, old, correlated, isUnchanged }: Place): void {
    const items = itemsOf(schema)
    if (!items) return
    for (const [i, item] of list.entries()) {
      const before = sameItem(schema, item, old)
      const former = correlated && sameItem(schema, item, correlated.value)
      const unchanged = former === undefined ? (isUnchanged ?? this.#same(list, correlated)) : undefined
      this.visit(items, item, {
        ...{ at: at.index(i), old: before, isResource: items['x-kubernetes-embedded-resource'] === true },
        correlated: former === undefined ? undefined : { value: former },
        ...(unchanged !== undefined && { isUnchanged: unchanged }),
      })
    }
  }

  #same(value: unknown, former: Former | undefined): boolean {
    return former !== undefined && canonical(value) === canonical(former.value)
  }

  #record(schema: JsonSchema, record: Record<string, unknown>, place: Place): void {
    const { at, old, correlated, isUnchanged, isRoot } = place
    const values = valuesOf(schema)
    for (const [key, member] of Object.entries(record)) {
      const named = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined
      const part = named ?? values
      if (!part) continue
      const before = isRecord(old) && Object.hasOwn(old, key) ? old[key] : undefined
      const isTypeMeta = isRoot && (key === 'apiVersion' || key === 'kind')
      const holder = !isTypeMeta && isRecord(correlated?.value) ? correlated.value : {}
      const former = Object.hasOwn(holder, key)
      const unchanged = former ? undefined : (isUnchanged ?? (!isTypeMeta && this.#same(record, correlated)))
      this.visit(part, member, {
        ...{ at: named ? at.child(key) : at.key(key), old: before, isResource: part['x-kubernetes-embedded-resource'] === true },
        correlated: former ? { value: holder[key] } : undefined,
        ...(unchanged !== undefined && { isUnchanged: unchanged }),
      })
    }
  }

  #ask(schema: JsonSchema, value: unknown, place: Place): void {
    const { type, rules } = rulesOf(schema, place.isResource)
    const { at, old } = place
    const kind = schema.type ?? ''
    for (const compiledRule of rules) {
      if (this.#budget.remaining <= 0) return this.#spend(at, kind, outOfBudget)
      const { rule, program, error, usesOldSelf } = compiledRule
      if (error !== undefined) this.errors.push(at.invalid(kind, `rule compile error: ${error}`))
      if (!program || !type || (usesOldSelf && (old ?? null) === null && !rule.optionalOldSelf)) continue
      const variables = { self: value, oldSelf: rule.optionalOldSelf ? optionalValue(old, type) : old }
      const holds = this.#evaluate(compiledRule, variables, { at, kind })
      if (holds === undefined) return
      if (holds !== false) continue
      const found = this.#failure(compiledRule, variables, { value, at, kind })
      if (!usesOldSelf && this.#isLetPass(value, place)) this.#warn?.(found)
      else this.errors.push(found)
      if (this.#isSpent) return
    }
  }

  #isLetPass(value: unknown, { correlated, isUnchanged }: Place): boolean {
    return correlated ? this.#same(value, correlated) : isUnchanged === true
  }

  /** Undefined ends everything: the budget is spent. */
  #evaluate(
    { rule, program }: CompiledRule,
    variables: Record<string, unknown>,
    { at, kind }: { at: Path; kind: string },
  ): unknown {
    const about = (rule.message || rule.rule).trim()
    try {
      return this.#within((budget) => program?.evaluate(variables, budget)) === true
    } catch (error) {
      const text = (error as Error).message
      if (error instanceof CelBudgetExceeded) {
        const limited = `'${text}': no further validation rules will be run due to call cost exceeds limit for rule: ${about}`
        this.#spend(at, kind, this.#budget.remaining <= 0 ? outOfBudget : limited)
        return undefined
      }
      const isOverload = text.startsWith('no such overload')
      const detail = isOverload
        ? `'${text}': call arguments did not match a supported operator, function or macro signature for rule: ${about}`
        : `${text} evaluating rule: ${about}`
      this.errors.push(at.invalid(kind, detail))
      return 'told'
    }
  }

  /** Each call has a limit of its own beside the budget of all. */
  #within<T>(evaluate: (budget: CelBudget) => T): T {
    const given = Math.min(this.#budget.remaining, perCallLimit)
    const own = { remaining: given }
    try {
      return evaluate(own)
    } finally {
      this.#budget.remaining -= given - Math.max(own.remaining, 0)
    }
  }

  #spend(at: Path, kind: string, text: string): void {
    this.errors.push(at.invalid(kind, text))
    this.#budget.remaining = -1
  }

  #failure(
    compiledRule: CompiledRule,
    variables: Record<string, unknown>,
    where: { value: unknown; at: Path; kind: string },
  ): FieldError {
    const { rule, fieldPath } = compiledRule
    const { value, at, kind } = where
    const here = fieldPath ? at.child(fieldPath) : at
    const isShown = kind !== 'object' && kind !== 'array'
    const detail = this.#messageOf(compiledRule, variables)
    switch (rule.reason) {
      case 'FieldValueForbidden':
        return here.forbidden(detail)
      case 'FieldValueRequired':
        return here.required(detail)
      case 'FieldValueDuplicate':
        return isShown ? here.duplicate(value) : { ...here.duplicate(''), body: 'Duplicate value' }
      default:
        return isShown ? here.invalid(value, detail) : { ...here.invalid('', detail), body: `Invalid value: ${detail}` }
    }
  }

  #messageOf({ rule, message }: CompiledRule, variables: Record<string, unknown>): string {
    const usual = rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`
    if (!message) return usual
    try {
      const text = this.#within((budget) => message.evaluate(variables, budget))
      const trimmed = typeof text === 'string' ? text.trim() : ''
      return trimmed === '' || trimmed.includes('\n') || Buffer.byteLength(trimmed) > maxMessage ? usual : trimmed
    } catch (error) {
      if (!(error instanceof CelBudgetExceeded)) return usual
      const isAll = this.#budget.remaining <= 0
      this.#budget.remaining = -1
      if (isAll)
        return 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run'
      const quoted = JSON.stringify(rule.messageExpression)
      return `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${quoted}`
    }
  }
}

/** Upstream's `MaxEvaluatedMessageExpressionSizeBytes`. */
const maxMessage = 5 * 1024
const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run'

function optionalValue(old: unknown, type: CelType): unknown {
  return (old ?? null) === null ? CelOptional.none : CelOptional.of(fromJson(old, type))
}
