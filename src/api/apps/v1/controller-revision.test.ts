import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { errorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"data":{"a":1},"revision":1}, errors: [] },
  { it: "finds revision: Invalid value", object: {"revision":-1}, errors: ["revision: Invalid value: -1: must be greater than or equal to 0","data: Required value: data is mandatory"] },
  { it: "finds data: Required value", object: {"data":[1]}, errors: ["data: Required value: data must be a valid JSON object"] },
]

for (const { it, object, errors } of created) {
  test(`a ControllerRevision that is created ${it}`, () => {
    assert.deepEqual(errorsOf(ControllerRevision, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds data: Invalid value", object: {"data":{"a":2},"revision":1}, old: {"data":{"a":1},"revision":1}, errors: ["data: Invalid value: {\"a\":2}: field is immutable"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a ControllerRevision that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(ControllerRevision, object, old), errors)
  })
}
