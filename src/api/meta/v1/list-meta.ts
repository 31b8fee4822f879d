/** ListMeta (`metav1.ListMeta`), and the schema of a kind's list, which every kind has. */
import { type Kind, listKindOf } from '#schema/kind.ts'
import {
  always,
  int64,
  list,
  type ObjectNode,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const listMeta = object('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta', {
  selfLink: optional(1, string(), { doc: 'No longer filled in.' }),
  resourceVersion: optional(2, string(), { doc: 'Version of the collection when it was read.' }),
  continue: optional(3, string(), { doc: 'Where the next page begins; empty on the last.' }),
  remainingItemCount: pointer(4, int64(), { doc: 'How many objects follow after this page.' }),
})
export interface ListMeta extends TypeOf<typeof listMeta> {}
export const ListMeta: Schema<ListMeta> = listMeta

const lists = new WeakMap<Kind, ObjectNode>()

/** `DeploymentList`, made once per kind. */
export function listSchemaOf(kind: Kind): ObjectNode {
  const known = lists.get(kind)
  if (known) return known
  const name = kind.def.schemaName.replace(/[^.]+$/, listKindOf(kind))
  const made = object(name, {
    apiVersion: optional(0, string(), { doc: 'Group and version of this list.' }),
    kind: optional(0, string(), { doc: 'Kind of this list.' }),
    metadata: always(1, ListMeta, { doc: 'Version and paging of the list.' }),
    items: always(2, list(kind.schema as Schema<unknown>), { doc: 'The objects.' }),
  })
  lists.set(kind, made)
  return made
}
