/** Secret: keys and values that not everybody may see. */
import { validateImmutable, validateSecretData } from '#api/core/v1/validation/data.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { boolean, bytes, map, optional, pointer, string } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  scope: 'Namespaced',
  doc: 'A secret holds sensitive data: passwords, keys, tokens.',
  schemaName: 'io.k8s.api.core.v1.Secret',
  fields: {
    immutable: pointer(5, boolean(), { doc: 'Whether the content can no longer change.' }),
    data: optional(2, map(bytes()), { doc: 'Content, as base64.' }),
    stringData: optional(4, map(string()), { doc: 'Texts, for writing only.' }),
    type: optional(3, string(), { default: 'Opaque', doc: 'What the secret is for.' }),
  },
  /** `stringData` is for writing only: it wins over `data` and is never kept. */
  defaults(secret) {
    const texts = Object.entries(secret.stringData ?? {}).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
    if (texts.length > 0) secret.data = { ...secret.data, ...Object.fromEntries(texts) }
    delete secret.stringData
  },
  immutable: ['type'],
  validate: (secret, at) => [...validateFinalizers(secret.metadata, at), ...validateSecretData(secret, at)],
  validateUpdate: validateImmutable,
  columns: [
    { name: 'Type', doc: 'What the secret is for.', value: ({ type }) => type },
    { name: 'Data', doc: 'How many entries there are.', value: ({ data = {} }) => Object.keys(data).length },
    age,
  ],
  selectable: { type: ({ type }) => type },
})

export interface Secret extends ObjectOf<typeof kind> {}
export const Secret: Kind<'Secret', Secret> = kind
