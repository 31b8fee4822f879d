import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { mergeTyped, reconcile, removeItems } from './apply.ts'
import { empty, fieldSet, isEmpty, pathsOf, pathText, serializeFieldSet } from './field-set.ts'
import { applyTyped } from './managed-apply.ts'
import { decodeManaged, encodeManaged, type Managers } from './managed-fields.ts'
import { ApplyConflict, managersAfterUpdate } from './managed-update.ts'
import { shapeOf, TypedError } from './typed.ts'
import { compareTyped } from './typed-compare.ts'
import { fieldSetOf, validateTyped } from './typed-walk.ts'
import { always, int32, list, map, object, optional, pointer, raw, string } from './words.ts'

const port = object('Port', {
  port: always(1, int32()),
  protocol: optional(2, string(), { default: 'TCP' }),
  name: optional(3, string()),
})
const inner = object('Inner', { a: optional(1, string()), b: optional(2, string()) })
const schema = object('Thing', {
  apiVersion: optional(0, string()),
  kind: optional(0, string()),
  size: optional(1, int32()),
  text: optional(2, string()),
  labels: optional(3, map(string())),
  set: optional(4, list(string(), { listType: 'set' })),
  ports: optional(5, list(port, { listType: 'map', mapKeys: ['port', 'protocol'] })),
  atoms: optional(6, list(string())),
  struct: optional(7, inner),
  whole: pointer(8, { ...inner, atomic: true } as typeof inner),
  free: optional(9, raw()),
})
const shape = shapeOf(schema)
const versions = { shape, reset: empty, convert: () => undefined }
const base = { apiVersion: 'v1', kind: 'Thing' }

const paths = (set: Parameters<typeof pathsOf>[0]) => pathsOf(set).map(pathText)

/** What structured-merge-diff's documentation and Kubernetes' say of merging. */
const merges: [string, object, object, object][] = [
  ['scalars by the applied one', { size: 1, text: 'x' }, { size: 2 }, { size: 2, text: 'x' }],
  ['maps by key', { labels: { a: '1' } }, { labels: { b: '2' } }, { labels: { a: '1', b: '2' } }],
  ['atomic lists whole', { atoms: ['a', 'b'] }, { atoms: ['c'] }, { atoms: ['c'] }],
  ['atomic structs whole', { whole: { a: '1', b: '1' } }, { whole: { a: '2' } }, { whole: { a: '2' } }],
  ['structs by field', { struct: { a: '1' } }, { struct: { b: '2' } }, { struct: { a: '1', b: '2' } }],
  ['sets by value', { set: ['a', 'b'] }, { set: ['c'] }, { set: ['a', 'b', 'c'] }],
  ['sets in the applied order', { set: ['a', 'b', 'c'] }, { set: ['c', 'a'] }, { set: ['b', 'c', 'a'] }],
  [
    'map lists by key, with a default in it',
    { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] },
    { ports: [{ port: 80, name: 'y' }, { port: 81 }] },
    { ports: [{ port: 80, protocol: 'TCP', name: 'y' }, { port: 81 }] },
  ],
  [
    'what has no schema by key, its lists whole',
    { free: { a: { b: 1 }, l: [1] } },
    { free: { a: { c: 2 }, l: [2] } },
    { free: { a: { b: 1, c: 2 }, l: [2] } },
  ],
  ['empty over full not at all', { labels: { a: '1' }, set: ['a'] }, { labels: {}, set: [] }, { labels: { a: '1' }, set: ['a'] }],
]
for (const [what, live, applied, want] of merges) {
  test(`mergeTyped() merges ${what}`, () => assert.deepEqual(mergeTyped(shape, live, applied), want))
}

const sets: [string, object, string[]][] = [
  ['fields of structs, not the struct', { struct: { a: '1' } }, ['.struct.a']],
  ['keys of maps, not the map', { labels: { a: '1' } }, ['.labels.a']],
  ['an empty map', { labels: {} }, ['.labels']],
  ['no empty set', { set: [] }, []],
  ['an empty atomic list', { atoms: [] }, ['.atoms']],
  ['values of sets', { set: ['a'] }, ['.set[="a"]']],
  [
    'items of map lists and what is in them',
    { ports: [{ port: 1, name: 'x' }] },
    ['.ports[port=1,protocol="TCP"]', '.ports[port=1,protocol="TCP"].name', '.ports[port=1,protocol="TCP"].port'],
  ],
  ['atomic structs', { whole: { a: '1' } }, ['.whole']],
  ['what is explicitly null', { text: null }, ['.text']],
  ['what has no schema by key', { free: { a: { b: [1] } } }, ['.free', '.free.a', '.free.a.b'].slice(1)],
]
for (const [what, value, want] of sets) {
  test(`fieldSetOf() owns ${what}`, () => assert.deepEqual(paths(fieldSetOf(shape, value)), want))
}

