import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { errorsOf, updateErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/x"}}}, errors: [] },
  { it: "finds spec.accessModes: Required value", object: {"spec":{}}, errors: ["spec.accessModes: Required value","spec.capacity: Required value","spec.capacity: Unsupported value: null: supported values: \"storage\"","spec: Required value: must specify a volume type"] },
  { it: "finds spec.accessModes: Unsupported value", object: {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["x","ReadWriteOncePod","ReadOnlyMany"],"hostPath":{"path":"/x"},"nfs":{"server":"s","path":"/"},"persistentVolumeReclaimPolicy":"y","volumeMode":"z","storageClassName":"A"}}, errors: ["spec.accessModes: Unsupported value: \"x\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"","spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes","spec.persistentVolumeReclaimPolicy: Unsupported value: \"y\": supported values: \"Delete\", \"Recycle\", \"Retain\"","spec.nfs: Forbidden: may not specify more than 1 volume type","spec.storageClassName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')","spec.volumeMode: Unsupported value: \"z\": supported values: \"Block\", \"Filesystem\""] },
  { it: "finds spec.capacity: Unsupported value", object: {"spec":{"capacity":{"storage":"0","cpu":"1"},"accessModes":["ReadWriteOnce"],"local":{"path":"/a/../b"}}}, errors: ["spec.capacity: Unsupported value: {\"cpu\":\"1\",\"storage\":\"0\"}: supported values: \"storage\"","spec.capacity[storage]: Invalid value: \"0\": must be greater than zero","spec.local.path: Invalid value: \"/a/../b\": must not contain '..'","spec.nodeAffinity: Required value: Local volume requires node affinity"] },
  { it: "finds spec.csi.volumeHandle: Required value", object: {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"csi":{"driver":"a.b","nodeStageSecretRef":{},"nodePublishSecretRef":{}},"volumeAttributesClassName":""}}, errors: ["spec.csi.volumeHandle: Required value","spec.csi.nodePublishSecretRef.name: Required value","spec.csi.nodePublishSecretRef.namespace: Required value","spec.volumeAttributesClassName: Required value: an empty string is disallowed"] },
  { it: "finds spec.persistentVolumeReclaimPolicy: Forbidden", object: {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/"},"persistentVolumeReclaimPolicy":"Recycle"}}, errors: ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"] },
]

for (const { it, object, errors } of created) {
  test(`a PersistentVolume that is created ${it}`, () => {
    assert.deepEqual(errorsOf(PersistentVolume, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const updated = [
  { it: "finds spec.persistentvolumesource: Forbidden", object: {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/y"},"volumeMode":"Block"}}, old: {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/x"}}}, errors: ["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ -2,7 +2,7 @@\n  \"GCEPersistentDisk\": null,\n  \"AWSElasticBlockStore\": null,\n  \"HostPath\": {\n-  \"Path\": \"/x\",\n+  \"Path\": \"/y\",\n   \"Type\": \"\"\n  },\n  \"Glusterfs\": null,\n","volumeMode: Invalid value: \"Block\": field is immutable"] },
  { it: "finds nothing wrong (2)", object: {"spec":{"capacity":{"storage":"2Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/x"}}}, old: {"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/x"}}}, errors: [] },
]

for (const { it, object, old, errors } of updated) {
  test(`a PersistentVolume that is updated ${it}`, () => {
    assert.deepEqual(updateErrorsOf(PersistentVolume, object, old), errors)
  })
}
