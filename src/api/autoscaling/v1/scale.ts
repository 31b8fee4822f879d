/** Scale: how many replicas something has and shall have; the body of every `scale` subresource. */
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const scaleSpec = object('io.k8s.api.autoscaling.v1.ScaleSpec', {
  replicas: optional(1, int32(), { doc: 'Number of replicas that are wanted.' }),
})
export interface ScaleSpec extends TypeOf<typeof scaleSpec> {}
export const ScaleSpec: Schema<ScaleSpec> = scaleSpec

const scaleStatus = object('io.k8s.api.autoscaling.v1.ScaleStatus', {
  replicas: always(1, int32(), { doc: 'Number of replicas that there are.' }),
  selector: optional(2, string(), { doc: 'Selector of the pods, as text.' }),
})
export interface ScaleStatus extends TypeOf<typeof scaleStatus> {}
export const ScaleStatus: Schema<ScaleStatus> = scaleStatus

const kind = defineKind({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  scope: 'Namespaced',
  doc: 'How many replicas something has and shall have.',
  schemaName: 'io.k8s.api.autoscaling.v1.Scale',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, ScaleSpec, { doc: 'What is wanted.' }),
    status: always(3, ScaleStatus, { doc: 'What there is.' }),
  },
  validate: ({ spec }, at) => [
    (spec.replicas ?? 0) < 0 && at.child('spec', 'replicas').invalid(spec.replicas, 'must be greater than or equal to 0'),
  ],
  columns: [
    // No name that could be put behind its kind: it is that of another object.
    { name: 'Name', format: '', doc: 'Name, unique within the namespace for its kind.', value: ({ metadata }) => metadata.name },
    { name: 'Desired', type: 'integer', doc: 'Number of replicas that are wanted.', value: ({ spec }) => spec.replicas ?? 0 },
    { name: 'Available', type: 'integer', doc: 'Number of replicas that there are.', value: ({ status }) => status.replicas },
    age,
  ],
})

export interface Scale extends ObjectOf<typeof kind> {}
export const Scale: Kind<'Scale', Scale> = kind
