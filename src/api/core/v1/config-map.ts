/** config-map: ConfigMap. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { boolean, bytes, map, optional, pointer, string } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.ConfigMap',
  shortNames: ['cm'],
  fields: {
    immutable: pointer(4, boolean()),
    data: optional(2, map(string())),
    binaryData: optional(3, map(bytes())),
  },
})

export interface ConfigMap extends ObjectOf<typeof kind> {}
export const ConfigMap: Kind<'ConfigMap', ConfigMap> = kind
