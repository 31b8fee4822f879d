import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { errorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds spec.cidrs: Required value", object: {}, errors: ["spec.cidrs: Required value: at least one CIDR required"] },
  { it: "finds spec.cidrs: Invalid value", object: {"spec":{"cidrs":["10.0.0.0/8","11.0.0.0/8"]}}, errors: ["spec.cidrs: Invalid value: [\"10.0.0.0/8\",\"11.0.0.0/8\"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"] },
  { it: "finds spec.cidrs[0]: Invalid value", object: {"spec":{"cidrs":["x"]}}, errors: ["spec.cidrs[0]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"] },
]

for (const { it, object, errors } of created) {
  test(`a ServiceCIDR that is created ${it}`, () => {
    assert.deepEqual(errorsOf(ServiceCIDR, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds spec.cidrs[0]: Invalid value (2)", object: {"spec":{"cidrs":["10.0.0.0/9"]}}, old: {"spec":{"cidrs":["10.0.0.0/8"]}}, errors: ["spec.cidrs[0]: Invalid value: \"10.0.0.0/9\": field is immutable"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a ServiceCIDR that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(ServiceCIDR, object, old), errors)
  })
}
