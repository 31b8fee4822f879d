import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { errorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds addressType: Required value", object: {"addressType":"","endpoints":[],"ports":[]}, errors: ["addressType: Required value"] },
  { it: "finds addressType: Unsupported value", object: {"addressType":"x","endpoints":[{"addresses":["a"]}]}, errors: ["addressType: Unsupported value: \"x\": supported values: \"FQDN\", \"IPv4\", \"IPv6\""] },
  { it: "finds ports[1].name: Duplicate value", object: {"addressType":"IPv4","endpoints":[{"addresses":[]},{"addresses":["x","::1","127.0.0.1","2001:db8::1"],"hostname":"A","nodeName":"A","hints":{"forZones":[{"name":"a b"},{"name":"a b"}],"forNodes":[{"name":"A"}]}}],"ports":[{"port":1},{"port":2,"protocol":"x","appProtocol":"a b"},{"name":"A"}]}, errors: ["ports[1].name: Duplicate value: \"\"","ports[1].protocol: Unsupported value: \"x\": supported values: \"SCTP\", \"TCP\", \"UDP\"","ports[1].appProtocol: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')","ports[2].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')","endpoints[0].addresses: Required value: must contain at least 1 address","endpoints[1].addresses[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)","endpoints[1].addresses: Invalid value: \"::1\": must be an IPv4 address","endpoints[1].addresses[1]: Invalid value: \"::1\": may not be in the loopback range (127.0.0.0/8, ::1/128)","endpoints[1].addresses[2]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)","endpoints[1].addresses: Invalid value: \"2001:db8::1\": must be an IPv4 address","endpoints[1].nodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')","endpoints[1].hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')","endpoints[1].hints.forZones[0].name: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')","endpoints[1].hints.forZones[1].name: Duplicate value: \"a b\"","endpoints[1].hints.forZones[1].name: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')","endpoints[1].hints.forNodes[0].name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"] },
  { it: "finds endpoints[0].addresses: Invalid value", object: {"addressType":"IPv6","endpoints":[{"addresses":["1.2.3.4","2001:DB8::1"]}]}, errors: ["endpoints[0].addresses: Invalid value: \"1.2.3.4\": must be an IPv6 address","endpoints[0].addresses[1]: Invalid value: \"2001:DB8::1\": must be in canonical form (\"2001:db8::1\")"] },
  { it: "finds endpoints[0].addresses[0]: Invalid value", object: {"addressType":"FQDN","endpoints":[{"addresses":["a","A.b","a.b."]}]}, errors: ["endpoints[0].addresses[0]: Invalid value: \"a\": should be a domain with at least two segments separated by dots","endpoints[0].addresses[1]: Invalid value: \"A.b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"] },
]

for (const { it, object, errors } of created) {
  test(`a EndpointSlice that is created ${it}`, () => {
    assert.deepEqual(errorsOf(EndpointSlice, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds addressType: Invalid value", object: {"addressType":"IPv6","endpoints":[]}, old: {"addressType":"IPv4","endpoints":[]}, errors: ["addressType: Invalid value: \"IPv6\": field is immutable"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a EndpointSlice that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(EndpointSlice, object, old), errors)
  })
}
