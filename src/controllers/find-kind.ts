/** The kind that a reference names, among built-in ones and those of custom resources. */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import type { Kind } from '#schema/kind.ts'
import type { Caches } from './runtime/controller.ts'
import { kindsOf } from './runtime/custom-kinds.ts'

/** In whichever version; undefined where nobody serves it. */
export function findKind(
  { apiVersion = '', kind }: { readonly apiVersion?: string | undefined; readonly kind: string },
  caches: Caches<typeof CustomResourceDefinition>,
): Kind | undefined {
  const group = groupOf(apiVersion)
  const known = builtIn.find((one) => one.kind === kind && one.group === group)
  if (known) return known
  const custom = caches
    .list(CustomResourceDefinition)
    .filter(({ spec }) => spec.group === group && spec.names.kind === kind)
    .flatMap(kindsOf)
  return custom.find((one) => one.apiVersion === apiVersion) ?? custom[0]
}

export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
}

export function hasScale({ def }: Kind): boolean {
  return def.scale !== undefined || def.custom?.scale !== undefined
}
