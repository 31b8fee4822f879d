/** FieldSelectorRequirement (`metav1.FieldSelectorRequirement`): one rule about a field, in access reviews. */
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const fieldSelectorRequirement = object('io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement', {
  key: always(1, string(), { doc: 'The field that the rule is about.' }),
  operator: always(2, string(), { doc: 'In, NotIn, Exists or DoesNotExist.' }),
  values: optional(3, list(string(), { listType: 'atomic' }), { doc: 'Values for In and NotIn; empty for the others.' }),
})
export interface FieldSelectorRequirement extends TypeOf<typeof fieldSelectorRequirement> {}
export const FieldSelectorRequirement: Schema<FieldSelectorRequirement> = fieldSelectorRequirement
