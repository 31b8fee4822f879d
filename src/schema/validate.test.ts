import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from './decode.ts'
import { type FieldError, formatFieldError, root } from './field-error.ts'
import { defineKind, type KubeObject } from './kind.ts'
import { validateConditions, validateLabelSelector, validateObject, validateStatusUpdate, validateUpdate } from './validate.ts'
import { always, int32, list, map, object, oneOf, optional, pointer, required, string } from './words.ts'

const rule = object('test.v1.Rule', {
  name: required(1, string({ format: 'dnsLabel' })),
  mode: optional(2, oneOf('Slow', 'Fast')),
  count: pointer(3, int32({ min: 1, max: 5 })),
})
const Sample = defineKind({
  group: 'test',
  version: 'v1',
  kind: 'Sample',
  plural: 'samples',
  scope: 'Namespaced',
  schemaName: 'test.v1.Sample',
  status: true,
  immutable: ['spec.fixed'],
  validate: ({ spec }, at) => [spec.fixed === 'bad' && at.child('spec', 'fixed').invalid('bad', 'is bad')],
  validateUpdate: ({ spec }, old, at) => [
    spec.rules.length < old.spec.rules.length && at.child('spec', 'rules').forbidden('must not shrink'),
  ],
  validateStatusUpdate: ({ status }, _old, at) => [
    status.phase === 'Odd' && at.child('status', 'phase').invalid('Odd', 'is odd'),
  ],
  fields: {
    spec: always(
      2,
      object('test.v1.SampleSpec', {
        rules: always(1, list(rule, { maxItems: 2 })),
        byName: optional(2, map(rule)),
        fixed: optional(3, string({ maxLength: 4 })),
        needed: required(4, list(string())),
      }),
    ),
    status: always(3, object('test.v1.SampleStatus', { phase: optional(1, string({ enum: ['Fine'] })) })),
  },
})

function sample(over: { metadata?: object; spec?: object; status?: object } = {}): KubeObject {
  return decode(Sample.schema, {
    metadata: { name: 'a', namespace: 'default', uid: '1', ...over.metadata },
    spec: { needed: ['x'], ...over.spec },
    status: over.status,
  })
}

const texts = (errors: readonly FieldError[]) => errors.map(formatFieldError)
const dnsLabel = /^a lowercase RFC 1123 label must consist of/

test('validateObject() finds nothing wrong with a good object', () => {
  const spec = { rules: [{ name: 'a', mode: 'Fast', count: 5 }], byName: { x: { name: 'b' } } }
  assert.deepEqual(validateObject(Sample, sample({ spec })), [])
})

const contents: [string, object, string[]][] = [
  ['required', { needed: [], rules: [{}] }, ['spec.rules[0].name: Required value', 'spec.needed: Required value']],
  [
    'enum',
    { rules: [{ name: 'a', mode: 'x' }] },
    ['spec.rules[0].mode: Unsupported value: "x": supported values: "Fast", "Slow"'],
  ],
  ['min', { rules: [{ name: 'a', count: 0 }] }, ['spec.rules[0].count: Invalid value: 0: must be greater than or equal to 1']],
  [
    'max',
    { byName: { k: { name: 'a', count: 6 } } },
    ['spec.byName[k].count: Invalid value: 6: must be less than or equal to 5'],
  ],
  ['maxItems', { rules: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }, ['spec.rules: Too many: 3: must have at most 2 items']],
  ['maxLength', { fixed: 'toolong' }, ['spec.fixed: Too long: may not be more than 4 bytes']],
  ['its own rules', { fixed: 'bad' }, ['spec.fixed: Invalid value: "bad": is bad']],
]
for (const [what, spec, expected] of contents) {
  test(`validateObject() checks ${what}`, () => assert.deepEqual(texts(validateObject(Sample, sample({ spec }))), expected))
}

test('validateObject() checks formats', () => {
  const [error] = validateObject(Sample, sample({ spec: { rules: [{ name: 'A' }] } }))
  assert.equal(error?.field, 'spec.rules[0].name')
  assert.match(error?.body ?? '', /^Invalid value: "A": a lowercase RFC 1123 label/)
})

test('validateObject() leaves the status of a built-in kind to its own rules', () => {
  assert.deepEqual(validateObject(Sample, sample({ status: { phase: 'x' } })), [])
})

