/** `kubernetes_feature_enabled`: which features are on, of which stage (upstream `component-base/metrics/prometheus/feature`). */
import type { FeatureGates } from '#api/feature-gates.ts'
import { samples } from './exposition.ts'

export function featureLines(gates: FeatureGates): string[] {
  return samples(
    [
      'kubernetes_feature_enabled',
      'gauge',
      '[BETA] This metric records the data about the stage and enablement of a k8s feature.',
    ],
    gates.all().map(({ name, stage, isOn }) => [{ name, stage }, isOn ? 1 : 0] as const),
  )
}
