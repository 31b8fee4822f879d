/** Whether a custom resource may be stored: its JSON schema, scale, embedded objects, lists, rules (apiextensions' `registry/customresource`). */
import { runtimeCostBudget } from './cel/compile.ts'
import { type FieldError, type Path, root } from './field-error.ts'
import { isDns1035Label, isPathSegmentName } from './formats.ts'
import { hasRules, ruleErrors } from './json-rules.ts'
import { isRecord, itemsOf, type JsonSchema, valuesOf } from './json-schema.ts'
import type { CustomScale } from './kind.ts'
import { valueAtPath } from './structural.ts'
import { canonical, type Former, jsonSchemaErrors } from './validate-json.ts'
import { validateAnnotations, validateLabels } from './validate-labels.ts'

export interface CustomChange {
  readonly json: JsonSchema
  readonly scale?: CustomScale | undefined
  /** On an update: the object as it was. */
  readonly old?: unknown
  /** A write to the status subresource, of which nothing but the status is checked. */
  readonly isStatus?: boolean
  warn?(error: FieldError): void
}

export function customResourceErrors(object: unknown, { json, scale, old, isStatus = false, warn }: CustomChange): FieldError[] {
  const former = old === undefined ? undefined : { value: old }
  const errors = isStatus ? statusErrors(json, object, former) : jsonSchemaErrors(json, object, { former })
  if (scale) errors.push(...(isStatus ? [] : replicasErrors(scale.specReplicasPath, object)), ...scaleStatusErrors(scale, object))
  if (!isStatus) errors.push(...embeddedErrors(json, object, root))
  if (old === undefined || listErrors(json, old, root).length === 0) errors.push(...listErrors(json, object, root))
  if (!hasRules(json)) return errors
  if (errors.some(({ type }) => blocking.has(type))) return [...errors, notChecked()]
  const budget = { remaining: runtimeCostBudget }
  return [...errors, ...ruleErrors(json, object, { at: root, former, budget, isResource: true, ...(warn && { warn }) })]
}

/** Rules are asked only where the value has the shape that they expect. */
const blocking: ReadonlySet<FieldError['type']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])

function notChecked(): FieldError {
  const text =
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'
  return root.invalid(null, text)
}

function statusErrors({ properties }: JsonSchema, object: unknown, former: Former | undefined): FieldError[] {
  const { status } = object as { status?: unknown }
  const schema = properties?.status
  if (status === undefined || !schema) return []
  const old = isRecord(former?.value) && Object.hasOwn(former.value, 'status') ? { value: former.value.status } : undefined
  return jsonSchemaErrors(schema, status, { at: root.child('status'), former: old })
}

function replicasErrors(path: string, object: unknown): FieldError[] {
  const value = valueAtPath(object, path)
  const at = root.child(path)
  if (value === undefined) return []
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    return [at.invalid(0, `${path} accessor error: ${goText(value)} is of the type ${goType(value)}, expected int64`)]
  }
  if (value < 0) return [at.invalid(value, 'should be a non-negative integer')]
  return value > 2147483647 ? [at.invalid(value, 'should be less than or equal to 2147483647')] : []
}

function scaleStatusErrors({ statusReplicasPath, labelSelectorPath }: CustomScale, object: unknown): FieldError[] {
  const errors = replicasErrors(statusReplicasPath, object)
  const selector = labelSelectorPath ? valueAtPath(object, labelSelectorPath) : undefined
  if (!labelSelectorPath || selector === undefined || typeof selector === 'string') return errors
  const why = `${labelSelectorPath} accessor error: ${goText(selector)} is of the type ${goType(selector)}, expected string`
  return [...errors, root.child(labelSelectorPath).invalid('', why)]
}

function goType(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : 'string'
}

function goText(value: unknown): string {
  return value === null ? '<nil>' : typeof value === 'object' ? canonical(value) : String(value)
}

