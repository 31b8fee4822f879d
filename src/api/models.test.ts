import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as models from '@kubernetes/client-node'
import { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { Scale } from '#api/autoscaling/v1/scale.ts'
import { Eviction } from '#api/policy/v1/eviction.ts'
import type { Node, ObjectNode, ScalarType } from '#schema/words.ts'
import { kinds } from './kinds.ts'
import { previewKinds } from './preview-kinds.ts'

interface Attribute {
  readonly baseName: string
  readonly type: string
  readonly format: string
}

interface Model {
  readonly attributeTypeMap: readonly Attribute[]
}

/** The model of a struct: `V1Pod`, or with its group where two structs have the same name. */
function modelOf(name: string): { className: string; model: Model } | undefined {
  const parts = name.split('.')
  const [group = '', version = '', kind = ''] = parts.slice(-3)
  const capital = (word: string) => word[0]!.toUpperCase() + word.slice(1)
  for (const className of [`${capital(group)}${capital(version)}${kind}`, `${capital(version)}${kind}`]) {
    const model = (models as unknown as Record<string, Model | undefined>)[className]
    if (model?.attributeTypeMap) return { className, model }
  }
  return undefined
}

const scalars: Readonly<Record<ScalarType, readonly string[]>> = {
  string: ['string'],
  boolean: ['boolean'],
  int32: ['number'],
  int64: ['number'],
  double: ['number'],
  bytes: ['string'],
  quantity: ['string'],
  time: ['Date'],
  microTime: ['V1MicroTime'],
  duration: ['string'],
  intOrString: ['IntOrString'],
  raw: ['any'],
}

/** The generator shows a list of lists and a map of structs in its own way; both are named by their parts. */
function typesOf(schema: Node): readonly string[] {
  if (schema.type === 'object' && (schema.alternative || Object.keys(schema.fields).length === 0)) return ['any']
  if (schema.type === 'object') return [modelOf(schema.name)?.className ?? schema.name]
  if (schema.type === 'list') return typesOf(schema.items).map((type) => `Array<${type}>`)
  if (schema.type === 'map') return typesOf(schema.values).map((type) => `{ [key: string]: ${type}; }`)
  return scalars[schema.type]
}

/** Every struct that a kind consists of. */
function structsOf(schema: Node, found = new Map<string, ObjectNode>()): Map<string, ObjectNode> {
  if (schema.type === 'list') return structsOf(schema.items, found)
  if (schema.type === 'map') return structsOf(schema.values, found)
  if (schema.type !== 'object' || found.has(schema.name) || Object.keys(schema.fields).length === 0) return found
  found.set(schema.name, schema)
  for (const field of Object.values(schema.fields)) structsOf(field.schema, found)
  return found
}

const structs = new Map<string, ObjectNode>()
const addOns = new Set(['metrics.k8s.io'])
/** The library has no models of what an extension server would serve. */
const modelled = [...kinds, ...previewKinds].filter(({ group }) => !addOns.has(group))
for (const kind of [...modelled, TokenRequest, Scale, Eviction]) structsOf(kind.schema, structs)

for (const [name, schema] of structs) {
  test(`${name} has the fields of its model`, () => {
    const found = modelOf(name)
    assert(found, `no model for ${name}`)
    const theirs = Object.fromEntries(found.model.attributeTypeMap.map(({ baseName, type }) => [baseName, type]))
    const ours = Object.fromEntries(
      Object.entries(schema.fields).map(([field, { schema }]) => {
        const types = typesOf(schema)
        return [field, types.includes(theirs[field] ?? '') ? theirs[field] : types[0]]
      }),
    )
    assert.deepEqual(ours, theirs)
  })
}

test('protobuf numbers are unique within a struct', () => {
  for (const [name, schema] of structs) {
    const numbers = Object.values(schema.fields)
      .filter(({ embeddedIn, number }) => embeddedIn === undefined && number > 0)
      .map(({ number }) => number)
    assert.equal(new Set(numbers).size, numbers.length, name)
  }
})
