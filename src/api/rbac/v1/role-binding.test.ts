import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { errorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds roleRef.apiGroup: Unsupported value", object: {"roleRef":{"kind":"x","name":"","apiGroup":"y"},"subjects":[{"kind":"x","name":""},{"kind":"User","name":"a","apiGroup":"z"},{"kind":"ServiceAccount","name":"A","apiGroup":"q"}]}, errors: ["roleRef.apiGroup: Unsupported value: \"y\": supported values: \"rbac.authorization.k8s.io\"","roleRef.kind: Unsupported value: \"x\": supported values: \"Role\", \"ClusterRole\"","roleRef.name: Required value","subjects[0].name: Required value","subjects[0].kind: Unsupported value: \"x\": supported values: \"ServiceAccount\", \"User\", \"Group\"","subjects[1].apiGroup: Unsupported value: \"z\": supported values: \"rbac.authorization.k8s.io\"","subjects[2].name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')","subjects[2].apiGroup: Unsupported value: \"q\": supported values: \"\""] },
]

for (const { it, object, errors } of created) {
  test(`a RoleBinding that is created ${it}`, () => {
    assert.deepEqual(errorsOf(RoleBinding, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds roleRef: Invalid value", object: {"roleRef":{"kind":"Role","name":"b"}}, old: {"roleRef":{"kind":"Role","name":"a"}}, errors: ["roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"b\"}: cannot change roleRef"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a RoleBinding that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(RoleBinding, object, old), errors)
  })
}
