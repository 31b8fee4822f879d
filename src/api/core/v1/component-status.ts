/** ComponentStatus: whether a part of the control plane answers; made when it is asked for, and deprecated. */
import { type Column, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const componentCondition = object('io.k8s.api.core.v1.ComponentCondition', {
  type: always(1, string(), { doc: 'Healthy.' }),
  status: always(2, string(), { doc: 'True, False or Unknown.' }),
  message: optional(3, string(), { doc: 'What the component answered.' }),
  error: optional(4, string(), { doc: 'Why it did not answer.' }),
})
export interface ComponentCondition extends TypeOf<typeof componentCondition> {}
export const ComponentCondition: Schema<ComponentCondition> = componentCondition

interface ComponentParts extends KubeObject {
  conditions?: ComponentCondition[] | undefined
}

const columns: readonly Column<ComponentParts>[] = [
  {
    name: 'Status',
    doc: 'Healthy or Unhealthy.',
    value: (component) => {
      const healthy = healthOf(component)
      if (!healthy) return 'Unknown'
      return healthy.status === 'True' ? 'Healthy' : 'Unhealthy'
    },
  },
  { name: 'Message', doc: 'What the component answered.', value: (component) => healthOf(component)?.message ?? '' },
  { name: 'Error', doc: 'Why it did not answer.', value: (component) => healthOf(component)?.error ?? '' },
]

function healthOf({ conditions = [] }: ComponentParts): ComponentCondition | undefined {
  return conditions.find(({ type }) => type === 'Healthy')
}

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  scope: 'Cluster',
  doc: 'A component status says whether a part of the control plane answers.',
  schemaName: 'io.k8s.api.core.v1.ComponentStatus',
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  shortNames: ['cs'],
  virtual: true,
  verbs: ['get', 'list'],
  fields: {
    conditions: optional(2, list(ComponentCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
      doc: 'Whether it is healthy.',
    }),
  },
  columns,
})

export interface ComponentStatus extends ObjectOf<typeof kind> {}
export const ComponentStatus: Kind<'ComponentStatus', ComponentStatus> = kind
