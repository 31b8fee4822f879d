/** The JSON schema of a custom resource (apiextensions' `validateCustomResourceDefinitionValidation`): what it may say, defaults, rules. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { checkedPath } from '#schema/json-path-check.ts'
import { itemsOf, type JsonSchema, valuesOf } from '#schema/json-schema.ts'
import { defaultErrors } from './defaults.ts'
import { type Leniency, openApiTypes } from './leniency.ts'
import { listTypeErrors } from './list-types.ts'
import { RuleCosts, ruleErrors } from './rules.ts'
import { structuralErrors } from './structural.ts'

export interface SchemaPlace {
  /** Of what holds `openAPIV3Schema`. */
  readonly at: Path
  readonly json: JsonSchema
  readonly hasStatus: boolean
}

export interface SchemaLeniency extends Leniency {
  readonly version: string
}

export function schemaErrors({ at, json, hasStatus }: SchemaPlace, leniency: SchemaLeniency): FieldError[] {
  const here = at.child('openAPIV3Schema')
  const structural = leniency.allowsNonStructural ? [] : structuralErrors(json, here)
  const shape = structural.length > 0 ? structural : defaultErrors(json, here, leniency.allowsUnprunedDefaults)
  const costs = shape.length === 0 ? new RuleCosts() : undefined
  const walk = new Walk(leniency, costs)
  walk.visit(json, { at: here, isRoot: true, context: { isInMeta: false, cardinality: 1 } })
  return [
    ...(hasStatus ? rootErrors(json, here) : []),
    ...(json.nullable ? [at.child('openAPIV3Schema.nullable').forbidden('nullable cannot be true at the root')] : []),
    ...shape,
    ...walk.schemaErrors,
    ...walk.ruleErrors,
    ...(costs?.totalErrors(here) ?? []),
  ]
}

/** What may stand at the root beside a status, whose schema is also used alone; by upstream's names. */
const allowedAtRoot: Readonly<Record<string, string>> = {
  description: 'Description',
  type: 'Type',
  format: 'Format',
  title: 'Title',
  maximum: 'Maximum',
  exclusiveMaximum: 'ExclusiveMaximum',
  minimum: 'Minimum',
  exclusiveMinimum: 'ExclusiveMinimum',
  maxLength: 'MaxLength',
  minLength: 'MinLength',
  pattern: 'Pattern',
  maxItems: 'MaxItems',
  minItems: 'MinItems',
  uniqueItems: 'UniqueItems',
  multipleOf: 'MultipleOf',
  required: 'Required',
  items: 'Items',
  properties: 'Properties',
  externalDocs: 'ExternalDocs',
  example: 'Example',
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
}

function rootErrors(json: JsonSchema, at: Path): FieldError[] {
  const { type = '' } = json
  if (type !== '' && type !== 'object') {
    const text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
    return [at.child('type').invalid(type, text)]
  }
  const other = Object.entries(json).some(
    ([word, value]) => value !== undefined && word !== 'nullable' && !Object.hasOwn(allowedAtRoot, word),
  )
  if (!other) return []
  const list = `[${Object.values(allowedAtRoot).join(' ')}]`
  return [at.invalid(json, `only ${list} fields are allowed at the root of the schema if the status subresource is enabled`)]
}

/** What a place in the schema inherits from those around it. */
interface Context {
  /** Why no default may stand here. */
  readonly noDefaults?: string
  readonly isInMeta: boolean
  /** Nearest place around whose items of before and after cannot be told to be the same. */
  readonly uncorrelatable?: Path
  /** How often the value may occur in an object; undefined: no limit. */
  readonly cardinality?: number | undefined
  /** Inside of a junctor rules are not looked at. */
  readonly isNested?: boolean
}

interface Place {
  readonly at: Path
  readonly isRoot?: boolean
  readonly context: Context
}

class Walk {
  readonly schemaErrors: FieldError[] = []
  readonly ruleErrors: FieldError[] = []
  readonly #leniency: SchemaLeniency
  readonly #costs: RuleCosts | undefined

  constructor(leniency: SchemaLeniency, costs: RuleCosts | undefined) {
    this.#leniency = leniency
    this.#costs = costs
  }

