import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonPath, relaxedPath } from './jsonpath.ts'

const object = {
  kind: 'List',
  items: [
    { name: 'a', labels: { app: 'web', 'x.io/y': 'z' }, ports: [80, 443], ready: true },
    { name: 'b', labels: { app: 'db' }, ports: [5432], ready: false },
  ],
}

const templates: readonly (readonly [template: string, printed: string])[] = [
  ['{.kind}', 'List'],
  ['kind: {.kind}!', 'kind: List!'],
  ['{.items[*].name}', 'a b'],
  ['{.items[-1].name}', 'b'],
  ['{.items[0:1].name}', 'a'],
  ['{.items[0].ports[::2]}', '80'],
  ["{.items[0]['name','ready']}", 'a true'],
  ['{.items[0].labels.x\\.io/y}', 'z'],
  ["{.items[0].labels['x.io/y']}", 'z'],
  ['{.items[0].labels}', '{"app":"web","x.io/y":"z"}'],
  ['{.items[*].ports}', '[80,443] [5432]'],
  ['{.items[?(@.name=="b")].labels.app}', 'db'],
  ['{.items[?(@.ready==true)].name}', 'a'],
  ['{.items[?(@.ports[0]>100)].name}', 'b'],
  ["{.items[?(@.labels['x.io/y'])].name}", 'a'],
  ['{range .items[*]}{.name}{"\\t"}{.ports[0]}{"\\n"}{end}', 'a\t80\nb\t5432\n'],
  ['{range .items[*]}{range .ports[*]}{@}{","}{end}{end}', '80,443,5432,'],
  ['{..app}', 'web db'],
  ['{.nope.deeper}', ''],
  ['{.items[*].nope}', ''],
]

for (const [template, printed] of templates) {
  test(`JsonPath prints ${template}`, () => assert.equal(new JsonPath(template).print(object), printed))
}

const wrong: readonly (readonly [template: string, message: string])[] = [
  ['{.kind', 'unclosed action'],
  ['{.items[0}', 'unterminated array'],
  ['{.items[x]}', 'invalid array index x'],
  ['{%}', "unrecognized character in action: U+0025 '%'"],
]

for (const [template, message] of wrong) {
  test(`JsonPath refuses ${template}`, () => assert.throws(() => new JsonPath(template), { message }))
}

test('JsonPath says which index is too large', () => {
  assert.throws(() => new JsonPath('{.items[5]}').print(object), { message: 'array index out of bounds: index 5, length 2' })
})

test('relaxedPath() fills in what users leave out', () => {
  for (const text of ['metadata.name', '.metadata.name', '{metadata.name}', '{.metadata.name}']) {
    assert.equal(relaxedPath(text), '{.metadata.name}')
  }
  assert.throws(() => relaxedPath('{{x}}'), /unexpected path string/)
})
