import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { errorsOf, statusErrorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"]}}, errors: [] },
  { it: "finds spec.accessModes: Required value", object: {"spec":{}}, errors: ["spec.accessModes: Required value: at least 1 access mode is required","spec.resources[storage]: Required value"] },
  { it: "finds spec.accessModes: Unsupported value", object: {"spec":{"accessModes":["x"],"resources":{"requests":{"storage":"-1"}},"volumeMode":"y","storageClassName":"A"}}, errors: ["spec.accessModes: Unsupported value: \"x\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"","spec.resources[storage]: Invalid value: \"-1\": must be greater than zero","spec.storageClassName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')","spec.volumeMode: Unsupported value: \"y\": supported values: \"Block\", \"Filesystem\""] },
]

for (const { it, object, errors } of created) {
  test(`a PersistentVolumeClaim that is created ${it}`, () => {
    assert.deepEqual(errorsOf(PersistentVolumeClaim, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds nothing wrong (2)", object: {"spec":{"resources":{"requests":{"storage":"2Gi"}},"accessModes":["ReadWriteOnce"]}}, old: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"]},"status":{"phase":"Bound","capacity":{"storage":"1Gi"}}}, errors: [] },
  { it: "finds spec.resources.requests.storage: Forbidden", object: {"spec":{"resources":{"requests":{"storage":"500Mi"}},"accessModes":["ReadWriteOnce"]}}, old: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"]},"status":{"phase":"Bound","capacity":{"storage":"1Gi"}}}, errors: ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"] },
  { it: "finds nothing wrong (3)", object: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"],"volumeName":"v"}}, old: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"]}}, errors: [] },
  { it: "finds spec: Forbidden", object: {"spec":{"resources":{"requests":{"storage":"2Gi"}},"accessModes":["ReadWriteOnce"]}}, old: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"]}}, errors: ["spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n@@ -6,7 +6,7 @@\n  \"Resources\": {\n   \"Limits\": null,\n   \"Requests\": {\n-   \"storage\": \"1Gi\"\n+   \"storage\": \"2Gi\"\n   }\n  },\n  \"VolumeName\": \"\",\n"] },
  { it: "finds spec.volumeAttributesClassName: Forbidden", object: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"],"volumeAttributesClassName":""}}, old: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"],"volumeAttributesClassName":"a"},"status":{"phase":"Bound","currentVolumeAttributesClassName":"a"}}, errors: ["spec.volumeAttributesClassName: Forbidden: update to empty string is forbidden when status.currentVolumeAttributesClassName is not nil"] },
]

for (const { it, object, old, errors } of updated) {
  test(`a PersistentVolumeClaim that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(PersistentVolumeClaim, object, old), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.capacity[storage]: Invalid value", object: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"]},"status":{"capacity":{"storage":"-1"},"allocatedResources":{"cpu":"1"},"allocatedResourceStatuses":{"storage":"x"}}}, old: {"spec":{"resources":{"requests":{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"]}}, errors: ["status.capacity[storage]: Invalid value: -1: must be a valid resource quantity","status.allocatedResourceStatuses: Unsupported value: \"storage\": supported values: \"ControllerResizeInProgress\", \"ControllerResizeInfeasible\", \"NodeResizeInProgress\", \"NodeResizeInfeasible\", \"NodeResizePending\"","status.allocatedResources: Unsupported value: \"cpu\": supported values: \"storage\""] },
]

for (const { it, object, old, errors } of reported) {
  test(`a PersistentVolumeClaim whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(PersistentVolumeClaim, object, old), errors)
  })
}
