/** All containers of a pod with their paths, in upstream's order (`VisitContainersWithPath`). */
import type { Container } from '#api/core/v1/container.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import type { Path } from '#schema/field-error.ts'

export function eachContainer(spec: PodSpec, at: Path): { container: Container; here: Path }[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ container: container as Container, here: at.child(list).index(index) })),
  )
}
