/**
 * OpenAPI documents as protobuf: the messages of google/gnostic, which kubectl reads version 2 in. The numbers are those of
 * `openapiv2/OpenAPIv2.proto` and `openapiv3/OpenAPIv3.proto`; only what our documents use is here.
 */
import type { JsonObject } from './openapi-schema.ts'
import { Writer, wire } from './protobuf-wire.ts'

export function openapiV2Protobuf(document: JsonObject): Uint8Array {
  return encode(v2Document, document)
}

export function openapiV3Protobuf(document: JsonObject): Uint8Array {
  return encode(v3Document, document)
}

/** How one value stands behind its tag. */
interface Codec {
  readonly type: number
  write(writer: Writer, value: any): void
}

/** Fields by JSON name: number, codec, and whether the field repeats. */
type Fields = Readonly<Record<string, readonly [number, Codec] | readonly [number, Codec, 'each']>>

function encode(codec: Codec, document: JsonObject): Uint8Array {
  const writer = new Writer()
  writer.tag(1, wire.bytes)
  codec.write(writer, document)
  return contentOf(writer.finish())
}

/** Without the tag and the length that stand before the outermost message. */
function contentOf(bytes: Uint8Array): Uint8Array {
  let at = 1
  while ((bytes[at++] as number) > 127);
  return bytes.slice(at)
}

const text: Codec = { type: wire.bytes, write: (writer, value) => writer.string(value) }
const flag: Codec = { type: wire.varint, write: (writer, value) => writer.varint(value ? 1 : 0) }
const double: Codec = { type: wire.fixed64, write: (writer, value) => writer.double(value) }
/** `Any`: YAML text, which JSON is too. */
const any = nested((writer, value) => put(writer, 2, { codec: text, value: `${JSON.stringify(value)}\n` }))

function nested(write: Codec['write']): Codec {
  return { type: wire.bytes, write: (writer, value) => writer.nested(() => write(writer, value)) }
}

function put(writer: Writer, number: number, { codec, value }: { codec: Codec; value: unknown }): void {
  writer.tag(number, codec.type)
  codec.write(writer, value)
}

/** A message of known fields; those that begin with `x-` go into the field `extensions`. A function, since messages contain each other. */
function message(extensions: number, fields: () => Fields): Codec {
  let known: Fields | undefined
  return nested((writer, value: JsonObject) => {
    known ??= fields()
    for (const [name, inner] of Object.entries(value)) {
      if (name.startsWith('x-')) put(writer, extensions, { codec: named(any), value: [name, inner] })
      const field = known[name]
      if (!field || inner === undefined) continue
      const [number, codec, each] = field
      for (const item of each ? (inner as unknown[]) : [inner]) put(writer, number, { codec, value: item })
    }
  })
}

/** One entry of a map, as [name, value]. */
function named(codec: Codec): Codec {
  return nested((writer, [name, value]: [string, unknown]) => {
    put(writer, 1, { codec: text, value: name })
    put(writer, 2, { codec, value })
  })
}

/** A message that holds nothing but a map, in field `number`. */
function mapOf(codec: () => Codec, number = 1): Codec {
  let entry: Codec | undefined
  return nested((writer, value: JsonObject) => {
    entry ??= named(codec())
    for (const pair of Object.entries(value)) put(writer, number, { codec: entry, value: pair })
  })
}

/** A message around one of several others. */
function oneOf(choose: (value: any) => readonly [number, Codec]): Codec {
  return nested((writer, value) => {
    const [number, codec] = choose(value)
    put(writer, number, { codec, value })
  })
}

const listIn = (codec: () => Codec): Codec =>
  nested((writer, value) => {
    for (const item of Array.isArray(value) ? value : [value]) put(writer, 1, { codec: codec(), value: item })
  })

const isRef = (value: JsonObject) => '$ref' in value

const info = (version: number): Codec => message(7, () => ({ title: [1, text], version: [version, text] }))
const securityRequirement = mapOf(() => listIn(() => text))

// Version 2.

const v2Schema: Codec = message(31, () => ({
  $ref: [1, text],
  format: [2, text],
  description: [4, text],
  default: [5, any],
  required: [19, text, 'each'],
  enum: [20, any, 'each'],
  additionalProperties: [21, oneOf((value) => (typeof value === 'boolean' ? [2, flag] : [1, v2Schema]))],
  type: [22, listIn(() => text)],
  items: [23, listIn(() => v2Schema)],
  allOf: [24, v2Schema, 'each'],
  properties: [25, mapOf(() => v2Schema)],
}))

const v2BodyParameter = message(6, () => ({
  description: [1, text],
  name: [2, text],
  in: [3, text],
  required: [4, flag],
  schema: [5, v2Schema],
}))

/** Of a query and of a path; all but three of the numbers are the same. */
const v2PlainParameter = (type: number, uniqueItems: number, extensions: number) =>
  message(extensions, () => ({
    required: [1, flag],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [type, text],
    uniqueItems: [uniqueItems, flag],
  }))
