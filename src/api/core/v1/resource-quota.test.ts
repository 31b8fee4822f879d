import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { errorsOf, statusErrorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"hard":{"cpu":"1","pods":"3","count/x.y":"1"}}}, errors: [] },
  { it: "finds spec.hard[cpu]: Invalid value", object: {"spec":{"hard":{"x":"1","pods":"1500m","cpu":"-1"}}}, errors: ["spec.hard[cpu]: Invalid value: \"-1\": must be greater than or equal to 0","spec.hard[pods]: Invalid value: \"1500m\": must be an integer","spec.hard[x]: Invalid value: \"x\": must be a standard resource type or fully qualified","spec.hard[x]: Invalid value: \"x\": must be a standard resource for quota"] },
  { it: "finds spec.scopes: Invalid value", object: {"spec":{"hard":{"services":"1"},"scopes":["x","BestEffort","NotBestEffort"]}}, errors: ["spec.scopes: Invalid value: [\"x\",\"BestEffort\",\"NotBestEffort\"]: unsupported scope","spec.scopes: Invalid value: [\"x\",\"BestEffort\",\"NotBestEffort\"]: unsupported scope applied to resource","spec.scopes: Invalid value: [\"x\",\"BestEffort\",\"NotBestEffort\"]: unsupported scope applied to resource","spec.scopes: Invalid value: [\"x\",\"BestEffort\",\"NotBestEffort\"]: unsupported scope applied to resource","spec.scopes: Invalid value: [\"x\",\"BestEffort\",\"NotBestEffort\"]: conflicting scopes"] },
  { it: "finds spec.scopeSelector.matchExpressions.operator: Invalid value", object: {"spec":{"hard":{"pods":"1"},"scopeSelector":{"matchExpressions":[{"scopeName":"BestEffort","operator":"In"},{"scopeName":"PriorityClass","operator":"Exists","values":["a"]},{"scopeName":"PriorityClass","operator":"x"}]}}}, errors: ["spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity","spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector","spec.scopeSelector.matchExpressions.values: Invalid value: [\"a\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector","spec.scopeSelector.matchExpressions.operator: Invalid value: \"x\": not a valid selector operator"] },
]

for (const { it, object, errors } of created) {
  test(`a ResourceQuota that is created ${it}`, () => {
    assert.deepEqual(errorsOf(ResourceQuota, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds spec.scopes: Invalid value (2)", object: {"spec":{"hard":{"pods":"1"},"scopes":["BestEffort"]}}, old: {"spec":{"hard":{"pods":"1"}}}, errors: ["spec.scopes: Invalid value: [\"BestEffort\"]: field is immutable"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a ResourceQuota that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(ResourceQuota, object, old), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.hard[x]: Invalid value", object: {"status":{"hard":{"x":"1"},"used":{"cpu":"-1"}}}, old: {}, errors: ["status.hard[x]: Invalid value: \"x\": must be a standard resource type or fully qualified","status.hard[x]: Invalid value: \"x\": must be a standard resource for quota","status.used[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a ResourceQuota whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(ResourceQuota, object, old), errors)
  })
}
