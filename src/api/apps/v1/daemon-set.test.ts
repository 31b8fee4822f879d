import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { errorsOf, statusErrorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: [] },
  { it: "finds spec.template.metadata.labels: Invalid value", object: {"spec":{"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"] },
  { it: "finds spec.selector: Invalid value", object: {"spec":{"selector":{},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"minReadySeconds":-1,"revisionHistoryLimit":-1}}, errors: ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset","spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0","spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"] },
  { it: "finds spec.updateStrategy.rollingUpdate.maxUnavailable: Required value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"updateStrategy":{"rollingUpdate":{"maxUnavailable":0}}}}, errors: ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"] },
  { it: "finds spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"updateStrategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":"101%"}}}}, errors: ["spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%","spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"] },
  { it: "finds spec.template.spec.restartPolicy: Unsupported value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}],"restartPolicy":"Never","activeDeadlineSeconds":3}},"updateStrategy":{"type":"x"}}}, errors: ["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"","spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported","spec.updateStrategy: Unsupported value: {\"Type\":\"x\",\"RollingUpdate\":null}: supported values: \"RollingUpdate\", \"OnDelete\""] },
]

for (const { it, object, errors } of created) {
  test(`a DaemonSet that is created ${it}`, () => {
    assert.deepEqual(errorsOf(DaemonSet, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds spec.selector: Invalid value (2)", object: {"spec":{"selector":{"matchLabels":{"c":"d"}},"template":{"metadata":{"labels":{"c":"d"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, old: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.selector: Invalid value: {\"matchLabels\":{\"c\":\"d\"}}: field is immutable"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a DaemonSet that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(DaemonSet, object, old), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.numberReady: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"numberReady":-1}}, old: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"collisionCount":1}}, errors: ["status.numberReady: Invalid value: -1: must be greater than or equal to 0","status.collisionCount: Invalid value: 0: cannot be decremented"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a DaemonSet whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(DaemonSet, object, old), errors)
  })
}
