import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: [] },
  { it: "finds spec.selector: Required value", object: {"spec":{}}, errors: ["spec.selector: Required value","spec.template: Required value"] },
  { it: "finds spec.minReadySeconds: Invalid value", object: {"spec":{"selector":{"x":"y"},"replicas":-1,"minReadySeconds":-1,"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, errors: ["spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0","spec.replicas: Invalid value: -1: must be greater than or equal to 0","spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"] },
  { it: "finds spec.template.spec.restartPolicy: Unsupported value", object: {"spec":{"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}],"restartPolicy":"Never","activeDeadlineSeconds":1}}}}, errors: ["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"","spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported"] },
]

for (const { it, object, errors } of created) {
  test(`a ReplicationController that is created ${it}`, () => {
    assert.deepEqual(errorsOf(ReplicationController, object), errors)
  })
}
