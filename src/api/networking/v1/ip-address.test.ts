import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds metadata.name: Invalid value", object: {}, errors: ["metadata.name: Invalid value: \"a\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)","spec.parentRef: Required value"] },
  { it: "finds metadata.name: Invalid value (2)", object: {"metadata":{"name":"10.0.0.01"},"spec":{"parentRef":{"group":"A","namespace":"a/b"}}}, errors: ["metadata.name: Invalid value: \"10.0.0.01\": must not have leading 0s","spec.parentRef.group: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')","spec.parentRef.resource: Required value","spec.parentRef.name: Required value","spec.parentRef.namespace: Invalid value: \"a/b\": may not contain '/'"] },
]

for (const { it, object, errors } of created) {
  test(`a IPAddress that is created ${it}`, () => {
    assert.deepEqual(errorsOf(IPAddress, object), errors)
  })
}
