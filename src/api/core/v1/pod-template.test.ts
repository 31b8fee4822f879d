import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PodTemplate } from '#api/core/v1/pod-template.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}, errors: [] },
  { it: "finds template.spec.containers: Required value", object: {"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[]}}}, errors: ["template.spec.containers: Required value"] },
]

for (const { it, object, errors } of created) {
  test(`a PodTemplate that is created ${it}`, () => {
    assert.deepEqual(errorsOf(PodTemplate, object), errors)
  })
}
