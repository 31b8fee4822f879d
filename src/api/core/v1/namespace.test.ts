import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Namespace } from '#api/core/v1/namespace.ts'
import { errorsOf, statusErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds spec.finalizers: Invalid value", object: {"spec":{"finalizers":["foo","a b/c"]}}, errors: ["spec.finalizers: Invalid value: \"foo\": name is neither a standard finalizer name nor is it fully qualified","spec.finalizers: Invalid value: \"a b/c\": prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"] },
  { it: "finds metadata.name: Invalid value", object: {"metadata":{"name":"A.b"}}, errors: ["metadata.name: Invalid value: \"A.b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"] },
]

for (const { it, object, errors } of created) {
  test(`a Namespace that is created ${it}`, () => {
    assert.deepEqual(errorsOf(Namespace, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.Phase: Invalid value", object: {"status":{"phase":"Terminating"}}, old: {}, errors: ["status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a Namespace whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(Namespace, object, old), errors)
  })
}
