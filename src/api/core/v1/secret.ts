/** secret: Secret. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { boolean, bytes, map, optional, pointer, string } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.Secret',
  fields: {
    immutable: pointer(5, boolean()),
    data: optional(2, map(bytes())),
    stringData: optional(4, map(string())),
    type: optional(3, string()),
  },
})

export interface Secret extends ObjectOf<typeof kind> {}
export const Secret: Kind<'Secret', Secret> = kind
