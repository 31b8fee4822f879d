import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { decode } from './decode.ts'
import { applyDefaults, applySchemaDefaults } from './default.ts'
import type { KubeObject } from './kind.ts'
import * as words from './words.ts'

const port = words.object('test.v1.Port', {
  protocol: words.optional(1, words.string(), { default: 'TCP' }),
  weight: words.pointer(2, words.int32(), { default: 100 }),
})
const sample = words.object('test.v1.Sample', {
  policy: words.optional(1, words.string(), { default: 'Always' }),
  grace: words.pointer(2, words.int64(), { default: 30 }),
  security: words.pointer(3, words.object('test.v1.Security', { user: words.pointer(1, words.int32(), { default: 7 }) }), {
    default: () => ({}),
  }),
  ports: words.optional(4, words.list(port)),
  byName: words.optional(5, words.map(port)),
  plain: words.optional(6, words.object('test.v1.Plain', { a: words.optional(1, words.string()) })),
})

function defaulted(input: unknown): unknown {
  const object = decode(sample as words.Schema<any>, input)
  applySchemaDefaults(sample, object)
  return object
}

const base = { policy: 'Always', grace: 30, security: { user: 7 } }
const cases: [string, unknown, unknown][] = [
  ['fills in what is absent, and what is inside a default', {}, base],
  ['leaves what was set', { policy: 'Never', security: { user: 1 } }, { policy: 'Never', security: { user: 1 }, grace: 30 }],
  ['takes zero for absent, unless it is behind a pointer', { policy: '', grace: 0 }, { ...base, grace: 0 }],
  [
    'reaches into lists and maps',
    { ports: [{}, { protocol: 'UDP', weight: 0 }], byName: { a: {} } },
    {
      ...base,
      ports: [
        { protocol: 'TCP', weight: 100 },
        { protocol: 'UDP', weight: 0 },
      ],
      byName: { a: { protocol: 'TCP', weight: 100 } },
    },
  ],
]
for (const [it, input, expected] of cases) {
  test(`applySchemaDefaults() ${it}`, () => assert.deepEqual(defaulted(input), expected))
}

test('applySchemaDefaults() gives each object a default of its own', () => {
  const [a, b] = [defaulted({}), defaulted({})] as { security: object }[]
  assert.notEqual(a?.security, b?.security)
})

for (const kind of kinds.filter(({ def }) => !def.virtual)) {
  test(`applyDefaults() of a ${kind.kind} twice is the same as once`, () => {
    const object = decode(kind.schema, { metadata: { name: 'a' } }) as KubeObject
    applyDefaults(kind, object)
    const once = structuredClone(object)
    applyDefaults(kind, object)
    assert.deepEqual(object, once)
    assert.deepEqual(decode(kind.schema, object), object, 'defaults are decoded values')
  })
}
