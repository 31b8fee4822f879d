/** JSON schemas as custom resource definitions carry them: `JSONSchemaProps` on the wire. Their own schema stands in `api/apiextensions`. */

export interface JsonSchema {
  readonly id?: string | undefined
  readonly $schema?: string | undefined
  readonly $ref?: string | undefined
  readonly description?: string | undefined
  /** '' and absent are the same. */
  readonly type?: string | undefined
  readonly format?: string | undefined
  readonly title?: string | undefined
  readonly default?: unknown
  readonly maximum?: number | undefined
  readonly exclusiveMaximum?: boolean | undefined
  readonly minimum?: number | undefined
  readonly exclusiveMinimum?: boolean | undefined
  readonly maxLength?: number | undefined
  readonly minLength?: number | undefined
  readonly pattern?: string | undefined
  readonly maxItems?: number | undefined
  readonly minItems?: number | undefined
  readonly uniqueItems?: boolean | undefined
  readonly multipleOf?: number | undefined
  readonly enum?: readonly unknown[] | undefined
  readonly maxProperties?: number | undefined
  readonly minProperties?: number | undefined
  readonly required?: readonly string[] | undefined
  readonly items?: JsonSchema | readonly JsonSchema[] | undefined
  readonly allOf?: readonly JsonSchema[] | undefined
  readonly oneOf?: readonly JsonSchema[] | undefined
  readonly anyOf?: readonly JsonSchema[] | undefined
  readonly not?: JsonSchema | undefined
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined
  readonly additionalProperties?: JsonSchema | boolean | undefined
  readonly patternProperties?: Readonly<Record<string, JsonSchema>> | undefined
  readonly dependencies?: Readonly<Record<string, JsonSchema | readonly string[]>> | undefined
  readonly additionalItems?: JsonSchema | boolean | undefined
  readonly definitions?: Readonly<Record<string, JsonSchema>> | undefined
  readonly externalDocs?: { readonly description?: string | undefined; readonly url?: string | undefined } | undefined
  readonly example?: unknown
  readonly nullable?: boolean | undefined
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean | undefined
  readonly 'x-kubernetes-embedded-resource'?: boolean | undefined
  readonly 'x-kubernetes-int-or-string'?: boolean | undefined
  readonly 'x-kubernetes-list-map-keys'?: readonly string[] | undefined
  readonly 'x-kubernetes-list-type'?: string | undefined
  readonly 'x-kubernetes-map-type'?: string | undefined
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[] | undefined
}

/** A CEL rule about the value that the schema describes. */
export interface ValidationRule {
  readonly rule: string
  readonly message?: string | undefined
  readonly messageExpression?: string | undefined
  readonly reason?: string | undefined
  readonly fieldPath?: string | undefined
  readonly optionalOldSelf?: boolean | undefined
}

/** The schema of a list's items; upstream refuses lists of schemas. */
export function itemsOf({ items }: JsonSchema): JsonSchema | undefined {
  return items && !Array.isArray(items) ? (items as JsonSchema) : undefined
}

/** The schema of a map's values; undefined where there is none or `true` stands in its place. */
export function valuesOf({ additionalProperties }: JsonSchema): JsonSchema | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

/** Whether `test` holds for the schema or for anything in it. */
export function someSchema(schema: JsonSchema | undefined, test: (schema: JsonSchema) => boolean): boolean {
  if (!schema) return false
  return test(schema) || partsOf(schema).some((part) => someSchema(part, test))
}

function partsOf(schema: JsonSchema): readonly JsonSchema[] {
  const { items, allOf = [], anyOf = [], oneOf = [], not, properties, additionalProperties, additionalItems } = schema
  const { patternProperties, definitions, dependencies } = schema
  const union = [items, additionalProperties, additionalItems, not, ...Object.values(dependencies ?? {})].flat()
  return [
    ...union.filter((part): part is JsonSchema => typeof part === 'object' && part !== null),
    ...allOf,
    ...anyOf,
    ...oneOf,
    ...[properties, patternProperties, definitions].flatMap((parts) => Object.values(parts ?? {})),
  ]
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
