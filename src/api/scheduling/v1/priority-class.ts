/** priority-class: PriorityClass. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, boolean, int32, oneOf, optional, pointer, string } from '#schema/words.ts'

const kind = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  scope: 'Cluster',
  schemaName: 'io.k8s.api.scheduling.v1.PriorityClass',
  shortNames: ['pc'],
  fields: {
    value: always(2, int32()),
    globalDefault: optional(3, boolean()),
    description: optional(4, string()),
    preemptionPolicy: pointer(5, oneOf('Never', 'PreemptLowerPriority')),
  },
})

export interface PriorityClass extends ObjectOf<typeof kind> {}
export const PriorityClass: Kind<'PriorityClass', PriorityClass> = kind
