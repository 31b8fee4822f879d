/** ConfigMap: configuration as keys and values. */
import { validateConfigMapData, validateImmutable } from '#api/core/v1/validation/data.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { boolean, bytes, map, optional, pointer, string } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  scope: 'Namespaced',
  doc: 'A config map holds configuration for pods to read.',
  schemaName: 'io.k8s.api.core.v1.ConfigMap',
  shortNames: ['cm'],
  fields: {
    immutable: pointer(4, boolean(), { doc: 'Whether the content can no longer change.' }),
    data: optional(2, map(string()), { doc: 'Texts.' }),
    binaryData: optional(3, map(bytes()), { doc: 'Other content, as base64.' }),
  },
  validate: (map, at) => [...validateFinalizers(map.metadata, at), ...validateConfigMapData(map, at)],
  validateUpdate: validateImmutable,
  columns: [
    {
      name: 'Data',
      doc: 'How many entries there are.',
      value: ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length,
    },
    age,
  ],
})

export interface ConfigMap extends ObjectOf<typeof kind> {}
export const ConfigMap: Kind<'ConfigMap', ConfigMap> = kind
