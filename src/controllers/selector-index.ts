/** Objects with a selector, found by one of the labels that they ask for: a change of a pod need not be held against all of them. */
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Caches, Index } from './runtime/controller.ts'

const name = 'selector'

/** `labelsOf` answers the labels that must be equal, none where anything may be selected; undefined where nothing is. */
export function selectorIndex<T extends KubeObject>(
  kind: Kind<string, T>,
  labelsOf: (object: T) => Readonly<Record<string, string>> | undefined,
): Index {
  const keys = (object: T) => {
    const labels = labelsOf(object)
    if (!labels) return []
    const [first] = Object.entries(labels)
    return [keyOf(object.metadata.namespace, first)]
  }
  return { kind, name, keys }
}

/** Those of the object's namespace that may select it: all that do are among them. */
export function candidates<N extends string, T extends KubeObject>(
  caches: Caches<any>,
  kind: Kind<N, T>,
  { metadata }: KubeObject,
): readonly T[] {
  // Of what kind the caller may read, the caller's own declaration says.
  const reads = caches as unknown as Caches<Kind>
  const found = [...reads.indexed(kind as Kind, { index: name, value: keyOf(metadata.namespace, undefined) })]
  for (const label of Object.entries(metadata.labels ?? {})) {
    found.push(...reads.indexed(kind as Kind, { index: name, value: keyOf(metadata.namespace, label) }))
  }
  return found as unknown as readonly T[]
}

/** A slash stands in no namespace. */
function keyOf(namespace = '', label: readonly [string, string] | undefined): string {
  return label ? `${namespace}/${label[0]}=${label[1]}` : `${namespace}/`
}
