/** A Lister over objects in hand, for tests that need no server. */
import type { Lister } from '#apiserver/admission/plugin.ts'
import type { Kind } from '#schema/kind.ts'

/** Objects by kind; what is missing in their metadata is not looked at. */
export function listerOf(...entries: readonly (readonly [Kind<string, any>, readonly object[]])[]): Lister {
  const all = (kind: Kind): any[] => entries.filter(([each]) => each === kind).flatMap(([, objects]) => objects)
  return {
    get: (kind, name, namespace) =>
      all(kind).find(({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === (namespace ?? '')),
    list: (kind, namespace) => all(kind).filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
  }
}
