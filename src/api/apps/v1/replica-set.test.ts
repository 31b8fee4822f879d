import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: [] },
  { it: "finds spec.selector: Invalid value", object: {"spec":{"selector":{},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"] },
  { it: "finds spec.replicas: Invalid value", object: {"spec":{"replicas":-1,"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.replicas: Invalid value: -1: must be greater than or equal to 0","spec.selector: Required value","spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"] },
]

for (const { it, object, errors } of created) {
  test(`a ReplicaSet that is created ${it}`, () => {
    assert.deepEqual(errorsOf(ReplicaSet, object), errors)
  })
}
