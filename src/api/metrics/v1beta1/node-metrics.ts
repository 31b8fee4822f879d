/** NodeMetrics: what a node uses (`k8s.io/metrics`); computed when it is asked for, never stored. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, duration, map, quantity, time } from '#schema/words.ts'

const kind = defineKind({
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  kind: 'NodeMetrics',
  plural: 'nodes',
  singular: '',
  scope: 'Cluster',
  doc: 'Node metrics say what a node used in a short time.',
  schemaName: 'io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics',
  virtual: true,
  verbs: ['get', 'list'],
  fields: {
    timestamp: always(2, time(), { doc: 'When the time ended.' }),
    window: always(3, duration(), { doc: 'How long it was.' }),
    usage: always(4, map(quantity()), { doc: 'What was used of each resource.' }),
  },
  columns: [
    { name: 'cpu', doc: 'CPU in use.', value: ({ usage }) => usage.cpu ?? '' },
    { name: 'memory', doc: 'Memory in use.', value: ({ usage }) => usage.memory ?? '' },
    { name: 'window', doc: 'How long was measured.', value: ({ window }) => window },
  ],
})

export interface NodeMetrics extends ObjectOf<typeof kind> {}
export const NodeMetrics: Kind<'NodeMetrics', NodeMetrics> = kind
