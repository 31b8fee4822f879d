import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#api/core/v1/secret.ts'
import { errorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds data[a b]: Invalid value", object: {"type":"kubernetes.io/service-account-token","data":{"a b":"eA=="}}, errors: ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')","metadata.annotations[kubernetes.io/service-account.name]: Required value"] },
  { it: "finds data[a b]: Invalid value (2)", object: {"type":"kubernetes.io/dockercfg","data":{"a b":"eA=="}}, errors: ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')","data[.dockercfg]: Required value"] },
  { it: "finds data[a b]: Invalid value (3)", object: {"type":"kubernetes.io/dockerconfigjson","data":{"a b":"eA=="}}, errors: ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')","data[.dockerconfigjson]: Required value"] },
  { it: "finds data[a b]: Invalid value (4)", object: {"type":"kubernetes.io/basic-auth","data":{"a b":"eA=="}}, errors: ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')","data[username]: Required value","data[password]: Required value"] },
  { it: "finds data[a b]: Invalid value (5)", object: {"type":"kubernetes.io/ssh-auth","data":{"a b":"eA=="}}, errors: ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')","data[ssh-privatekey]: Required value"] },
  { it: "finds data[a b]: Invalid value (6)", object: {"type":"kubernetes.io/tls","data":{"a b":"eA=="}}, errors: ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')","data[tls.crt]: Required value","data[tls.key]: Required value"] },
  { it: "finds data[a b]: Invalid value (7)", object: {"type":"x","data":{"a b":"eA=="}}, errors: ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"] },
  { it: "finds data[.dockerconfigjson]: Invalid value", object: {"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"Zm9v"}}, errors: ["data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'o' in literal false (expecting 'a')"] },
  { it: "finds data[.dockerconfigjson]: Invalid value (2)", object: {"type":"kubernetes.io/dockerconfigjson","stringData":{".dockerconfigjson":"[]"}}, errors: ["data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array into Go value of type map[string]interface {}"] },
  { it: "finds nothing wrong", object: {"stringData":{"a":"b"}}, errors: [] },
]

for (const { it, object, errors } of created) {
  test(`a Secret that is created ${it}`, () => {
    assert.deepEqual(errorsOf(Secret, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds type: Invalid value", object: {"type":"x"}, old: {"type":"y","immutable":true,"data":{"a":"eA=="}}, errors: ["type: Invalid value: \"x\": field is immutable","immutable: Forbidden: field is immutable when `immutable` is set","data: Forbidden: field is immutable when `immutable` is set"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a Secret that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(Secret, object, old), errors)
  })
}
