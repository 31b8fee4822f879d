/** taint: Taint, Toleration. */
import { always, int64, object, oneOf, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const taint = object('io.k8s.api.core.v1.Taint', {
  key: always(1, string()),
  value: optional(2, string()),
  effect: always(3, oneOf('NoExecute', 'NoSchedule', 'PreferNoSchedule')),
  timeAdded: pointer(4, time()),
})
export interface Taint extends TypeOf<typeof taint> {}
export const Taint: Schema<Taint> = taint

const toleration = object('io.k8s.api.core.v1.Toleration', {
  key: optional(1, string()),
  operator: optional(2, oneOf('Equal', 'Exists', 'Gt', 'Lt')),
  value: optional(3, string()),
  effect: optional(4, oneOf('NoExecute', 'NoSchedule', 'PreferNoSchedule')),
  tolerationSeconds: pointer(5, int64()),
})
export interface Toleration extends TypeOf<typeof toleration> {}
export const Toleration: Schema<Toleration> = toleration
