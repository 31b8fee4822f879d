import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import { errorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds value: Forbidden", object: {"value":2000000000,"preemptionPolicy":"x"}, errors: ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000","preemptionPolicy: Unsupported value: \"x\": supported values: \"PreemptLowerPriority\", \"Never\""] },
  { it: "finds metadata.name: Forbidden", object: {"metadata":{"name":"system-foo"},"value":1}, errors: ["metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-foo is not a known system priority class"] },
  { it: "finds metadata.name: Forbidden (2)", object: {"metadata":{"name":"system-node-critical"},"value":1}, errors: ["metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000"] },
]

for (const { it, object, errors } of created) {
  test(`a PriorityClass that is created ${it}`, () => {
    assert.deepEqual(errorsOf(PriorityClass, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds value: Forbidden (2)", object: {"value":1}, old: {"value":2,"preemptionPolicy":"Never"}, errors: ["value: Forbidden: may not be changed in an update.","preemptionPolicy: Invalid value: \"PreemptLowerPriority\": field is immutable"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a PriorityClass that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(PriorityClass, object, old), errors)
  })
}
