import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import { DecodeError, decode, zeroOf } from './decode.ts'
import { parseJson } from './json.ts'
import * as words from './words.ts'

const container = (fields: object) => ({ spec: { containers: [{ name: 'main', image: 'a', ...fields }] } })

const schemaWith = (openAPIV3Schema: object) => ({ spec: { versions: [{ schema: { openAPIV3Schema } }] } })

/** Why, kind, input, Go's text. */
const errors: [string, { schema: words.Schema<any> }, unknown, string][] = [
  [
    'a string for a number',
    Deployment,
    { spec: { replicas: '1' } },
    'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  ],
  [
    'a fraction',
    Deployment,
    { spec: { replicas: 1.5 } },
    'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
  ],
  [
    '33 bits',
    Deployment,
    { spec: { replicas: 2 ** 31 } },
    'json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32',
  ],
  [
    'a number for a string, below a list',
    Pod,
    container({ env: [{ name: 'A', value: 1 }] }),
    'json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string',
  ],
  [
    'an item of a list',
    Pod,
    container({ args: ['a', true] }),
    'json: cannot unmarshal bool into Go struct field Container.spec.containers.args of type string',
  ],
  [
    'an object for a list',
    Pod,
    { spec: { containers: {} } },
    'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
  ],
  [
    'a value of a map',
    Pod,
    { metadata: { labels: { a: 1 } } },
    'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  ],
  [
    'a map',
    Pod,
    { metadata: { labels: 'a' } },
    'json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string',
  ],
  [
    'a schema that is neither true nor false',
    CustomResourceDefinition,
    schemaWith({ additionalProperties: 'x' }),
    'boolean or JSON schema expected',
  ],
  ['a struct', Pod, { spec: [] }, 'json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec'],
  ['the root', Pod, [], 'json: cannot unmarshal array into Go value of type v1.Pod'],
  [
    'a boolean',
    Pod,
    { spec: { hostNetwork: 'yes' } },
    'json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool',
  ],
  [
    'int-or-string',
    Pod,
    container({ livenessProbe: { httpGet: { port: true } } }),
    'json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.httpGet.port of type int32',
  ],
  [
    'a time',
    Pod,
    { metadata: { creationTimestamp: 'x' } },
    'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
  ],
  [
    'a time that is a number',
    Pod,
    { metadata: { creationTimestamp: 1 } },
    'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string',
  ],
  [
    'a quantity',
    Pod,
    container({ resources: { limits: { cpu: 'x' } } }),
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  ['bytes', ConfigMap, { binaryData: { a: '!' } }, 'illegal base64 data at input byte 0'],
]
for (const [why, { schema }, input, message] of errors) {
  test(`decode() refuses ${why} with Go's text`, () => {
    assert.throws(
      () => decode(schema, input),
      (error) => error instanceof DecodeError && error.message === message,
    )
  })
}

test('decode() prunes unknown fields and reports them as strict decoding does', () => {
  const report = { unknown: [] as string[] }
  const input = {
    foo: 1,
    metadata: { name: 'a', lables: {} },
    spec: { template: { spec: { foo: null, containers: [{ name: 'x' }, { name: 'y', bar: { deep: 1 } }] } } },
  }
  const decoded = decode(Deployment.schema, input, report)
  assert.deepEqual(report.unknown, [
    'unknown field "foo"',
    'unknown field "metadata.lables"',
    'unknown field "spec.template.spec.foo"',
    'unknown field "spec.template.spec.containers[1].bar"',
  ])
  assert.equal('foo' in decoded, false)
  assert.deepEqual(decoded.spec.template.spec.containers[1], { name: 'y', resources: {} })
})

test('decode() reports a hundred unknown fields at most', () => {
  const report = { unknown: [] as string[] }
  decode(Pod.schema, Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, i])), report)
  assert.equal(report.unknown.length, 100)
})

