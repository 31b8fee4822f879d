/** The kinds that controllers know of: one version of each resource that is served. */
import { kinds as builtIn } from '#api/kinds.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import { enabledKinds } from '#api/runtime-config.ts'
import type { Kind } from '#schema/kind.ts'

export function controllerKinds(runtimeConfig: string | undefined): readonly Kind[] {
  const served = new Map<string, Kind>()
  for (const kind of enabledKinds([...builtIn, ...previewKinds], runtimeConfig)) {
    const resource = `${kind.plural}.${kind.group}`
    if (!served.has(resource)) served.set(resource, kind)
  }
  // A version that is turned off may be missing here, but never what controllers are written for.
  return [...new Set([...builtIn, ...[...served.values()].filter((kind) => !isBuiltIn(kind))])]
}

function isBuiltIn(kind: Kind): boolean {
  return builtIn.some(({ plural, group }) => plural === kind.plural && group === kind.group)
}
