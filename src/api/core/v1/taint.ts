/** Taint, Toleration: nodes keep pods away, and pods that bear it. */
import { always, int64, known, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const taint = object('io.k8s.api.core.v1.Taint', {
  key: always(1, string(), { doc: 'Name of the taint.' }),
  value: optional(2, string(), { doc: 'Its value.' }),
  effect: always(3, known('NoExecute', 'NoSchedule', 'PreferNoSchedule'), { doc: 'NoSchedule, PreferNoSchedule or NoExecute.' }),
  timeAdded: pointer(4, time(), { doc: 'When it was added.' }),
})
export interface Taint extends TypeOf<typeof taint> {}
export const Taint: Schema<Taint> = taint

const toleration = object('io.k8s.api.core.v1.Toleration', {
  key: optional(1, string(), { doc: 'Taint that is borne; none means all.' }),
  operator: optional(2, known('Equal', 'Exists', 'Gt', 'Lt'), { doc: 'Equal or Exists.' }),
  value: optional(3, string(), { doc: 'Value that the taint must have.' }),
  effect: optional(4, known('NoExecute', 'NoSchedule', 'PreferNoSchedule'), { doc: 'Effect that is borne; none means all.' }),
  tolerationSeconds: pointer(5, int64(), { doc: 'How long NoExecute is borne.' }),
})
export interface Toleration extends TypeOf<typeof toleration> {}
export const Toleration: Schema<Toleration> = toleration
