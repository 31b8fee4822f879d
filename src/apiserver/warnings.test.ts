import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Warnings } from './warnings.ts'

test('Warnings tells each text once, and nothing of an empty one', () => {
  const warnings = new Warnings()
  for (const text of ['b', '', 'a', 'b']) warnings.add(text)
  assert.deepEqual(warnings.texts, ['b', 'a'])
})

test('Warnings cuts all to 256 characters once they are more than 4096, and drops what comes after that', () => {
  const warnings = new Warnings()
  warnings.add('ä'.repeat(4000))
  assert.equal(warnings.texts[0]?.length, 4000)
  warnings.add('b'.repeat(97))
  assert.deepEqual(warnings.texts, ['ä'.repeat(256), 'b'.repeat(97)])
  for (let i = 0; i < 50; i++) warnings.add(`${i}${'\u{1f600}'.repeat(300)}`)
  assert.equal(warnings.texts[2], `0${'\u{1f600}'.repeat(255)}`)
  assert.equal(warnings.texts.length, 17)
})

test('Warnings takes half a million texts at once', () => {
  const warnings = new Warnings()
  for (let i = 0; i < 500_000; i++) warnings.add(`spec.ports[${i}]: duplicate`)
  const length = warnings.texts.reduce((sum, text) => sum + text.length, 0)
  assert(length < 5_000, `${length}`)
})
