import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { errorsOf, statusErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"minAvailable":1,"selector":{}}}, errors: [] },
  { it: "finds spec: Invalid value", object: {"spec":{"minAvailable":1,"maxUnavailable":"5%"}}, errors: ["spec: Invalid value: {\"MinAvailable\":1,\"Selector\":null,\"MaxUnavailable\":\"5%\",\"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set"] },
  { it: "finds spec.minAvailable: Invalid value", object: {"spec":{"minAvailable":"101%"}}, errors: ["spec.minAvailable: Invalid value: \"101%\": must not be greater than 100%"] },
  { it: "finds spec.maxUnavailable: Invalid value", object: {"spec":{"maxUnavailable":"x","unhealthyPodEvictionPolicy":"y"}}, errors: ["spec.maxUnavailable: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')","spec.unhealthyPodEvictionPolicy: Unsupported value: \"y\": supported values: \"AlwaysAllow\", \"IfHealthyBudget\""] },
  { it: "finds spec.maxUnavailable: Invalid value (2)", object: {"spec":{"maxUnavailable":-1}}, errors: ["spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"] },
]

for (const { it, object, errors } of created) {
  test(`a PodDisruptionBudget that is created ${it}`, () => {
    assert.deepEqual(errorsOf(PodDisruptionBudget, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.currentHealthy: Invalid value", object: {"spec":{},"status":{"currentHealthy":-1}}, old: {"spec":{}}, errors: ["status.currentHealthy: Invalid value: -1: must be greater than or equal to 0"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a PodDisruptionBudget whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(PodDisruptionBudget, object, old), errors)
  })
}
