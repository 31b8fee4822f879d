/** Golden: our OpenAPI definitions against the models of the official client, which were made from upstream's. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { kinds } from '#api/kinds.ts'
import { openApiSchemas } from '#apiserver/publish/openapi-schemas.ts'
import { openapiV3 } from './openapi.ts'

/** Known differences, and why. */
const excused = new Map([
  ['io.k8s.api.core.v1.Event.metadata', 'every kind has the same metadata here; only events require theirs'],
  ['io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta.shardInfo', 'of an alpha feature, ShardedListAndWatch'],
])

const folder = modelFolder()

function modelFolder(): string | undefined {
  try {
    return `${dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node')))}/gen/models`
  } catch {
    return undefined
  }
}

interface Property {
  readonly isRequired: boolean
  readonly type: string
}

/** `io.k8s.api.core.v1.Event` is the model CoreV1Event, `io.k8s.api.core.v1.Pod` V1Pod. */
function modelOf(name: string): Map<string, Property> | undefined {
  const [group = '', version = '', kind = ''] = name.split('.').slice(-3)
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
  const files = [`${capital(group)}${capital(version)}${kind}`, `${capital(version)}${kind}`].map(
    (file) => `${folder}/${file}.d.ts`,
  )
  const file = files.find(existsSync)
  if (!file) return undefined
  const lines = readFileSync(file, 'utf8').matchAll(/^ {4}'_?([$\w]+)'(\??): (\{[^}]*\}|.*);$/gm)
  return new Map(
    [...lines].map(([, key = '', mark, type = '']) => [key, { isRequired: mark !== '?', type: type.replace(/\s+/g, ' ') }]),
  )
}

/** A schema as the client's generator names its type. */
function typeOf(schema: any): string {
  const { type, format, items, additionalProperties, allOf, $ref } = schema
  if (allOf) return typeOf(allOf[0])
  if ($ref) return ($ref as string).split('.').at(-1) as string
  if (type === 'array') return `Array<${typeOf(items)}>`
  if (additionalProperties) return `{ [key: string]: ${typeOf(additionalProperties)}; }`
  if (type === 'integer' || type === 'number') return 'number'
  return format === 'date-time' ? 'Date' : type
}

const scalars: Readonly<Record<string, string>> = {
  Time: 'Date',
  Quantity: 'string',
  RawExtension: 'any',
  FieldsV1: 'any',
  JSON: 'any',
  Duration: 'string',
  JSONSchemaPropsOrArray: 'any',
  JSONSchemaPropsOrBool: 'any',
  JSONSchemaPropsOrStringArray: 'any',
  CustomResourceSubresourceStatus: 'any',
}

/** Models have a version before their name, and no types for scalars. */
function sameType(ours: string, theirs: string): boolean {
  const plain = (text: string) =>
    text
      .replace(/\b(?:[A-Z][a-z]+)?V\d(?:alpha\d|beta\d)?(?=[A-Z])/g, '')
      .replace(/\w+/g, (word) => scalars[word] ?? word)
      .replaceAll('object', 'any')
  return plain(ours) === plain(theirs)
}

function differences(name: string, schema: any): string[] {
  const model = modelOf(name)
  if (!model) return []
  const named = Object.entries(schema.properties ?? {}).map(([key, value]) => [key.replace('$', '').replaceAll('-', '_'), value])
  const properties: Record<string, unknown> = Object.fromEntries(named)
  const keys = new Set([...model.keys(), ...Object.keys(properties)])
  return [...keys].flatMap((key) => {
    const theirs = model.get(key)
    const path = `${name}.${key}`
    if (excused.has(path)) return []
    if (!theirs) return [`${path}: unknown to upstream`]
    if (!(key in properties)) return [`${path}: missing here`]
    const isRequired = (schema.required ?? []).includes(key)
    const ours = typeOf(properties[key])
    return [
      ...(isRequired === theirs.isRequired
        ? []
        : [`${path}: upstream ${theirs.isRequired ? 'requires' : 'does not require'} it (isRequired)`]),
      ...(sameType(ours, theirs.type) ? [] : [`${path}: ${ours}, upstream ${theirs.type}`]),
    ]
  })
}

const groupVersions = [...new Map(kinds.map(({ apiVersion, group, version }) => [apiVersion, { group, version }])).values()]

for (const { group, version } of groupVersions) {
  const skip = folder === undefined && 'the client library is not installed'
  test(`openapiV3() of ${group || 'core'}/${version} has upstream's fields, types and requirements`, { skip }, () => {
    const members = kinds.filter((kind) => kind.group === group && kind.version === version)
    const document: any = openapiV3(members, { schemas: openApiSchemas, groupVersions, release: '' })
    const found = Object.entries(document.components.schemas).flatMap(([name, schema]) => differences(name, schema))
    assert.deepEqual(found, [])
  })
}