test('decode() refuses raw values that nest too deep', () => {
  const nested = (depth: number) => parseJson(`{"any":${'['.repeat(depth)}${']'.repeat(depth)}}`).value
  assert.doesNotThrow(() => decode(sample, nested(900)))
  assert.throws(() => decode(sample, nested(9_000)), { name: 'DecodeError', message: 'exceeded max depth' })
})

test('decode() knows names by their exact case', () => {
  const report = { unknown: [] as string[] }
  decode(Pod.schema, { Metadata: {}, spec: { hostnetwork: true } }, report)
  assert.deepEqual(report.unknown, ['unknown field "Metadata"', 'unknown field "spec.hostnetwork"'])
})

const sample = words.object('test.v1.Sample', {
  text: words.optional(1, words.string()),
  count: words.optional(2, words.int32()),
  flag: words.optional(3, words.boolean()),
  items: words.optional(4, words.list(words.string())),
  labels: words.optional(5, words.map(words.string())),
  time: words.optional(6, words.time()),
  inner: words.optional(
    7,
    words.object('test.v1.Inner', { a: words.always(1, words.string()), p: words.pointer(2, words.int32()) }),
  ),
  on: words.pointer(8, words.boolean()),
  size: words.always(9, words.quantity()),
  port: words.always(10, words.intOrString()),
  when: words.always(11, words.time()),
  list: words.always(12, words.list(words.string())),
  nested: words.always(13, words.object('test.v1.Nested', { name: words.always(1, words.string()) })),
  big: words.optional(14, words.int64()),
  any: words.optional(15, words.raw()),
  wait: words.optional(16, words.duration()),
})
const zero = { size: '0', port: 0, when: null, list: [], nested: { name: '' } }

test('decode() fills in what is always there and nothing else', () => {
  assert.deepEqual(decode(sample, {}), zero)
  assert.deepEqual(zeroOf(sample), zero)
  assert.notEqual(zeroOf(sample).list, zeroOf(sample).list, 'fresh every time')
})

test('decode() drops optional zeros and nulls, and keeps pointers to zeros', () => {
  const nothing = { text: '', count: 0, flag: false, items: [], labels: {}, time: null, inner: { a: '' }, big: 0, any: null }
  assert.deepEqual(decode(sample, nothing), zero)
  assert.deepEqual(decode(sample, { on: false, inner: { a: '', p: 0 } }), { inner: { a: '', p: 0 }, on: false, ...zero })
  assert.deepEqual(decode(sample, { on: null, text: null, size: null }), zero)
})

test('decode() gives null items their zero value, as Go', () => {
  assert.deepEqual(decode(sample, { items: [null, 'a'], labels: { a: null } }), { items: ['', 'a'], labels: { a: '' }, ...zero })
})

test('decode() writes scalars canonically', () => {
  const decoded = decode(sample, {
    big: 9007199254740993n,
    size: '1024Mi',
    when: '2026-01-01T01:00:00+01:00',
    wait: '90m',
    port: 'http',
    any: { b: [1, { c: undefined }] },
  })
  assert.equal(decoded.big, 9007199254740993n as unknown)
  assert.equal(decoded.size, '1Gi')
  assert.equal(decoded.when, '2026-01-01T00:00:00Z')
  assert.equal(decoded.wait, '1h30m0s')
  assert.deepEqual(decoded.any, { b: [1, {}] })
  assert.equal(decode(sample, { size: 2 }).size, '2')
  assert.equal(decode(sample, { big: 5n }).big, 5)
})

test('decode() sorts map keys and follows the order of the schema', () => {
  const decoded = decode(sample, { labels: { b: '1', a: '2' }, text: 'x' })
  assert.deepEqual(Object.keys(decoded), ['text', 'labels', 'size', 'port', 'when', 'list', 'nested'])
  assert.deepEqual(Object.keys(decoded.labels ?? {}), ['a', 'b'])
})

