/** Golden: the protobuf numbers and types in our schemas against upstream's descriptors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { Status } from '#api/meta/v1/status.ts'
import { openApiSchemas } from '#apiserver/publish/openapi-schemas.ts'
import type { Field, Node, ObjectNode, ScalarType } from '#schema/words.ts'
import { type FieldDescriptor, type MessageDescriptor, upstreamDescriptors } from './descriptors.ts'

const { messages, missing } = upstreamDescriptors()

// FieldDescriptorProto.Type and Label.
const [double, int64, int32, bool, text, messageType, bytes] = [1, 3, 5, 8, 9, 11, 12]
const repeated = 3

const scalars: Partial<Record<ScalarType, number>> = { string: text, boolean: bool, int32, int64, double, bytes }
const metaV1 = '.k8s.io.apimachinery.pkg.apis.meta.v1'
const words: Partial<Record<ScalarType, readonly string[]>> = {
  quantity: ['.k8s.io.apimachinery.pkg.api.resource.Quantity'],
  time: [`${metaV1}.Time`],
  microTime: [`${metaV1}.MicroTime`],
  duration: [`${metaV1}.Duration`],
  intOrString: ['.k8s.io.apimachinery.pkg.util.intstr.IntOrString'],
  raw: [`${metaV1}.FieldsV1`, '.k8s.io.apimachinery.pkg.runtime.RawExtension'],
}

/** `io.k8s.api.core.v1.Pod` is `.k8s.io.api.core.v1.Pod` in protobuf. */
function messageName(name: string): string {
  return name.replace(/^io\.k8s\./, '.k8s.io.')
}

function structsOf(roots: readonly Node[]): ObjectNode[] {
  const found = new Map<string, ObjectNode>()
  const visit = (node: Node): void => {
    if (node.type === 'list') visit(node.items)
    else if (node.type === 'map') visit(node.values)
    else if (node.type === 'object' && !found.has(node.name)) {
      found.set(node.name, node)
      for (const { schema } of Object.values(node.fields)) visit(schema)
    }
  }
  roots.forEach(visit)
  return [...found.values()]
}

/** What differs; fields that are newer than the descriptors are taken as they are. */
function differences(path: string, fields: Readonly<Record<string, Field>>, message: MessageDescriptor): string[] {
  return (message.field ?? []).flatMap((theirs) => {
    const name = `${path}.${theirs.name}`
    const inner = Object.entries(fields).filter(([, { embeddedIn }]) => embeddedIn === theirs.number)
    if (inner.length > 0) {
      const plain = inner.map(([key, { embeddedIn: _, ...field }]) => [key, field])
      return differences(path, Object.fromEntries(plain), messages.get(theirs.typeName ?? '') as MessageDescriptor)
    }
    const ours = fields[theirs.name ?? ''] ?? fields[(theirs.name ?? '').toLowerCase()] // uID is uid in JSON
    if (!ours || ours.embeddedIn !== undefined) return [`${name}: missing here`]
    if (ours.number !== theirs.number) return [`${name}: number ${ours.number}, upstream ${theirs.number}`]
    return sameType(ours.schema, theirs) ? [] : [`${name}: ${ours.schema.type}, upstream ${theirs.typeName ?? theirs.type}`]
  })
}

function sameType(ours: Node, theirs: FieldDescriptor): boolean {
  const isRepeated = theirs.label === repeated
  if (ours.type === 'list') return isRepeated && sameItem(ours.items, theirs)
  if (ours.type !== 'map') return !isRepeated && sameItem(ours, theirs)
  const [key, value] = messages.get(theirs.typeName ?? '')?.field ?? []
  return isRepeated && key?.type === text && value !== undefined && sameItem(ours.values, value)
}

function sameItem(ours: Node, { type, typeName = '' }: FieldDescriptor): boolean {
  if (ours.type === 'object') return type === messageType && typeName === messageName(ours.name)
  if (ours.type === 'list') {
    const [items] = messages.get(typeName)?.field ?? []
    return items?.name === 'items' && items.number === 1 && sameType(ours, items)
  }
  if (ours.type === 'map') return false
  return type === scalars[ours.type] || (type === messageType && (words[ours.type] ?? []).includes(typeName))
}

const { bodyOf, deleteOptions, listOf, status, watchEvent } = openApiSchemas
const bodies = [
  bodyOf('autoscaling', 'v1', 'Scale'),
  bodyOf('policy', 'v1', 'Eviction'),
  bodyOf('authentication.k8s.io', 'v1', 'TokenRequest'),
]
const roots = [
  ...kinds.map(({ schema }) => schema),
  ...kinds.map(listOf),
  deleteOptions,
  status,
  watchEvent,
  ...bodies.filter((node) => node !== undefined),
]

for (const { name, fields } of structsOf(roots)) {
  const message = messages.get(messageName(name))
  const skip = missing || (!message && 'newer than the descriptors')
  test(`${name} has upstream's protobuf numbers and types`, { skip }, () => {
    assert.deepEqual(differences(name, fields, message as MessageDescriptor), [])
  })
}

test('no two fields of a struct share a protobuf number', () => {
  const doubles = structsOf([...roots, Status as unknown as Node]).flatMap(({ name, fields }) => {
    const numbers = Object.values(fields)
      .filter(({ number }) => number > 0)
      .map(({ number, embeddedIn }) => `${embeddedIn ?? ''}/${number}`)
    const embedded = new Set(
      Object.values(fields).flatMap(({ embeddedIn }) => (embeddedIn === undefined ? [] : [`/${embeddedIn}`])),
    )
    return new Set([...numbers, ...embedded]).size === numbers.length + embedded.size ? [] : [name]
  })
  assert.deepEqual(doubles, [])
})
