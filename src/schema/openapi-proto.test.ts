import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { openApiSchemas } from '#apiserver/publish/openapi-schemas.ts'
import { openapiV2, openapiV3 } from './openapi.ts'
import { openapiV2Protobuf, openapiV3Protobuf } from './openapi-proto.ts'
import { Reader, wire } from './protobuf-wire.ts'

const options = { schemas: openApiSchemas, groupVersions: [{ group: '', version: 'v1' }], release: 'v1.36.0' }
const v2: any = openapiV2([ConfigMap], options)
const v3: any = openapiV3([ConfigMap], options)

/** The values of a field, along a path of field numbers. */
function at(bytes: Uint8Array, ...path: number[]): Buffer[] {
  let found: Buffer[] = [Buffer.from(bytes)]
  for (const wanted of path)
    found = found.flatMap((message) =>
      fieldsOf(message)
        .filter(([number]) => number === wanted)
        .map(([, value]) => value),
    )
  return found
}

function fieldsOf(message: Uint8Array): [number, Buffer][] {
  const reader = new Reader(message)
  const fields: [number, Buffer][] = []
  while (!reader.isAtEnd) {
    const { number, type } = reader.tag()
    if (type === wire.bytes) fields.push([number, reader.bytes()])
    else if (type === wire.varint) fields.push([number, Buffer.from([Number(reader.varint())])])
    else reader.double()
  }
  return fields
}

const texts = (values: Buffer[]) => values.map((value) => value.toString())
const entry = (values: Buffer[], name: string) => values.find((value) => at(value, 1)[0]?.toString() === name) as Buffer

test('openapiV2Protobuf() writes gnostic documents of version 2', () => {
  const bytes = openapiV2Protobuf(v2)
  assert.deepEqual(texts(at(bytes, 1)), ['2.0'])
  assert.deepEqual(texts(at(bytes, 2, 1)), ['Kubernetes'])
  assert.deepEqual(texts(at(bytes, 8, 2, 1)), Object.keys(v2.paths))
  assert.deepEqual(texts(at(bytes, 9, 1, 1)), Object.keys(v2.definitions))

  const schema = at(entry(at(bytes, 9, 1), 'io.k8s.api.core.v1.ConfigMap'), 2)[0] as Buffer
  assert.deepEqual(texts(at(schema, 22, 1)), ['object'])
  assert.deepEqual(texts(at(schema, 25, 1, 1)), Object.keys(v2.definitions['io.k8s.api.core.v1.ConfigMap'].properties))
  const stamp = at(schema, 31)[0] as Buffer
  assert.deepEqual(texts(at(stamp, 1)), ['x-kubernetes-group-version-kind'])
  assert.deepEqual(JSON.parse(at(stamp, 2, 2).toString()), [{ group: '', kind: 'ConfigMap', version: 'v1' }])
  const metadata = entry(at(schema, 25, 1), 'metadata')
  assert.deepEqual(texts(at(metadata, 2, 1)), ['#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'])
})

test('openapiV2Protobuf() tells parameters of the body, the query and the path apart', () => {
  const bytes = openapiV2Protobuf(v2)
  const item = at(entry(at(bytes, 8, 2), '/api/v1/namespaces/{namespace}/configmaps'), 2)[0] as Buffer
  assert.deepEqual(texts(at(item, 9, 1, 2, 4, 4)), ['namespace'], 'parameters of the path')
  assert.deepEqual(texts(at(item, 9, 1, 2, 3, 4)), ['pretty'], 'parameters of the query')
  const post = at(item, 4)[0] as Buffer
  assert.deepEqual(texts(at(post, 5)), ['createCoreV1NamespacedConfigMap'])
  assert.deepEqual(texts(at(post, 8, 1, 1, 2)), ['body'])
  assert.deepEqual(texts(at(post, 9, 1, 1)), ['200', '201', '202', '401'])
})

test('openapiV3Protobuf() writes gnostic documents of version 3', () => {
  const bytes = openapiV3Protobuf(v3)
  assert.deepEqual(texts(at(bytes, 1)), ['3.0.0'])
  assert.deepEqual(texts(at(bytes, 2, 6)), ['v1.36.0'])
  assert.deepEqual(texts(at(bytes, 4, 1, 1)), Object.keys(v3.paths))
  assert.deepEqual(texts(at(bytes, 5, 1, 1, 1)), Object.keys(v3.components.schemas))
  const schema = at(entry(at(bytes, 5, 1, 1), 'io.k8s.api.core.v1.ConfigMap'), 2, 1)[0] as Buffer
  assert.deepEqual(texts(at(schema, 25)), ['object'])
  const metadata = at(entry(at(schema, 31, 1), 'metadata'), 2, 1)[0] as Buffer
  assert.deepEqual(texts(at(metadata, 26, 2, 1)), ['#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'])
  assert.deepEqual(at(metadata, 33), [Buffer.alloc(0)], 'a default that is no scalar leaves its message empty')
})
