/** What the core groups ask of metadata beyond what every object must fulfil (upstream `validateKubeFinalizerName`). */
import type { FieldError, Path } from '#schema/field-error.ts'

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion']

export function kubeFinalizerErrors(name: string, at: Path): FieldError[] {
  if (name.includes('/') || standardFinalizers.includes(name)) return []
  return [at.invalid(name, 'name is neither a standard finalizer name nor is it fully qualified')]
}

/** A finalizer without a domain must be one of Kubernetes' own. */
export function validateFinalizers(metadata: { finalizers?: string[] | undefined }, at: Path): FieldError[] {
  const here = at.child('metadata', 'finalizers')
  return (metadata.finalizers ?? []).flatMap((name, index) => kubeFinalizerErrors(name, here.index(index)))
}
