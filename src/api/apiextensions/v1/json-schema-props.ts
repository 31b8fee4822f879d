/** JSONSchemaProps: the JSON schema of a custom resource, in our words. It contains itself, and has unions that protobuf writes as messages. */
import type { JsonSchema } from '#schema/json-schema.ts'
import {
  always,
  boolean,
  double,
  int64,
  known,
  list,
  map,
  type Node,
  type ObjectNode,
  object,
  optional,
  pointer,
  raw,
  type Schema,
  string,
} from '#schema/words.ts'

const group = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

const externalDocumentation = object(`${group}.ExternalDocumentation`, {
  description: optional(1, string()),
  url: optional(2, string()),
})

const validationRule = object(`${group}.ValidationRule`, {
  rule: always(1, string(), { doc: 'CEL expression that must be true; `self` is the value, `oldSelf` what stood there before.' }),
  message: optional(2, string(), { doc: 'What a client is told when the rule fails.' }),
  messageExpression: optional(3, string(), { doc: 'CEL expression that gives the message.' }),
  reason: pointer(4, known('FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'), {
    doc: 'Kind of error that a failure is.',
  }),
  fieldPath: optional(5, string(), { doc: 'Path of the field at fault, relative to the value.' }),
  optionalOldSelf: pointer(6, boolean(), {
    doc: 'The rule is also checked where nothing stood before; `oldSelf` is optional then.',
  }),
})

/** Filled in below: its fields refer to it. */
const fields: ObjectNode['fields'] = {}
const whole: ObjectNode = { type: 'object', name: `${group}.JSONSchemaProps`, fields, doc: 'A JSON schema.' }

export const JSONSchemaProps = whole as unknown as Schema<JsonSchema>

const orBoolean = { ...whole, alternative: 'boolean' } as Node as Schema<JsonSchema | boolean>
const orList = { ...whole, alternative: 'list' } as Node as Schema<JsonSchema | JsonSchema[]>
const orStrings = { ...whole, alternative: 'strings' } as Node as Schema<JsonSchema | string[]>

Object.assign(fields, {
  id: optional(1, string()),
  $schema: optional(2, string()),
  $ref: pointer(3, string()),
  description: optional(4, string(), { doc: 'What the value is for.' }),
  type: optional(5, string(), { doc: 'string, number, integer, boolean, array or object.' }),
  format: optional(6, string(), { doc: 'Format of a string or number, such as date-time; unknown ones are ignored.' }),
  title: optional(7, string()),
  default: pointer(8, raw(), { doc: 'Stands in for a value that is missing.' }),
  maximum: pointer(9, double()),
  exclusiveMaximum: optional(10, boolean()),
  minimum: pointer(11, double()),
  exclusiveMinimum: optional(12, boolean()),
  maxLength: pointer(13, int64()),
  minLength: pointer(14, int64()),
  pattern: optional(15, string(), { doc: 'RE2 expression that a string must match somewhere.' }),
  maxItems: pointer(16, int64()),
  minItems: pointer(17, int64()),
  uniqueItems: optional(18, boolean()),
  multipleOf: pointer(19, double()),
  enum: optional(20, list(raw(), { listType: 'atomic' }), { doc: 'Every allowed value.' }),
  maxProperties: pointer(21, int64()),
  minProperties: pointer(22, int64()),
  required: optional(23, list(string(), { listType: 'atomic' }), { doc: 'Fields that must be there.' }),
  items: pointer(24, orList, { doc: 'Schema of every item of an array.' }),
  allOf: optional(25, list(JSONSchemaProps, { listType: 'atomic' })),
  oneOf: optional(26, list(JSONSchemaProps, { listType: 'atomic' })),
  anyOf: optional(27, list(JSONSchemaProps, { listType: 'atomic' })),
  not: pointer(28, JSONSchemaProps),
  properties: optional(29, map(JSONSchemaProps), { doc: 'Schemas of the fields of an object.' }),
  additionalProperties: pointer(30, orBoolean, { doc: 'Schema of every value of a map.' }),
  patternProperties: optional(31, map(JSONSchemaProps)),
  dependencies: optional(32, map(orStrings)),
  additionalItems: pointer(33, orBoolean),
  definitions: optional(34, map(JSONSchemaProps)),
  externalDocs: pointer(35, externalDocumentation),
  example: pointer(36, raw()),
  nullable: optional(37, boolean(), { doc: 'Null is a value.' }),
  'x-kubernetes-preserve-unknown-fields': pointer(38, boolean(), { doc: 'Fields that the schema does not name are kept.' }),
  'x-kubernetes-embedded-resource': optional(39, boolean(), {
    doc: 'The value is a whole object, with apiVersion, kind and metadata.',
  }),
  'x-kubernetes-int-or-string': optional(40, boolean(), { doc: 'The value is an integer or a string.' }),
  'x-kubernetes-list-map-keys': optional(41, list(string(), { listType: 'atomic' }), {
    doc: 'Fields that tell the items of a map-like list apart.',
  }),
  'x-kubernetes-list-type': pointer(42, string(), { doc: 'atomic, set or map.' }),
  'x-kubernetes-map-type': pointer(43, string(), { doc: 'granular or atomic.' }),
  'x-kubernetes-validations': optional(44, list(validationRule, { listType: 'map', mapKeys: ['rule'], mergeKey: 'rule' }), {
    doc: 'Rules in CEL.',
  }),
})
