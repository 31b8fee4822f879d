/** Subresources of a custom resource. */
import type { FieldError, Path } from '#schema/field-error.ts'
import type { CustomResourceSubresources } from '../custom-resource-definition-spec.ts'
import { simplePathErrors } from './columns.ts'

export function subresourceErrors({ scale }: CustomResourceSubresources, at: Path): FieldError[] {
  if (!scale) return []
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale
  return [
    ...pathErrors(specReplicasPath, at.child('scale.specReplicasPath'), ['.spec']),
    ...pathErrors(statusReplicasPath, at.child('scale.statusReplicasPath'), ['.status']),
    ...(labelSelectorPath ? pathErrors(labelSelectorPath, at.child('scale.labelSelectorPath'), ['.spec', '.status']) : []),
  ]
}

function pathErrors(path: string, at: Path, roots: readonly string[]): FieldError[] {
  if (path === '') return [at.required()]
  const errors = simplePathErrors(path, at)
  if (errors.length > 0 || roots.some((root) => path.startsWith(`${root}.`))) return errors
  const under = roots.length > 1 ? `either ${roots.join(' or ')}` : roots[0]
  return [at.invalid(path, `should be a json path under ${under}`)]
}
