import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '#api/coordination/v1/lease.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds spec.leaseDurationSeconds: Invalid value", object: {"spec":{"leaseDurationSeconds":0,"leaseTransitions":-1}}, errors: ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0","spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"] },
]

for (const { it, object, errors } of created) {
  test(`a Lease that is created ${it}`, () => {
    assert.deepEqual(errorsOf(Lease, object), errors)
  })
}
