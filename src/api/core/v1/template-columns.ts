/** Wide columns of everything that has a pod template (upstream `layoutContainerCells`). */
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import type { Column } from '#schema/kind.ts'

interface HasTemplate {
  spec: { template?: PodTemplateSpec | undefined }
}

export const templateColumns: readonly Column<HasTemplate>[] = [
  { name: 'Containers', priority: 1, doc: 'Names of the containers.', value: ({ spec }) => each(spec, ({ name }) => name) },
  { name: 'Images', priority: 1, doc: 'Images of the containers.', value: ({ spec }) => each(spec, ({ image }) => image ?? '') },
]

function each(
  { template }: HasTemplate['spec'],
  text: (container: PodTemplateSpec['spec']['containers'][number]) => string,
): string {
  return (template?.spec.containers ?? []).map(text).join(',')
}

/** `app=web,tier=front`, or `<none>`. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return pairs.sort().join(',') || '<none>'
}
