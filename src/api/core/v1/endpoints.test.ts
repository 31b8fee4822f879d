import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds subsets[0]: Required value", object: {"subsets":[{},{"addresses":[{"ip":"127.0.0.1","hostname":"A","nodeName":"A"},{"ip":"x"}],"ports":[{"port":0,"protocol":"x"},{"port":80,"name":"A"}]}]}, errors: ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`","subsets[1].addresses[0].hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')","subsets[1].addresses[0].nodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')","subsets[1].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)","subsets[1].addresses[1].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)","subsets[1].addresses[1].ip: Invalid value: \"x\": must be a valid IP address","subsets[1].ports[0].name: Required value","subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive","subsets[1].ports[0].protocol: Unsupported value: \"x\": supported values: \"SCTP\", \"TCP\", \"UDP\"","subsets[1].ports[1].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"] },
]

for (const { it, object, errors } of created) {
  test(`a Endpoints that is created ${it}`, () => {
    assert.deepEqual(errorsOf(Endpoints, object), errors)
  })
}