/** Objects inside objects: each names its type, and its metadata holds to the rules of metadata. */
export function embeddedErrors(schema: JsonSchema | undefined, value: unknown, at: Path): FieldError[] {
  if (!schema) return []
  if (Array.isArray(value)) return value.flatMap((item, i) => embeddedErrors(itemsOf(schema), item, at.index(i)))
  if (!isRecord(value)) return []
  const own = schema['x-kubernetes-embedded-resource'] ? resourceErrors(value, at) : []
  const parts = Object.entries(value).flatMap(([key, member]) => {
    const named = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined
    return named ? embeddedErrors(named, member, at.child(key)) : embeddedErrors(valuesOf(schema), member, at.key(key))
  })
  return [...own, ...parts]
}

function resourceErrors({ apiVersion, kind, metadata }: Record<string, unknown>, at: Path): FieldError[] {
  return [
    ...typeErrors(apiVersion, at.child('apiVersion'), versionProblems),
    ...typeErrors(kind, at.child('kind'), kindProblems),
    ...(isRecord(metadata) ? metadataErrors(metadata, at.child('metadata')) : []),
  ]
}

function typeErrors(value: unknown, at: Path, problems: (text: string) => readonly string[]): FieldError[] {
  if (value === undefined) return [at.required()]
  if (typeof value !== 'string') return [at.invalid(value, 'must be a string')]
  if (value === '') return [at.invalid(value, 'must not be empty')]
  return problems(value).map((problem) => at.invalid(value, problem))
}

function versionProblems(apiVersion: string): readonly string[] {
  return apiVersion.split('/').length > 2 ? [`unexpected GroupVersion string: ${apiVersion}`] : []
}

function kindProblems(kind: string): readonly string[] {
  const problems = isDns1035Label(kind.toLowerCase())
  return problems.length > 0 ? [`may have mixed case, but should otherwise match: ${problems.join(',')}`] : []
}

function metadataErrors({ name, labels, annotations }: Record<string, unknown>, at: Path): FieldError[] {
  const problems = typeof name === 'string' && name !== '' ? isPathSegmentName(name) : []
  return [
    ...problems.map((problem) => at.child('name').invalid(name, problem)),
    ...validateLabels(labels as Record<string, string> | undefined, at.child('labels')),
    ...validateAnnotations(annotations as Record<string, string> | undefined, at.child('annotations')),
  ]
}

/** Lists that are sets or maps hold nothing twice. */
export function listErrors(schema: JsonSchema | undefined, value: unknown, at: Path): FieldError[] {
  if (!schema) return []
  if (Array.isArray(value)) {
    const items = itemsOf(schema)
    return [...duplicates(schema, value, at), ...value.flatMap((item, i) => listErrors(items, item, at.index(i)))]
  }
  if (!isRecord(value)) return []
  return Object.entries(value).flatMap(([key, member]) => {
    const named = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined
    return named ? listErrors(named, member, at.child(key)) : listErrors(valuesOf(schema), member, at.key(key))
  })
}

function duplicates(schema: JsonSchema, list: readonly unknown[], at: Path): FieldError[] {
  const listType = schema['x-kubernetes-list-type']
  if (listType === 'set') return secondOnes(list).map((i) => at.index(i).duplicate(list[i]))
  if (listType !== 'map') return []
  const wrong = list.findIndex((item) => item !== null && !isRecord(item))
  if (wrong >= 0) return [at.index(wrong).invalid(list[wrong], 'must be an object for an array of list-type map')]
  const names = schema['x-kubernetes-list-map-keys'] ?? []
  const keys = list.map((item) =>
    Object.fromEntries(names.flatMap((name) => (isRecord(item) && name in item ? [[name, item[name]]] : []))),
  )
  return secondOnes(keys).map((i) => at.index(i).duplicate(keys[i]))
}

/** Positions at which something stands for the second time. */
function secondOnes(list: readonly unknown[]): number[] {
  const seen = new Map<string, number>()
  return list.flatMap((item, i) => {
    const text = canonical(item)
    const times = seen.get(text) ?? 0
    seen.set(text, times + 1)
    return times === 1 ? [i] : []
  })
}
