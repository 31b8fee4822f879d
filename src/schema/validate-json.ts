/**
 * Whether a value fits a JSON schema; texts and their order are those of upstream's validator (kube-openapi `pkg/validation/validate`).
 * On an update, what was wrong before and did not change is let pass (KEP-4008, `apiextensions/pkg/apiserver/validation/ratcheting.go`).
 */
import { type FieldError, type Path, root } from './field-error.ts'
import { enumFinding, type Finding, formatFinding, invalid, numberFindings, stringFindings, typeFinding } from './json-checks.ts'
import { isRecord, itemsOf, type JsonSchema, valuesOf } from './json-schema.ts'

/** An update: the value that stood there before. */
export interface Former {
  readonly value: unknown
}

/** `at` is the path of the value in its object; paths below it are the validator's own. */
export function jsonSchemaErrors(
  schema: JsonSchema,
  value: unknown,
  { at = root, former }: { at?: Path; former?: Former | undefined } = {},
): FieldError[] {
  const result = checkOf(schema)(value, '', former && { schema, value, former: former.value })
  return result.findings.map((finding) => fieldError(finding, at))
}

function fieldError(finding: Finding, at: Path): FieldError {
  const name = finding.name?.replace(/^\./, '')
  const here = name ? (at === root ? root.child(name) : at.child(name)) : at
  return finding.name === undefined ? at.invalid('', finding.text) : finding.error(here)
}

/** What was found, and how many checks passed, by which the best of several alternatives is told. */
class Result {
  readonly findings: Finding[] = []
  matches = 0

  add(...findings: readonly (Finding | undefined)[]): void {
    for (const finding of findings) {
      if (finding && !this.findings.some(({ text }) => text === finding.text)) this.findings.push(finding)
    }
  }

  merge(other: Result): void {
    this.add(...other.findings)
    this.matches += other.matches
  }

  get isValid(): boolean {
    return this.findings.length === 0
  }
}

/** Where the validator stands in an update; undefined where nothing of before corresponds. */
interface Correlation {
  readonly schema: JsonSchema
  readonly value: unknown
  readonly former: unknown
}

type Check = (value: unknown, path: string, correlation: Correlation | undefined) => Result

const checks = new WeakMap<JsonSchema, Check>()

function checkOf(schema: JsonSchema): Check {
  let check = checks.get(schema)
  if (!check) checks.set(schema, (check = compile(schema)))
  return check
}

function compile(schema: JsonSchema): Check {
  const type = typeFinding(schema)
  const ofEnum = enumFinding(schema)
  const text = stringFindings(schema)
  const format = formatFinding(schema)
  const number = numberFindings(schema)
  return (value, path, correlation) => {
    const result = new Result()
    const step = (...findings: readonly (Finding | undefined)[]) => {
      result.add(...findings)
      result.matches++
    }
    step(type(value, path))
    if (value === null || value === undefined) {
      result.add(ofEnum(value, path))
      return result
    }
    junctors(schema, { value, path, correlation }, result)
    if (typeof value === 'string') step(text(value, path), format(value, path))
    if (typeof value === 'number' || typeof value === 'bigint') step(...number(value, path))
    if (Array.isArray(value)) list(schema, { value, path, correlation }, result)
    step(ofEnum(value, path))
    if (isRecord(value)) record(schema, { value, path, correlation }, result)
    result.matches++
    return result
  }
}

interface Place<T = unknown> {
  readonly value: T
  readonly path: string
  readonly correlation: Correlation | undefined
}

const composite = (text: string): Finding => ({ text, error: (at) => at.invalid('', text) })

function junctors(schema: JsonSchema, place: Place, result: Result): void {
  const { value, path, correlation } = place
  const run = (part: JsonSchema) => checkOf(part)(value, path, correlation)
  const named = JSON.stringify(path)
  if (schema.anyOf?.length) anyOf(schema.anyOf.map(run), named, result)
  if (schema.oneOf?.length) oneOf(schema.oneOf.map(run), named, result)
  if (schema.allOf?.length) {
    const results = schema.allOf.map(run)
    for (const one of results) result.merge(one)
    const valid = results.filter(({ isValid }) => isValid).length
    const more = valid === 0 ? '. None validated' : ''
    if (valid !== results.length) result.add(composite(`${named} must validate all the schemas (allOf)${more}`))
  }
  if (schema.not && run(schema.not).isValid) result.add(composite(`${named} must not validate the schema (not)`))
  result.matches++
}

function anyOf(results: readonly Result[], named: string, result: Result): void {
  const first = results.find(({ isValid }) => isValid)
  if (!first) result.add(composite(`${named} must validate at least one schema (anyOf)`))
  result.merge(first ?? best(results))
}

