/** What the rules for the parts of a pod need to know about the pod as a whole. */
import type { PodSpec } from '#api/core/v1/pod-spec.ts'

export interface PodContext {
  readonly spec: PodSpec
  /** False within a template, whose pods get defaults and a name of their own later. */
  readonly isPod: boolean
  /** '' within a template. */
  readonly podName: string
  readonly annotations: Readonly<Record<string, string>>
  /** Names of the pod's resource claims. */
  readonly claims: ReadonlySet<string>
}

export function podContext(
  spec: PodSpec,
  metadata: { readonly name?: string; readonly annotations?: Record<string, string> | undefined } = {},
  isPod = false,
): PodContext {
  return {
    spec,
    isPod,
    podName: metadata.name ?? '',
    annotations: metadata.annotations ?? {},
    claims: new Set((spec.resourceClaims ?? []).map(({ name }) => name).filter(Boolean)),
  }
}