const v2QueryParameter = v2PlainParameter(6, 20, 23)
const v2PathParameter = v2PlainParameter(5, 19, 22)

const v2NonBodyParameter = oneOf((value) => (value.in === 'query' ? [3, v2QueryParameter] : [4, v2PathParameter]))
const v2Parameter = oneOf((value) => (value.in === 'body' ? [1, v2BodyParameter] : [2, v2NonBodyParameter]))
const v2ParametersItem = oneOf(() => [1, v2Parameter])

const v2SchemaItem = oneOf(() => [1, v2Schema])
const v2Response = message(5, () => ({ description: [1, text], schema: [2, v2SchemaItem] }))
const v2Responses = mapOf(() => oneOf(() => [1, v2Response]))

const v2Operation = message(13, () => ({
  tags: [1, text, 'each'],
  description: [3, text],
  operationId: [5, text],
  produces: [6, text, 'each'],
  consumes: [7, text, 'each'],
  parameters: [8, v2ParametersItem, 'each'],
  responses: [9, v2Responses],
  schemes: [10, text, 'each'],
}))

const v2PathItem = message(10, () => ({
  get: [2, v2Operation],
  put: [3, v2Operation],
  post: [4, v2Operation],
  delete: [5, v2Operation],
  options: [6, v2Operation],
  head: [7, v2Operation],
  patch: [8, v2Operation],
  parameters: [9, v2ParametersItem, 'each'],
}))

const apiKey = message(5, () => ({ type: [1, text], name: [2, text], in: [3, text], description: [4, text] }))

const v2Document = message(16, () => ({
  swagger: [1, text],
  info: [2, info(2)],
  paths: [8, mapOf(() => v2PathItem, 2)],
  definitions: [9, mapOf(() => v2Schema)],
  security: [12, securityRequirement, 'each'],
  securityDefinitions: [13, mapOf(() => oneOf(() => [2, apiKey]))],
}))

// Version 3.

const reference = message(0, () => ({ $ref: [1, text] }))
const orReference = (codec: () => Codec): Codec => oneOf((value) => (isRef(value) ? [2, reference] : [1, codec()]))

/** Numbers, booleans and text; other defaults have no place in the message, and leave it empty. */
const v3Default = nested((writer, value) => {
  if (typeof value === 'number') put(writer, 1, { codec: double, value })
  else if (typeof value === 'boolean') put(writer, 2, { codec: flag, value })
  else if (typeof value === 'string') put(writer, 3, { codec: text, value })
})

const v3SchemaOrReference: Codec = orReference(() => v3Schema)
const v3Schema: Codec = message(36, () => ({
  nullable: [1, flag],
  uniqueItems: [20, flag],
  required: [23, text, 'each'],
  enum: [24, any, 'each'],
  type: [25, text],
  allOf: [26, v3SchemaOrReference, 'each'],
  oneOf: [27, v3SchemaOrReference, 'each'],
  anyOf: [28, v3SchemaOrReference, 'each'],
  items: [30, listIn(() => v3SchemaOrReference)],
  properties: [31, mapOf(() => v3SchemaOrReference)],
  additionalProperties: [32, oneOf((value) => (typeof value === 'boolean' ? [2, flag] : [1, v3SchemaOrReference]))],
  default: [33, v3Default],
  description: [34, text],
  format: [35, text],
}))

const v3Content = mapOf(() => message(5, () => ({ schema: [1, v3SchemaOrReference] })))

const v3Parameter = message(14, () => ({
  name: [1, text],
  in: [2, text],
  description: [3, text],
  required: [4, flag],
  schema: [10, v3SchemaOrReference],
}))
const v3ParameterOrReference = orReference(() => v3Parameter)

const v3RequestBody = message(4, () => ({ content: [2, v3Content], required: [3, flag] }))
const v3Response = message(5, () => ({ description: [1, text], content: [3, v3Content] }))

const v3Operation = message(13, () => ({
  tags: [1, text, 'each'],
  description: [3, text],
  operationId: [5, text],
  parameters: [6, v3ParameterOrReference, 'each'],
  requestBody: [7, orReference(() => v3RequestBody)],
  responses: [8, mapOf(() => orReference(() => v3Response), 2)],
}))

const v3PathItem = message(14, () => ({
  get: [4, v3Operation],
  put: [5, v3Operation],
  post: [6, v3Operation],
  delete: [7, v3Operation],
  options: [8, v3Operation],
  head: [9, v3Operation],
  patch: [10, v3Operation],
  parameters: [13, v3ParameterOrReference, 'each'],
}))

const v3SecurityScheme = message(9, () => ({ type: [1, text], description: [2, text], name: [3, text], in: [4, text] }))

const v3Components = message(10, () => ({
  schemas: [1, mapOf(() => v3SchemaOrReference)],
  securitySchemes: [7, mapOf(() => orReference(() => v3SecurityScheme))],
}))

const v3Document = message(9, () => ({
  openapi: [1, text],
  info: [2, info(6)],
  paths: [4, mapOf(() => v3PathItem)],
  components: [5, v3Components],
}))