const misfits: [object, string][] = [
  [{ size: 'x' }, '.size: expected numeric (int or float), got string'],
  [{ text: 1 }, '.text: expected string, got &value.valueUnstructured{Value:1}'],
  [{ labels: ['a'] }, '.labels: expected map, got [a]'],
  [{ set: 'a' }, '.set: expected list, got a'],
  [{ set: ['a', 'a'] }, '.set: duplicate entries for key [="a"]'],
  [{ nothing: 1 }, '.nothing: field not declared in schema'],
  [
    { ports: [{ port: 1 }, { port: 1, protocol: 'TCP' }], size: 'x' },
    'errors:\n  .ports: duplicate entries for key [port=1,protocol="TCP"]\n  .size: expected numeric (int or float), got string',
  ],
  [{ ports: [null] }, '.ports: element 0: associative list with keys may not have a null element'],
]
for (const [value, message] of misfits) {
  test(`validateTyped() says ${JSON.stringify(message)}`, () => {
    assert.throws(
      () => validateTyped(shape, value),
      (error) => error instanceof TypedError && error.message === message,
    )
  })
}

test('compareTyped() tells what was added, modified and removed, item by item', () => {
  const { added, modified, removed } = compareTyped(
    shape,
    { size: 1, labels: { a: '1', b: '1' }, ports: [{ port: 1 }], set: ['a'], atoms: ['a'] },
    { size: 2, labels: { a: '1', c: '1' }, ports: [{ port: 1, name: 'x' }, { port: 2 }], set: ['b'], atoms: ['a', 'b'] },
  )
  const second = '.ports[port=2,protocol="TCP"]'
  assert.deepEqual(paths(added).sort(), [
    '.labels.c',
    '.ports[port=1,protocol="TCP"].name',
    second,
    `${second}.port`,
    '.set[="b"]',
  ])
  assert.deepEqual(paths(modified).sort(), ['.atoms', '.size'])
  assert.deepEqual(paths(removed).sort(), ['.labels.b', '.set[="a"]'])
})

test('compareTyped() takes items that stand there twice as one', () => {
  const once = { set: ['a'] }
  const twice = { set: ['a', 'a'] }
  assert.deepEqual(paths(compareTyped(shape, once, twice).added), ['.set[="a"]'])
  assert.deepEqual(paths(compareTyped(shape, twice, once).removed), ['.set[="a"]'])
  assert.ok(isEmpty(compareTyped(shape, twice, structuredClone(twice)).modified))
})

test('removeItems() leaves behind an emptied struct, and drops whole items', () => {
  const value = { struct: { a: '1' }, ports: [{ port: 1, name: 'x' }, { port: 2 }], size: 1 }
  const key = 'k:{"port":1,"protocol":"TCP"}'
  const set = fieldSet(['f:struct', 'f:a'], ['f:ports', key])
  assert.deepEqual(removeItems(shape, value, set), { struct: {}, ports: [{ port: 2 }], size: 1 })
})

test('reconcile() makes one path of what has become atomic', () => {
  const set = fieldSet(['f:whole', 'f:a'], ['f:atoms', 'v:"x"'], ['f:struct', 'f:a'])
  assert.deepEqual(paths(reconcile(shape, set)), ['.atoms', '.whole', '.struct.a'])
})

class Things {
  object: any = base
  managers: Managers = new Map()
  #seconds = 0