test('decode() never touches prototypes', () => {
  const { value } = parseJson('{"metadata":{"labels":{"__proto__":"x"}},"data":{"__proto__":"y"},"__proto__":{"a":1}}')
  const decoded = decode(ConfigMap.schema, value)
  assert.deepEqual(Object.entries(decoded.data ?? {}), [['__proto__', 'y']])
  assert.equal(Object.getPrototypeOf(decoded), Object.prototype)
  const tricky = words.object('', { constructor: words.optional(1, words.string()) })
  assert.deepEqual(decode(tricky, {}), {})
  assert.equal(decode(tricky, { constructor: 'x' }).constructor, 'x' as unknown)
})

test('decode() keeps unknown fields where the schema says so', () => {
  const open = words.object('', { a: words.optional(1, words.string()) }, { keepsUnknown: true })
  assert.deepEqual(decode(open, { b: { c: 1 }, a: 'x' }), { a: 'x', b: { c: 1 } })
})

test('decode() reads embedded structs inline', () => {
  const decoded = decode(Pod.schema, container({ readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 3 } }))
  assert.deepEqual(decoded.spec.containers[0]?.readinessProbe, { tcpSocket: { port: 80 }, periodSeconds: 3 })
})

test('decode() follows schemas that contain themselves', () => {
  const fields: Record<string, words.TypedField<any, boolean>> = { name: words.optional(1, words.string()) }
  const tree = words.object('test.v1.Tree', fields)
  fields.children = words.optional(2, words.list(tree as words.Schema<any>))
  assert.deepEqual(decode(tree, { children: [{ name: 'a', children: [{ x: 1 }] }] }), {
    children: [{ name: 'a', children: [{}] }],
  })
})

test('decode() canonicalises base64', () => {
  const data = (text: string) => decode(ConfigMap.schema, { binaryData: { a: text } }).binaryData?.a
  assert.equal(data('aGVsbG8='), 'aGVsbG8=')
  assert.equal(data('aGVs\nbG8='), 'aGVsbG8=')
  assert.equal(data('aGVsbG9='), 'aGVsbG8=')
  assert.throws(() => data('aGVsbG8'), { message: 'illegal base64 data at input byte 4' })
  assert.throws(() => data('aGV*bG8='), { message: 'illegal base64 data at input byte 3' })
})

for (const kind of kinds) {
  test(`decode() of a decoded ${kind.apiVersion} ${kind.kind} changes nothing`, () => {
    const once = decode(kind.schema, generate(kind.schema, 0))
    assert.deepEqual(decode(kind.schema, JSON.parse(JSON.stringify(once))), once)
    const empty = decode(kind.schema, {})
    assert.deepEqual(decode(kind.schema, empty), empty)
  })
}

/** A value that sets every field, three levels of lists and maps deep. */
function generate(node: words.Node, depth: number): unknown {
  switch (node.type) {
    case 'object':
      // A schema that contains itself many times over.
      if (depth > 6 && node.name.endsWith('.JSONSchemaProps')) return {}
      return Object.fromEntries(Object.entries(node.fields).map(([name, { schema }]) => [name, generate(schema, depth + 1)]))
    case 'list':
      return depth > 30 ? [] : [generate(node.items, depth + 1), generate(node.items, depth + 1)]
    case 'map':
      return { b: generate(node.values, depth + 1), a: generate(node.values, depth + 1) }
    case 'boolean':
      return depth % 2 === 0
    case 'int32':
    case 'int64':
    case 'double':
      return depth
    case 'bytes':
      return 'AAAA'
    case 'quantity':
      return '1500m'
    case 'time':
      return '2026-01-01T00:00:00.5+01:00'
    case 'microTime':
      return '2026-01-01T00:00:00.5Z'
    case 'duration':
      return '100s'
    case 'raw':
      return { any: [1, null, 'x'] }
    default:
      return 'text'
  }
}
