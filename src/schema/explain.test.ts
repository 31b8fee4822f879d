import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { openApiSchemas } from '#apiserver/publish/openapi-schemas.ts'
import { explain } from './explain.ts'
import { defineKind } from './kind.ts'
import { openapiV3 } from './openapi.ts'
import { always, int32, known, list, map, object, optional, pointer, quantity, string } from './words.ts'

const Wheel = object(
  'io.example.v1.Wheel',
  {
    size: always(1, int32(), { doc: 'Inches.' }),
    spokes: optional(2, map(quantity()), {
      doc: 'How long they are, by their colours. They are told apart by these and nothing else at all.',
    }),
  },
  { doc: 'A wheel.' },
)

const Bicycle = defineKind({
  group: 'example.io',
  version: 'v1',
  kind: 'Bicycle',
  plural: 'bicycles',
  scope: 'Namespaced',
  schemaName: 'io.example.v1.Bicycle',
  doc: 'A vehicle with wheels.',
  fields: {
    colour: optional(2, known('', 'Red', 'Green', 'Blue', 'White'), { doc: 'Its colour.' }),
    front: pointer(3, Wheel, { doc: 'The wheel that steers.' }),
    wheels: optional(4, list(Wheel)),
    name: always(5, string(), { doc: 'What it is called.' }),
  },
})

const options = { schemas: openApiSchemas, groupVersions: [], release: '' }
const document = openapiV3([Bicycle], options)
const bicycle = { group: 'example.io', version: 'v1', resource: 'bicycles' }

test('explain() prints a kind as kubectl does', () => {
  const text = explain(document, { ...bicycle, path: [] })
  const want = `GROUP:      example.io
KIND:       Bicycle
VERSION:    v1

DESCRIPTION:
    A vehicle with wheels.
    
FIELDS:
  apiVersion	<string>
    APIVersion defines group and version of this object.

  colour	<string>
  enum: "", Blue, Green, Red, ....
    Its colour.

  front	<Wheel>
    The wheel that steers.

  kind	<string>
    Kind of this object.

  metadata	<ObjectMeta>
    Standard object's metadata: name, labels and what the server keeps about it.

  name	<string> -required-
    What it is called.

  wheels	<[]Wheel>
    <no description>


`
  assert.equal(text, want)
})

test('explain() follows a path through references, lists and maps', () => {
  const text = explain(document, { ...bicycle, path: ['wheels', 'spokes'] })
  const want = `GROUP:      example.io
KIND:       Bicycle
VERSION:    v1

FIELD: spokes <map[string]Quantity>


DESCRIPTION:
    How long they are, by their colours. They are told apart by these and
    nothing else at all.
    An exact number with a unit, such as 100m, 1.5 or 2Gi.
    

`
  assert.equal(text, want)
})

test('explain() lists all values of one field', () => {
  const text = explain(document, { ...bicycle, path: ['colour'] })
  assert.ok(
    text.includes(
      'FIELD: colour <string>\nENUM:\n    ""\n    Blue\n    Green\n    Red\n    White\n\nDESCRIPTION:\n    Its colour.\n',
    ),
  )
})

test('explain() prints all fields below, without descriptions', () => {
  const text = explain(document, { ...bicycle, path: ['front'], isRecursive: true })
  assert.ok(text.endsWith('FIELDS:\n  size\t<integer> -required-\n  spokes\t<map[string]Quantity>\n\n'))
})

test('explain() ends where a struct contains itself', () => {
  const schemas = {
    Node: { type: 'object', properties: { children: { type: 'array', items: { $ref: '#/components/schemas/Node' } } } },
  }
  const gvk = { group: 'g', kind: 'Node', version: 'v1' }
  const cyclic = {
    paths: { '/apis/g/v1/nodes': { get: { 'x-kubernetes-group-version-kind': gvk } } },
    components: { schemas: { Node: { ...schemas.Node, 'x-kubernetes-group-version-kind': [gvk] } } },
  }
  const text = explain(cyclic, { group: 'g', version: 'v1', resource: 'nodes', path: [], isRecursive: true })
  assert.ok(text.endsWith('FIELDS:\n  children\t<[]Node>\n    children\t<[]Node>\n\n'))
})

const failures: [string, Parameters<typeof explain>[1], string][] = [
  ['fields', { ...bicycle, path: ['wheels', 'nope'] }, 'field "nope" does not exist'],
  ['parts of scalars', { ...bicycle, path: ['name', 'first'] }, 'field "first" does not exist'],
  ['resources', { ...bicycle, resource: 'cars', path: [] }, 'GVR (example.io/v1, Resource=cars) not found in OpenAPI schema'],
]
for (const [what, request, message] of failures) {
  test(`explain() complains about ${what} that do not exist`, () => assert.throws(() => explain(document, request), { message }))
}

test('explain() has something to say about a real kind', () => {
  const apps = openapiV3([Deployment], options)
  const text = explain(apps, {
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    path: ['spec', 'template', 'spec', 'containers'],
  })
  assert.match(text, /^FIELD: containers <\[\]Container>$/m)
  assert.match(text, /^ {2}name\t<string> -required-$/m)
})
