/** PodMetrics: what the containers of a pod use (`k8s.io/metrics`); computed when it is asked for, never stored. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { addQuantity, formatQuantity } from '#schema/quantity.ts'
import { always, duration, list, map, object, quantity, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const containerMetrics = object('io.k8s.metrics.pkg.apis.metrics.v1beta1.ContainerMetrics', {
  name: always(1, string(), { doc: 'Name of the container.' }),
  usage: always(2, map(quantity()), { doc: 'What was used of each resource.' }),
})
export interface ContainerMetrics extends TypeOf<typeof containerMetrics> {}
export const ContainerMetrics: Schema<ContainerMetrics> = containerMetrics

const kind = defineKind({
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  kind: 'PodMetrics',
  plural: 'pods',
  singular: '',
  scope: 'Namespaced',
  doc: 'Pod metrics say what the containers of a pod used in a short time.',
  schemaName: 'io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics',
  virtual: true,
  verbs: ['get', 'list'],
  fields: {
    timestamp: always(2, time(), { doc: 'When the time ended.' }),
    window: always(3, duration(), { doc: 'How long it was.' }),
    containers: always(4, list(ContainerMetrics), { doc: 'The containers.' }),
  },
  columns: [
    { name: 'cpu', doc: 'CPU in use.', value: ({ containers }) => total(containers, 'cpu') },
    { name: 'memory', doc: 'Memory in use.', value: ({ containers }) => total(containers, 'memory') },
    { name: 'window', doc: 'How long was measured.', value: ({ window }) => window },
  ],
})

function total(containers: readonly ContainerMetrics[], resource: string): string {
  return formatQuantity(containers.reduce((sum, { usage }) => addQuantity(sum, usage[resource] ?? '0'), addQuantity('0', '0')))
}

export interface PodMetrics extends ObjectOf<typeof kind> {}
export const PodMetrics: Kind<'PodMetrics', PodMetrics> = kind
