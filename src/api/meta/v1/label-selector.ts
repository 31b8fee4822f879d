/** LabelSelector (`metav1.LabelSelector`): which labels an object must have. */
import { always, list, map, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const labelSelectorRequirement = object('io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement', {
  key: always(1, string(), { doc: 'The label that the rule is about.' }),
  operator: always(2, string(), { doc: 'In, NotIn, Exists or DoesNotExist.' }),
  values: optional(3, list(string(), { listType: 'atomic' }), { doc: 'Values for In and NotIn; empty for the others.' }),
})
export interface LabelSelectorRequirement extends TypeOf<typeof labelSelectorRequirement> {}
export const LabelSelectorRequirement: Schema<LabelSelectorRequirement> = labelSelectorRequirement

const labelSelector = object(
  'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector',
  {
    matchLabels: optional(1, map(string()), { doc: 'Labels that must stand there with exactly these values.' }),
    matchExpressions: optional(2, list(LabelSelectorRequirement, { listType: 'atomic' }), { doc: 'Rules that must all hold.' }),
  },
  { atomic: true },
)
export interface LabelSelector extends TypeOf<typeof labelSelector> {}
export const LabelSelector: Schema<LabelSelector> = labelSelector

/** Whether the selector matches; an empty one matches everything, an absent one nothing. */
export function selects(selector: LabelSelector | undefined, labels: Labels = {}): boolean {
  return selecting(selector)(labels)
}

type Labels = Readonly<Record<string, string>>

/** The same for many: the selector is read once. */
export function selecting(selector: LabelSelector | undefined): (labels: Labels | undefined) => boolean {
  if (!selector) return () => false
  const exact = Object.entries(selector.matchLabels ?? {})
  const rules = selector.matchExpressions ?? []
  return (labels = {}) => exact.every(([key, value]) => labels[key] === value) && rules.every((rule) => holds(rule, labels))
}

function holds({ key, operator, values = [] }: LabelSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}