const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: '1' }
const both = 'Only one reference can have Controller set to true. Found "true" in references for Pod/p and Pod/p'
const metadata: [string, object, (string | RegExp)[]][] = [
  ['an absent name', { name: '' }, ['metadata.name: Required value: name or generateName is required']],
  ['an absent namespace', { namespace: '' }, ['metadata.namespace: Required value']],
  [
    'a bad generateName',
    { generateName: 'Ab-' },
    [/^metadata.generateName: Invalid value: "Ab-": a lowercase RFC 1123 subdomain/],
  ],
  ['a generateName that ends in a dash', { generateName: 'ab-' }, []],
  [
    'labels',
    { labels: { 'a b': 'c', d: '-' } },
    [/^metadata.labels: Invalid value: "a b": name part must/, /^metadata.labels: Invalid value: "-": a valid label/],
  ],
  ['annotations of any case', { annotations: { 'Example.com/A': 'x y' } }, []],
  [
    'the size of annotations',
    { annotations: { a: 'x'.repeat(262144) } },
    ['metadata.annotations: Too long: may not be more than 262144 bytes'],
  ],
  [
    'owners without a version',
    { ownerReferences: [{ ...owner, apiVersion: '' }] },
    ['metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty'],
  ],
  [
    'two controllers',
    {
      ownerReferences: [
        { ...owner, controller: true },
        { ...owner, controller: true },
      ],
    },
    [new RegExp(`^metadata.ownerReferences: Invalid value: \\[.*\\]: ${both}$`)],
  ],
  [
    'events as owners',
    { ownerReferences: [{ ...owner, kind: 'Event' }] },
    [/\/v1, Kind=Event is disallowed from being an owner$/],
  ],
  [
    'finalizers',
    { finalizers: ['orphan', 'foregroundDeletion'] },
    [
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
  ],
  [
    'managed fields',
    { managedFields: [{ operation: 'x', manager: 'a\u0007' }] },
    [
      'metadata.managedFields[0].operation: Invalid value: "x": must be `Apply` or `Update`',
      'metadata.managedFields[0].manager: Invalid value: "a\\u0007": invalid character U+0007 (at position 1)',
    ],
  ],
  ['negative generations', { generation: -1 }, ['metadata.generation: Invalid value: -1: must be greater than or equal to 0']],
]
for (const [what, change, expected] of metadata) {
  test(`validateObject() looks at metadata: ${what}`, () => {
    const found = texts(validateObject(Sample, sample({ metadata: change })))
    assert.equal(found.length, expected.length, found.join('\n'))
    for (const [i, text] of expected.entries()) {
      if (typeof text === 'string') assert.equal(found[i], text)
      else assert.match(found[i] ?? '', text)
    }
  })
}

test('validateObject() knows the name rules of kinds', () => {
  const kindWith = (nameFormat: 'any' | 'pathSegment' | 'dnsLabel') => ({ ...Sample, def: { ...Sample.def, nameFormat } })
  const named = (name: string) => sample({ metadata: { name } })
  assert.deepEqual(validateObject(kindWith('any'), named('A/B')), [])
  assert.deepEqual(texts(validateObject(kindWith('pathSegment'), named('a%'))), [
    `metadata.name: Invalid value: "a%": may not contain '%'`,
  ])
  const [error] = validateObject(kindWith('dnsLabel'), named('_'))
  assert.match(error?.body.replace('Invalid value: "_": ', '') ?? '', dnsLabel)
})

test('validateObject() refuses a namespace on kinds of the cluster', () => {
  const clusterWide = { ...Sample, namespaced: false }
  assert.deepEqual(texts(validateObject(clusterWide, sample())), ['metadata.namespace: Forbidden: not allowed on this type'])
})

const old = sample({ metadata: { generation: 2, finalizers: ['a.b/c'] }, spec: { rules: [{ name: 'a' }], fixed: 'x' } })
const updates: [string, { metadata?: object; spec?: object }, string[]][] = [
  ['an unchanged object', {}, []],
  ['another uid', { metadata: { uid: '2' } }, ['metadata.uid: Invalid value: "2": field is immutable']],
  ['a smaller generation', { metadata: { generation: 1 } }, ['metadata.generation: Invalid value: 1: must not be decremented']],
  ['an immutable path', { spec: { fixed: 'y' } }, ['spec.fixed: Invalid value: "y": field is immutable']],
  ['an immutable path removed', { spec: { fixed: '' } }, ['spec.fixed: Invalid value: null: field is immutable']],
  ['the rules of the kind', { spec: { rules: [] } }, ['spec.rules: Forbidden: must not shrink']],
]
for (const [what, { metadata, spec }, expected] of updates) {
  test(`validateUpdate() looks at ${what}`, () => {
    const next = sample({
      metadata: { generation: 2, finalizers: ['a.b/c'], ...metadata },
      spec: { rules: [{ name: 'a' }], fixed: 'x', ...spec },
    })
    assert.deepEqual(texts(validateUpdate(Sample, next, old)), expected)
  })
}

test('validateUpdate() lets no finalizer be added to an object that is going', () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z'
  const going = sample({ metadata: { deletionTimestamp, finalizers: ['a.b/c'] } })
  const more = sample({ metadata: { deletionTimestamp, finalizers: ['a.b/c', 'x.y/z'] } })
  const text = 'no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.y/z"}'
  assert.deepEqual(texts(validateUpdate(Sample, more, going)), [`metadata.finalizers: Forbidden: ${text}`])
  assert.deepEqual(validateUpdate(Sample, sample({ metadata: { deletionTimestamp } }), going), [])
})

test('validateStatusUpdate() asks the rules of the status alone', () => {
  const next = sample({ status: { phase: 'Odd' } })
  assert.deepEqual(texts(validateStatusUpdate(Sample, next, sample())), ['status.phase: Invalid value: "Odd": is odd'])
})

test('validateLabelSelector() words errors as upstream', () => {
  const rules = [
    { key: 'a', operator: 'In', values: [] },
    { key: 'a', operator: 'Exists', values: ['b'] },
    { key: 'a', operator: 'Near' },
  ]
  assert.deepEqual(texts(validateLabelSelector({ matchExpressions: rules }, root.child('selector'))), [
    "selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    "selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    'selector.matchExpressions[2].operator: Invalid value: "Near": not a valid selector operator',
  ])
})

test('validateConditions() words errors as upstream', () => {
  const condition = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Fine', message: '' }
  const bad = { ...condition, status: 'x', reason: '', lastTransitionTime: '' }
  assert.deepEqual(texts(validateConditions([condition, bad], root.child('conditions'))), [
    'conditions[1].type: Duplicate value: "Ready"',
    'conditions[1].status: Unsupported value: "x": supported values: "False", "True", "Unknown"',
    'conditions[1].lastTransitionTime: Required value',
    'conditions[1].reason: Required value',
  ])
})