  #writer(manager: string) {
    return { manager, apiVersion: 'v1', subresource: '', time: new Date(1000 * ++this.#seconds).toISOString() }
  }

  apply(manager: string, applied: object, force = false): void {
    const task = { live: this.object, applied: { ...base, ...applied }, managers: this.managers, force }
    const result = applyTyped(versions, { ...task, writer: this.#writer(manager) })
    this.object = result.object ?? this.object
    this.managers = result.managers
  }

  update(manager: string, value: object): void {
    const object = { ...base, ...value }
    this.managers = managersAfterUpdate(versions, {
      live: this.object,
      object,
      managers: this.managers,
      writer: this.#writer(manager),
    })
    this.object = object
  }

  get value(): object {
    const { apiVersion, kind, ...rest } = this.object
    return rest
  }

  owned(manager: string): string[] {
    return [...this.managers.values()].filter((entry) => entry.manager === manager).flatMap(({ set }) => paths(set))
  }
}

test('an applier may share a value, and conflicts only where it would change one', () => {
  const things = new Things()
  things.apply('a', { size: 1, text: 'x' })
  things.apply('b', { size: 1 })
  assert.deepEqual([things.owned('a'), things.owned('b')], [['.size', '.text'], ['.size']])
  assert.throws(
    () => things.apply('b', { size: 2 }),
    (error) => error instanceof ApplyConflict && error.conflicts.length === 1 && paths(error.conflicts[0]!.set)[0] === '.size',
  )
  things.apply('b', { size: 2 }, true)
  assert.deepEqual([things.owned('a'), things.owned('b')], [['.text'], ['.size']])
  assert.deepEqual(things.value, { size: 2, text: 'x' })
})

test('giving up a field that another shares leaves it there, giving up one’s own removes it', () => {
  const things = new Things()
  things.apply('a', { ports: [{ port: 1, name: 'x' }, { port: 2 }], labels: { k: '1', l: '1' } })
  things.apply('b', { ports: [{ port: 1 }], labels: { l: '1' } })
  things.apply('a', { text: 'only' })
  assert.deepEqual(things.value, { ports: [{ port: 1 }], labels: { l: '1' }, text: 'only' })
})

test('an update takes fields from appliers without asking', () => {
  const things = new Things()
  things.apply('a', { size: 1, text: 'x' })
  things.update('u', { size: 2, text: 'x', struct: { a: '1' } })
  assert.deepEqual(things.owned('a'), ['.text'])
  assert.deepEqual(things.owned('u'), ['.size', '.struct', '.struct.a'])
  things.update('u', { text: 'x' })
  assert.deepEqual(things.owned('u'), [])
})

test('an entry of a version that is not served any more goes', () => {
  const things = new Things()
  things.apply('a', { size: 1 })
  const old = decodeManaged([
    ...encodeManaged(things.managers)!,
    { manager: 'old', operation: 'Update', apiVersion: 'v0', fieldsType: 'FieldsV1', fieldsV1: { 'f:text': {} } },
  ])
  things.managers = old
  things.apply('a', { size: 2 })
  assert.deepEqual(things.owned('old'), [])
})

const random = seededRandom(11)
const chance = (limit: number) => random.next() < limit

function randomThing(names: readonly string[]): Record<string, any> {
  const keys = names.filter(() => chance(0.5))
  const ports = keys.map((name) => ({ port: name.charCodeAt(0), ...(chance(0.5) && { name }) }))
  return {
    ...(chance(0.5) && keys.length > 0 && { labels: Object.fromEntries(keys.map((name) => [name, '1'])) }),
    ...(chance(0.5) && keys.length > 0 && { set: keys }),
    ...(chance(0.5) && ports.length > 0 && { ports }),
    ...(chance(0.3) && keys.length > 0 && { free: Object.fromEntries(keys.map((name) => [name, { x: 1 }])) }),
  }
}

test('applying the same again changes neither the object nor its record', () => {
  for (let i = 0; i < 300; i++) {
    const things = new Things()
    for (const manager of ['a', 'b', 'c']) things.apply(manager, randomThing(['k', 'l', 'm']), true)
    const applied = randomThing(['k', 'l', 'm'])
    things.apply('a', applied, true)
    const before = JSON.stringify([things.object, encodeManaged(things.managers)])
    things.apply('a', applied)
    assert.equal(JSON.stringify([things.object, encodeManaged(things.managers)]), before)
  }
})

test('two appliers of different fields never conflict, and each finds all of its own', () => {
  for (let i = 0; i < 300; i++) {
    const things = new Things()
    const [left, right] = [randomThing(['k', 'l']), randomThing(['m', 'n'])]
    things.apply('a', left)
    things.apply('b', right)
    things.apply('a', left)
    for (const own of [left, right]) {
      const merged = JSON.stringify(things.object)
      things.apply(own === left ? 'a' : 'b', own)
      assert.equal(JSON.stringify(things.object), merged)
    }
    things.apply('a', {})
    things.apply('b', {})
    assert.deepEqual(things.owned('a').concat(things.owned('b')), [])
  }
})

test('a removal takes exactly what nobody else owns', () => {
  for (let i = 0; i < 300; i++) {
    const things = new Things()
    const [left, right] = [randomThing(['k', 'l', 'm']), randomThing(['k', 'l', 'm'])]
    things.apply('a', left, true)
    things.apply('b', right, true)
    things.apply('a', {})
    const left_over = fieldSetOf(shape, things.value)
    assert.deepEqual(
      paths(left_over).filter((path) => !path.endsWith('labels')),
      paths(fieldSetOf(shape, right)).filter((path) => !path.endsWith('labels')),
    )
  }
})

test('a record survives being written and read', () => {
  for (let i = 0; i < 100; i++) {
    const things = new Things()
    things.apply('a', randomThing(['k', 'l', 'm']), true)
    things.update('u', randomThing(['k', 'l', 'm']))
    const entries = encodeManaged(things.managers)
    const text = JSON.stringify(entries)
    assert.equal(JSON.stringify(encodeManaged(decodeManaged(JSON.parse(text ?? '[]')))), text)
    for (const { set } of things.managers.values()) assert.ok(serializeFieldSet(set))
  }
})
