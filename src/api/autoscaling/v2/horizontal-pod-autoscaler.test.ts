import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { errorsOf, statusErrorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},"maxReplicas":3}}, errors: [] },
  { it: "finds spec.minReplicas: Invalid value", object: {"spec":{"maxReplicas":0,"minReplicas":0}}, errors: ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1","spec.maxReplicas: Invalid value: 0: must be greater than 0","spec.scaleTargetRef.kind: Required value","spec.scaleTargetRef.name: Required value","spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group","spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas"] },
  { it: "finds spec.scaleTargetRef.apiVersion: Invalid value", object: {"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"},"maxReplicas":3}}, errors: ["spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group"] },
  { it: "finds spec.metrics[0].type: Unsupported value", object: {"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},"maxReplicas":3,"metrics":[{"type":"x"},{"type":"Pods","resource":{"name":"cpu","target":{"type":"Utilization"}}},{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":0}}},{"type":"Object","object":{"describedObject":{},"metric":{},"target":{"type":"Value","value":"0"}}}]}}, errors: ["spec.metrics[0].type: Unsupported value: \"x\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"","spec.metrics[0].type: Unsupported value: \"x\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"","spec.metrics[1].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization","spec.metrics[1].pods: Required value: must populate information for the given metric source","spec.metrics[2].resource.target.averageUtilization: Invalid value: 0: must be greater than 0","spec.metrics[3].object.describedObject.kind: Required value","spec.metrics[3].object.describedObject.name: Required value","spec.metrics[3].object.metric.name: Required value: must specify a metric name","spec.metrics[3].object.target.value: Invalid value: \"0\": must be positive"] },
  { it: "finds spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value", object: {"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},"maxReplicas":3,"behavior":{"scaleUp":{"stabilizationWindowSeconds":4000,"selectPolicy":"x","policies":[{"type":"x","value":0,"periodSeconds":2000}],"tolerance":"-1"}}}}, errors: ["spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600","spec.behavior.scaleUp.selectPolicy: Unsupported value: \"x\": supported values: \"Disabled\", \"Max\", \"Min\"","spec.behavior.scaleUp.policies[0].type: Unsupported value: \"x\": supported values: \"Percent\", \"Pods\"","spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero","spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 2000: must be less than or equal to 1800","spec.behavior.scaleUp.tolerance: Invalid value: \"-1\": must be greater than or equal to 0"] },
]

for (const { it, object, errors } of created) {
  test(`a HorizontalPodAutoscaler that is created ${it}`, () => {
    assert.deepEqual(errorsOf(HorizontalPodAutoscaler, object), errors)
  })
}

// biome-ignore format: a table; the errors are upstream's, to the letter
const reported = [
  { it: "finds status.desiredReplicas: Invalid value", object: {"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},"maxReplicas":3},"status":{"desiredReplicas":-1}}, old: {"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},"maxReplicas":3}}, errors: ["status.desiredReplicas: Invalid value: -1: must be greater than or equal to 0"] },
]

for (const { it, object, old, errors } of reported) {
  test(`a HorizontalPodAutoscaler whose status is updated ${it}`, () => {
    assert.deepEqual(statusErrorsOf(HorizontalPodAutoscaler, object, old), errors)
  })
}
