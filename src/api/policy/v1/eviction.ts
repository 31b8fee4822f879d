/** Eviction: asks the server to delete a pod, if disruption budgets allow; the body of `pods/eviction`. */
import { DeleteOptions } from '#api/meta/v1/delete-options.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { pointer } from '#schema/words.ts'

const kind = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  scope: 'Namespaced',
  doc: 'Asks for the deletion of one pod, within its disruption budget.',
  schemaName: 'io.k8s.api.policy.v1.Eviction',
  virtual: true,
  verbs: ['create'],
  fields: {
    deleteOptions: pointer(2, DeleteOptions, { doc: 'How the pod is to be deleted.' }),
  },
})

export interface Eviction extends ObjectOf<typeof kind> {}
export const Eviction: Kind<'Eviction', Eviction> = kind