  visit(schema: JsonSchema, { at, isRoot = false, context }: Place): void {
    const before = this.schemaErrors.length
    this.schemaErrors.push(...wordErrors(schema, at, { context, leniency: this.#leniency }))
    this.#children(schema, { at, isRoot, context })
    this.schemaErrors.push(...listTypeErrors(schema, at, this.#leniency))
    const rules = schema['x-kubernetes-validations'] ?? []
    if (rules.length === 0) return
    this.schemaErrors.push(
      ...rules.flatMap((rule, i) => ruleShapeErrors(rule, schema, at.child('x-kubernetes-validations').index(i))),
    )
    if (this.schemaErrors.length > before || !this.#costs || context.isNested) return
    const isResource = isRoot || schema['x-kubernetes-embedded-resource'] === true
    const isUnchanged = this.#leniency.unchangedVersions.has(this.#leniency.version)
    this.ruleErrors.push(...ruleErrors(schema, at, { isResource, context, costs: this.#costs, isUnchanged }))
  }

  #children(schema: JsonSchema, { at, isRoot, context }: Place & { isRoot: boolean }): void {
    const inner = { ...context, cardinality: times(context.cardinality, elementsOf(schema)) }
    const values = valuesOf(schema)
    if (values) {
      const reason = 'inside additionalProperties applying to object metadata'
      this.visit(values, {
        at: at.child('additionalProperties'),
        context: context.isInMeta ? { ...inner, noDefaults: reason } : inner,
      })
    }
    for (const [name, part] of Object.entries(schema.properties ?? {})) {
      const isMeta = (isRoot || schema['x-kubernetes-embedded-resource']) && ['metadata', 'kind', 'apiVersion'].includes(name)
      const below = {
        ...inner,
        ...(isMeta && { isInMeta: true }),
        ...(isMeta && isRoot && { noDefaults: `in top-level ${name}` }),
      }
      this.visit(part, { at: at.child('properties').key(name), context: below })
    }
    this.#junctors(schema, at, context)
    const items = itemsOf(schema)
    if (!items) return
    const isMap = schema['x-kubernetes-list-type'] === 'map'
    const blocked = context.uncorrelatable ?? at
    this.visit(items, { at: at.child('items'), context: isMap ? inner : { ...inner, uncorrelatable: blocked } })
  }

  #junctors({ not, allOf = [], oneOf = [], anyOf = [] }: JsonSchema, at: Path, context: Context): void {
    const nested = { ...context, isNested: true }
    if (not) this.visit(not, { at: at.child('not'), context: nested })
    for (const [name, parts] of Object.entries({ allOf, oneOf, anyOf })) {
      for (const [i, part] of parts.entries()) this.visit(part, { at: at.child(name).index(i), context: nested })
    }
  }
}

/** By how much a schema multiplies its children; undefined: without limit. */
function elementsOf({ type, additionalProperties, maxProperties, maxItems }: JsonSchema): number | undefined {
  if (type === 'object' && additionalProperties !== undefined)
    return maxProperties === undefined ? undefined : Math.max(0, maxProperties)
  if (type === 'array') return maxItems === undefined ? undefined : Math.max(0, maxItems)
  return 1
}

function times(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * b
}

function wordErrors(schema: JsonSchema, at: Path, { context, leniency }: { context: Context; leniency: Leniency }): FieldError[] {
  const { type = '', items, additionalProperties, properties = {} } = schema
  const errors: FieldError[] = []
  const forbid = (word: keyof JsonSchema, text: string) => errors.push(at.child(word).forbidden(text))
  if (!leniency.allowsOddTypes && type !== '' && !openApiTypes.includes(type)) {
    errors.push(at.child('type').notSupported(type, openApiTypes))
  }
  if (schema.default !== undefined && context.noDefaults) forbid('default', `must not be set ${context.noDefaults}`)
  for (const word of ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const) {
    if (schema[word] !== undefined) forbid(word, `${word} is not supported`)
  }
  if (type === 'null') forbid('type', 'type cannot be set to null, use nullable as an alternative')
  if (Array.isArray(items)) forbid('items', 'items must be a schema object and not an array')
  if (context.isInMeta && schema['x-kubernetes-embedded-resource']) {
    forbid('x-kubernetes-embedded-resource', 'must not be used inside of resource meta')
  }
  if (schema.uniqueItems)
    forbid('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic')
  if (Object.keys(properties).length > 0 && additionalProperties !== undefined && additionalProperties !== true) {
    forbid('additionalProperties', 'additionalProperties and properties are mutual exclusive')
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(at.child('x-kubernetes-preserve-unknown-fields').invalid(false, 'must be true or undefined'))
  }
  return errors
}

type Rule = NonNullable<JsonSchema['x-kubernetes-validations']>[number]
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']

function ruleShapeErrors(rule: Rule, schema: JsonSchema, at: Path): FieldError[] {
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule
  const errors: FieldError[] = []
  const newlines = /[\n\r]/
  if (rule.rule.trim() === '') errors.push(at.child('rule').required('rule is not specified'))
  else if (message !== '' && message.trim() === '')
    errors.push(at.child('message').invalid(message, 'must be non-empty if specified'))
  else if (newlines.test(message.trim())) errors.push(at.child('message').invalid(message, 'must not contain line breaks'))
  else if (newlines.test(rule.rule.trim()) && message === '') {
    errors.push(at.child('message').required('message must be specified if rule contains line breaks'))
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(at.child('messageExpression').required('messageExpression must be non-empty if specified'))
  }
  if (reason !== undefined && !reasons.includes(reason)) errors.push(at.child('reason').notSupported(reason, reasons))
  const path = at.child('fieldPath')
  if (fieldPath !== '' && fieldPath.trim() === '') errors.push(path.invalid(fieldPath, 'must be non-empty if specified'))
  if (newlines.test(fieldPath)) errors.push(path.invalid(fieldPath, 'must not contain line breaks'))
  if (fieldPath !== '' && !checkedPath(fieldPath, schema)) errors.push(path.invalid(fieldPath, 'must be a valid path'))
  return errors
}
