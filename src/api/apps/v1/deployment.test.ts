import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { errorsOf, statusErrorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: [] },
  { it: "finds spec.replicas: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"replicas":-1,"minReadySeconds":-1,"revisionHistoryLimit":-1,"progressDeadlineSeconds":0}}, errors: ["spec.replicas: Invalid value: -1: must be greater than or equal to 0","spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0","spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"] },
  { it: "finds spec.selector: Required value", object: {"spec":{"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.selector: Required value","spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"] },
  { it: "finds spec.selector: Invalid value", object: {"spec":{"selector":{},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"] },
  { it: "finds spec.template.metadata.labels: Invalid value", object: {"spec":{"selector":{"matchLabels":{"x":"y"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"] },
  { it: "finds spec.template.spec.restartPolicy: Unsupported value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}],"restartPolicy":"Never","activeDeadlineSeconds":5}}}}, errors: ["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"","spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"] },
  { it: "finds spec.strategy: Unsupported value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"strategy":{"type":"x"}}}, errors: ["spec.strategy: Unsupported value: {\"Type\":\"x\",\"RollingUpdate\":null}: supported values: \"Recreate\", \"RollingUpdate\""] },
  { it: "finds spec.strategy.rollingUpdate: Forbidden", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"strategy":{"type":"Recreate","rollingUpdate":{"maxSurge":1}}}}, errors: ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"] },
  { it: "finds nothing wrong (2)", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"strategy":{"type":"Recreate"}}}, errors: [] },
  { it: "finds spec.strategy.rollingUpdate.maxUnavailable: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":0}}}}, errors: ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"] },
  { it: "finds spec.strategy.rollingUpdate.maxSurge: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"strategy":{"rollingUpdate":{"maxSurge":"x","maxUnavailable":"200%"}}}}, errors: ["spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')","spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"200%\": must not be greater than 100%"] },
  { it: "finds spec.selector.matchExpressions[0].operator: Invalid value", object: {"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"x"}]},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.selector.matchExpressions[0].operator: Invalid value: \"x\": not a valid selector operator","spec.selector: Invalid value: {\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"x\"}]}: invalid label selector"] },
  { it: "finds spec.strategy.rollingUpdate.maxUnavailable: Invalid value (2)", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}},"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}}}}, errors: ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0"] },
  { it: "finds spec.template.metadata.labels: Invalid value (2)", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a b":"c"}},"spec":{"containers":[{"name":"a","image":" x"}],"hostNetwork":true,"ephemeralContainers":[{"name":"e","image":"x"}]}}}}, errors: ["spec.template.metadata.labels: Invalid value: {\"a b\":\"c\"}: `selector` does not match template `labels`","spec.template.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')","spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"] },
]

for (const { it, object, errors } of created) {
  test(`a Deployment that is created ${it}`, () => {
    assert.deepEqual(errorsOf(Deployment, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds spec.selector: Invalid value (2)", object: {"spec":{"selector":{"matchLabels":{"c":"d"}},"template":{"metadata":{"labels":{"c":"d"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, old: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.selector: Invalid value: {\"matchLabels\":{\"c\":\"d\"}}: field is immutable"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a Deployment that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(Deployment, object, old), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.updatedReplicas: Invalid value", object: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"replicas":1,"readyReplicas":2,"availableReplicas":3,"updatedReplicas":4,"collisionCount":1}}, old: {"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"collisionCount":2}}, errors: ["status.updatedReplicas: Invalid value: 4: cannot be greater than status.replicas","status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas","status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas","status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas","status.collisionCount: Invalid value: 1: cannot be decremented"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a Deployment whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(Deployment, object, old), errors)
  })
}
