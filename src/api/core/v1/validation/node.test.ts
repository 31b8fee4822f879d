import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { errorsOf, statusErrorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds metadata.taints[0].effect: Required value", object: {"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24","10.0.1.1/24"],"taints":[{"key":"a","effect":""},{"key":"a b","value":"x y","effect":"x"},{"key":"q","effect":"NoSchedule"},{"key":"q","effect":"NoSchedule"}]},"status":{"capacity":{"cpu":"0.0001","pods":"1500m"},"declaredFeatures":["b","A"]}}, errors: ["metadata.taints[0].effect: Required value","metadata.taints[1].key: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')","metadata.taints[1].value: Invalid value: \"x y\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')","metadata.taints[1].effect: Unsupported value: \"x\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"","metadata.taints[3]: Duplicate value: {\"Key\":\"q\",\"Value\":\"\",\"Effect\":\"NoSchedule\",\"TimeAdded\":null}: taints must be unique by key and effect pair","status.capacity.pods: Invalid value: \"1500m\": must be an integer","status.allocatable.pods: Invalid value: \"1500m\": must be an integer","status.declaredFeatures[0]: Invalid value: \"b\": invalid feature name \"b\": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes","status.declaredFeatures[1]: Invalid value: \"A\": list must be sorted alphabetically","spec.podCIDRs[1]: Invalid value: \"10.0.1.1/24\": must not have bits set beyond the prefix length","spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.1.1/24\"]: may specify no more than one CIDR for each IP family"] },
  { it: "finds a range twice", object: {"spec":{"podCIDRs":["10.0.0.0/24","10.0.0.0/24"]},"status":{}}, errors: ["spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.0.0/24\"]: may specify no more than one CIDR for each IP family","spec.podCIDRs[1]: Duplicate value: \"10.0.0.0/24\""] },
  { it: "finds annotations that make no sense", object: {"metadata":{"annotations":{"scheduler.alpha.kubernetes.io/taints":"[{\"key\":\"a\",\"effect\":\"x\"}]","scheduler.alpha.kubernetes.io/preferAvoidPods":"{\"preferAvoidPods\":[{},{\"podSignature\":{\"podController\":{\"controller\":false}}},{\"podSignature\":{\"podController\":{\"controller\":true}}}]}"}},"spec":{},"status":{}}, errors: ["metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].effect: Unsupported value: \"x\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"","metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature: Required value","metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[1].PodSignature.PodController.Controller: Invalid value: false: must point to a controller"] },
  { it: "finds an annotation that is no JSON", object: {"metadata":{"annotations":{"scheduler.alpha.kubernetes.io/taints":"x"}},"spec":{},"status":{}}, errors: ["metadata.annotations: Invalid value: \"scheduler.alpha.kubernetes.io/taints\": invalid character 'x' looking for beginning of value"] },
]

for (const { it, object, errors } of created) {
  test(`a Node that is created ${it}`, () => {
    assert.deepEqual(errorsOf(Node, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds spec.podCIDRs: Forbidden", object: {"spec":{"podCIDR":"10.0.1.0/24","providerID":"b"},"status":{}}, old: {"spec":{"podCIDR":"10.0.0.0/24","providerID":"a","externalID":"x"},"status":{}}, errors: ["spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid","spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid","spec.externalID: Forbidden: may not be updated"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a Node that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(Node, object, old), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.addresses[1]: Duplicate value", object: {"status":{"addresses":[{"type":"a","address":"b"},{"type":"a","address":"b"}]}}, old: {}, errors: ["status.addresses[1]: Duplicate value: {\"Type\":\"a\",\"Address\":\"b\"}"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a Node whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(Node, object, old), errors)
  })
}
