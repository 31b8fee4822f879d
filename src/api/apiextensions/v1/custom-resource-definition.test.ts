import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { formatFieldError } from '#schema/field-error.ts'
import type { JsonSchema } from '#schema/json-schema.ts'
import { decodeProtobuf, encodeProtobuf } from '#schema/protobuf.ts'
import { validateObject } from '#schema/validate.ts'
import { compareVersions } from './custom-kinds.ts'
import { CustomResourceDefinition } from './custom-resource-definition.ts'

const good: JsonSchema = { type: 'object', properties: { spec: { type: 'object', properties: { a: { type: 'string' } } } } }

function definition(over: object = {}, version: object = {}): CustomResourceDefinition {
  const object = decode(CustomResourceDefinition.schema, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'as.example.com' },
    spec: {
      ...{ group: 'example.com', scope: 'Namespaced', names: { plural: 'as', kind: 'A' } },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: good }, ...version }],
      ...over,
    },
  })
  applyDefaults(CustomResourceDefinition, object)
  return object
}

const errorsOf = (object: CustomResourceDefinition) => validateObject(CustomResourceDefinition, object).map(formatFieldError)
const specOf = (a: JsonSchema, more: JsonSchema = {}) => ({
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { a }, ...more } } } },
})
const at = 'spec.validation.openAPIV3Schema.properties[spec]'

const table: readonly [name: string, over: object, version: object, expected: readonly string[]][] = [
  ['a good definition', {}, {}, []],
  [
    'another name',
    { names: { plural: 'bs', kind: 'B' } },
    {},
    ['metadata.name: Invalid value: "as.example.com": must be spec.names.plural+"."+spec.group'],
  ],
  ['a scope', { scope: 'X' }, {}, ['spec.scope: Unsupported value: "X": supported values: "Cluster", "Namespaced"']],
  ['no schema', {}, { schema: undefined }, ['spec.versions[0].schema.openAPIV3Schema: Required value']],
  [
    'a field without type',
    {},
    specOf({}),
    [`${at}.properties[a].type: Required value: must not be empty for specified object fields`],
  ],
  [
    'a type in a junctor',
    {},
    specOf({ type: 'string', anyOf: [{ type: 'string' }] }),
    [`${at}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`],
  ],
  [
    'a default of another type',
    {},
    specOf({ type: 'integer', default: 'x' }),
    [`${at}.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"`],
  ],
  [
    'an unknown type',
    {},
    specOf({ type: 'text' }),
    [
      `${at}.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
  ],
  [
    'uniqueItems',
    {},
    specOf({ type: 'array', items: { type: 'string' }, uniqueItems: true }),
    [
      `${at}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
    ],
  ],
  [
    'a map without keys',
    {},
    specOf({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' }),
    [`${at}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`],
  ],
  [
    'a column type',
    {},
    { additionalPrinterColumns: [{ name: 'A', type: 'text', jsonPath: '.a' }] },
    ['spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string'],
  ],
  [
    'a scale path',
    {},
    { subresources: { scale: { specReplicasPath: '.a', statusReplicasPath: '.status.a' } } },
    ['spec.subresources.scale.specReplicasPath: Invalid value: ".a": should be a json path under .spec'],
  ],
  [
    'a selectable field',
    {},
    { selectableFields: [{ jsonPath: '.spec' }] },
    [
      'spec.selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
    ],
  ],
  [
    'a webhook without client',
    { conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } } },
    {},
    ['spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook'],
  ],
  [
    'a rule without text',
    {},
    specOf({ type: 'string' }, { 'x-kubernetes-validations': [{ rule: ' ' }] }),
    [`${at}.x-kubernetes-validations[0].rule: Required value: rule is not specified`],
  ],
  [
    'a rule of no boolean',
    {},
    specOf({ type: 'string' }, { 'x-kubernetes-validations': [{ rule: 'self.a' }] }),
    [`${at}.x-kubernetes-validations[0].rule: Invalid value: {"rule":"self.a"}: cel expression must evaluate to a bool`],
  ],
  [
    'a rule that costs too much',
    {},
    specOf(
      { type: 'array', items: { type: 'string' } },
      { 'x-kubernetes-validations': [{ rule: 'self.a.all(x, self.a.all(y, x == y))' }] },
    ),
    [
      `${at}.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`,
    ],
  ],
]

for (const [name, over, version, expected] of table) {
  test(`validate ${name}`, () => {
    const found = errorsOf(definition(over, version))
    for (const text of expected) assert.ok(found.includes(text), `${text}\nnot in\n${found.join('\n')}`)
    if (expected.length === 0) assert.deepEqual(found, [])
  })
}

test('unions of schemas survive protobuf', () => {
  const object = definition({}, specOf({ type: 'object', additionalProperties: true, default: { x: 1 }, enum: [1, 'a'] }))
  const spec = object.spec.versions[0] as any
  spec.schema.openAPIV3Schema.properties.m = {
    type: 'object',
    additionalProperties: { type: 'array', items: { type: 'string' } },
  }
  const again = decodeProtobuf(CustomResourceDefinition.schema, encodeProtobuf(CustomResourceDefinition.schema, object)) as object
  const { apiVersion, kind } = object
  assert.deepEqual(decode(CustomResourceDefinition.schema, { ...again, apiVersion, kind }), object)
})

test('compareVersions() puts stable before beta before alpha, and higher first', () => {
  const versions = ['foo10', 'v1alpha1', 'v10', 'v2', 'v11alpha2', 'v3beta1', 'v12alpha1', 'foo1', 'v10beta3', 'v1']
  assert.deepEqual(versions.sort(compareVersions), [
    'v10',
    'v2',
    'v1',
    'v10beta3',
    'v3beta1',
    'v12alpha1',
    'v11alpha2',
    'v1alpha1',
    'foo1',
    'foo10',
  ])
})
