import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Role } from '#api/rbac/v1/role.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds rules[0].verbs: Required value", object: {"rules":[{},{"verbs":["get"],"nonResourceURLs":["/x"],"resources":["a"]},{"verbs":["get"]}]}, errors: ["rules[0].verbs: Required value: verbs must contain at least one value","rules[0].apiGroups: Required value: resource rules must supply at least one api group","rules[0].resources: Required value: resource rules must supply at least one resource","rules[1].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs","rules[1].nonResourceURLs: Invalid value: [\"/x\"]: rules cannot apply to both regular resources and non-resource URLs","rules[2].apiGroups: Required value: resource rules must supply at least one api group","rules[2].resources: Required value: resource rules must supply at least one resource"] },
]

for (const { it, object, errors } of created) {
  test(`a Role that is created ${it}`, () => {
    assert.deepEqual(errorsOf(Role, object), errors)
  })
}