function oneOf(results: readonly Result[], named: string, result: Result): void {
  const valid = results.filter(({ isValid }) => isValid)
  if (valid.length === 1) return result.merge(valid[0] as Result)
  const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`
  result.add(composite(`${named} must validate one and only one schema (oneOf). ${found}`))
  if (valid.length === 0) result.merge(best(results))
}

function best(results: readonly Result[]): Result {
  return results.reduce((most, one) => (one.matches > most.matches ? one : most))
}

function list(schema: JsonSchema, { value, path, correlation }: Place<unknown[]>, result: Result): void {
  const items = itemsOf(schema)
  if (items) {
    for (const [i, item] of value.entries()) {
      result.merge(ratcheted(items, { value: item, path: `${path}[${i}]`, correlation: itemOf(correlation, i) }))
    }
  }
  const { minItems, maxItems } = schema
  const size = value.length
  if (minItems !== undefined && size < minItems) {
    result.add(invalid(path, size, `${path} in body should have at least ${minItems} items`))
  }
  if (maxItems !== undefined && size > maxItems) {
    const text = `${path} in body should have at most ${maxItems} items`
    result.add({ name: path, text, error: (at) => at.tooMany(size, maxItems) })
  }
  if (schema.uniqueItems && new Set(value.map(canonical)).size < size) {
    result.add(invalid(path, '', `${path} in body shouldn't contain duplicates`))
  }
  result.matches++
}

function record(schema: JsonSchema, place: Place<Record<string, unknown>>, result: Result): void {
  const { value, path, correlation } = place
  const { minProperties, maxProperties, properties = {}, additionalProperties } = schema
  const size = Object.keys(value).length
  if (minProperties !== undefined && size < minProperties) {
    result.add(invalid(path, size, `${path} in body should have at least ${minProperties} properties`))
  }
  if (maxProperties !== undefined && size > maxProperties) {
    const text = `${path} in body should have at most ${maxProperties} properties`
    result.add({ name: path, text, error: (at) => at.tooMany(size, maxProperties) })
  }
  const values = valuesOf(schema)
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(properties, key)) continue
    if (additionalProperties === false) result.add(invalid(path, key, `${path}.${key} in body is a forbidden property`))
    else if (values)
      result.merge(ratcheted(values, { value: value[key], path: `${path}.${key}`, correlation: memberOf(correlation, key) }))
  }
  for (const [key, property] of Object.entries(properties)) {
    if (!Object.hasOwn(value, key)) continue
    const isTypeMeta = path === '' && (key === 'kind' || key === 'apiVersion')
    const child = isTypeMeta ? undefined : memberOf(correlation, key)
    result.merge(ratcheted(property, { value: value[key], path: path ? `${path}.${key}` : key, correlation: child }))
  }
  for (const key of schema.required ?? []) {
    if (Object.hasOwn(value, key)) continue
    result.add({ name: `${path}.${key}`, text: `${path}.${key} in body is required`, error: (at) => at.required() })
  }
}

/** What is wrong with a value that did not change is let pass. */
function ratcheted(schema: JsonSchema, { value, path, correlation }: Place): Result {
  const result = checkOf(schema)(value, path, correlation)
  return !result.isValid && correlation && isUnchanged(correlation) ? new Result() : result
}

function isUnchanged({ schema, value, former }: Correlation): boolean {
  return canonicalOf(schema, value) === canonicalOf(schema, former)
}

/** Lists that are maps may change their order. */
function canonicalOf(schema: JsonSchema, value: unknown): string {
  if (!Array.isArray(value) || schema['x-kubernetes-list-type'] !== 'map') return canonical(value)
  return value.map(canonical).sort().join()
}

function memberOf(correlation: Correlation | undefined, key: string): Correlation | undefined {
  if (!correlation) return undefined
  const { schema, value, former } = correlation
  const part = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : valuesOf(schema)
  if (!part || !isRecord(value) || !isRecord(former) || !Object.hasOwn(former, key)) return undefined
  return { schema: part, value: value[key], former: former[key] }
}

function itemOf(correlation: Correlation | undefined, at: number): Correlation | undefined {
  if (!correlation) return undefined
  const { schema, value, former } = correlation
  const items = itemsOf(schema)
  if (!items || !Array.isArray(value)) return undefined
  const found = sameItem(schema, value[at], former)
  return found === undefined ? undefined : { schema: items, value: value[at], former: found }
}

/** The item of `former` with the same keys, in a list that is a map. */
export function sameItem(schema: JsonSchema, item: unknown, former: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(former) || !isRecord(item)) return undefined
  return former.find((one) => isRecord(one) && keys.every((key) => canonical(one[key]) === canonical(item[key])))
}

/** One text for equal values. */
export function canonical(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null'
  const members = Object.keys(value).sort()
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`
}
