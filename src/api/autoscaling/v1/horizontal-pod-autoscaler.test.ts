import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromStored, toStored } from '#api/autoscaling/v1/autoscaler-conversion.ts'
import { HorizontalPodAutoscaler as Old } from '#api/autoscaling/v1/horizontal-pod-autoscaler.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { decode } from '#schema/decode.ts'
import { errorsOf, made } from '#testing/errors-of.ts'

const scaleTargetRef = { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }

test('toStored() takes 80 % of CPU where no target is named, as upstream does', () => {
  const { spec } = toStored(made(Old, { spec: { scaleTargetRef, maxReplicas: 3 } }))
  const target = { type: 'Utilization', averageUtilization: 80 }
  assert.deepEqual(spec.metrics, [{ type: 'Resource', resource: { name: 'cpu', target } }])
})

test('fromStored() keeps in annotations what v1 has no fields for, and toStored() finds it there', () => {
  const metrics = [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
  ]
  const behavior = { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } }
  const conditions = [{ type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }]
  const stored = made(HorizontalPodAutoscaler, {
    spec: { scaleTargetRef, maxReplicas: 3, metrics, behavior },
    status: { desiredReplicas: 1, conditions },
  })
  const old = fromStored(stored)
  assert.equal(old.spec.targetCPUUtilizationPercentage, 50)
  assert.deepEqual(Object.keys(old.metadata.annotations ?? {}).sort(), [
    'autoscaling.alpha.kubernetes.io/behavior',
    'autoscaling.alpha.kubernetes.io/conditions',
    'autoscaling.alpha.kubernetes.io/metrics',
  ])
  const again = decode(HorizontalPodAutoscaler.schema, toStored(old))
  assert.deepEqual(again.spec.behavior, stored.spec.behavior)
  assert.deepEqual(again.status, stored.status)
  assert.deepEqual(new Set(again.spec.metrics), new Set(stored.spec.metrics))
  assert.deepEqual(again.metadata, stored.metadata)
})

test('a HorizontalPodAutoscaler of v1 obeys the same rules', () => {
  assert.deepEqual(errorsOf(Old, { spec: { scaleTargetRef, maxReplicas: 0 } }), [
    'spec.maxReplicas: Invalid value: 0: must be greater than 0',
    'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
  ])
})
