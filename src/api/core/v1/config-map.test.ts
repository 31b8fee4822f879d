import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds immutable: Forbidden", object: {"data":{"a":"b"}}, old: {"immutable":true,"data":{"a":"c"}}, errors: ["immutable: Forbidden: field is immutable when `immutable` is set","data: Forbidden: field is immutable when `immutable` is set"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a ConfigMap that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(ConfigMap, object, old), errors)
  })
}
