/** Binding: assigns a pod to a node; the body of `pods/binding`. */
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  scope: 'Namespaced',
  doc: 'A binding ties one object to another, as a pod to the node it shall run on.',
  schemaName: 'io.k8s.api.core.v1.Binding',
  virtual: true,
  verbs: ['create'],
  fields: {
    target: always(2, ObjectReference, { isRequired: true, doc: 'The object that it is tied to.' }),
  },
  validate: ({ target }, at) => [
    target.kind && target.kind !== 'Node' && at.child('target', 'kind').notSupported(target.kind, ['Node', '<empty>']),
    !target.name && at.child('target', 'name').required(),
  ],
})

export interface Binding extends ObjectOf<typeof kind> {}
export const Binding: Kind<'Binding', Binding> = kind
