/** The kinds of custom resources as controllers know them: read off their definitions, one per definition and version. */

import { customKinds } from '#api/apiextensions/v1/custom-kinds.ts'
import type { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import type { Kind } from '#schema/kind.ts'

const known = new WeakMap<CustomResourceDefinition, readonly Kind[]>()

/** The preferred version first; none while the definition is not established. */
export function kindsOf(definition: CustomResourceDefinition): readonly Kind[] {
  let kinds = known.get(definition)
  if (!kinds) known.set(definition, (kinds = customKinds(definition)))
  return kinds
}
