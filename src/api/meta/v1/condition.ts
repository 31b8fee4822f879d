/** Condition (`metav1.Condition`): one observed aspect of an object's state. */
import { always, int64, known, object, optional, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const condition = object('io.k8s.apimachinery.pkg.apis.meta.v1.Condition', {
  type: always(1, string(), { doc: 'The aspect, in CamelCase.' }),
  status: always(2, known('True', 'False', 'Unknown'), { doc: 'Whether it holds.' }),
  observedGeneration: optional(3, int64(), { doc: 'The generation that the condition was computed from.' }),
  lastTransitionTime: always(4, time(), { isRequired: true, doc: 'When the status last changed.' }),
  reason: always(5, string(), { doc: 'One CamelCase word for programs.' }),
  message: always(6, string(), { doc: 'A sentence for people.' }),
})
export interface Condition extends TypeOf<typeof condition> {}
export const Condition: Schema<Condition> = condition
