/** binding: Binding. */
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.Binding',
  virtual: true,
  verbs: ['create'],
  fields: {
    target: always(2, ObjectReference),
  },
})

export interface Binding extends ObjectOf<typeof kind> {}
export const Binding: Kind<'Binding', Binding> = kind
