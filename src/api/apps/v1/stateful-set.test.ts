import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { errorsOf, statusErrorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: [] },
  { it: "finds spec.podManagementPolicy: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"replicas":-1,"minReadySeconds":-1,"ordinals":{"start":-1},"podManagementPolicy":"x","serviceName":"A","updateStrategy":{"type":"x"}}}, errors: ["spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'","spec.updateStrategy: Invalid value: {\"Type\":\"x\",\"RollingUpdate\":null}: must be 'RollingUpdate' or 'OnDelete'","spec.replicas: Invalid value: -1: must be greater than or equal to 0","spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0","spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0","spec.serviceName: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"] },
  { it: "finds spec.selector: Required value", object: {"spec":{"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}],"restartPolicy":"Never","activeDeadlineSeconds":4}}}}, errors: ["spec.selector: Required value","spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`","spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"","spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported"] },
  { it: "finds spec.updateStrategy.rollingUpdate: Invalid value", object: {"spec":{"selector":{},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"updateStrategy":{"type":"OnDelete","rollingUpdate":{"partition":1}}}}, errors: ["spec.updateStrategy.rollingUpdate: Invalid value: {\"Partition\":1,\"MaxUnavailable\":null}: only allowed for updateStrategy 'RollingUpdate'","spec.selector: Invalid value: {}: empty selector is invalid for statefulset"] },
  { it: "finds spec.updateStrategy.rollingUpdate.partition: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"updateStrategy":{"rollingUpdate":{"partition":-1,"maxUnavailable":"200%"}},"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"x"}}}, errors: ["spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0","spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"200%\": must not be greater than 100%","spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: \"x\": supported values: \"Retain\", \"Delete\""] },
  { it: "finds spec.volumeClaimTemplates[0].spec.accessModes: Required value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x","volumeMounts":[{"name":"data","mountPath":"/d"}]}]}},"volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{}}]}}, errors: ["spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required","spec.volumeClaimTemplates[0].spec.resources[storage]: Required value"] },
]

for (const { it, object, errors } of created) {
  test(`a StatefulSet that is created ${it}`, () => {
    assert.deepEqual(errorsOf(StatefulSet, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds spec: Forbidden", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"serviceName":"x","replicas":2}}, old: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"] },
  { it: "finds nothing wrong (2)", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"replicas":2,"revisionHistoryLimit":3}}, old: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: [] },
]

for (const { it, object, old, errors } of updated) {
  test(`a StatefulSet that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(StatefulSet, object, old), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.readyReplicas: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"replicas":1,"readyReplicas":2,"availableReplicas":3,"collisionCount":1}}, old: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"collisionCount":2}}, errors: ["status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas","status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas","status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas","status.collisionCount: Invalid value: 1: cannot be decremented"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a StatefulSet whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(StatefulSet, object, old), errors)
  })
}
