/** TopologySelectorTerm: labels of the places where volumes may be provisioned. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { validateLabelName } from '#schema/validate.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const topologySelectorLabelRequirement = object('io.k8s.api.core.v1.TopologySelectorLabelRequirement', {
  key: always(1, string(), { doc: 'Label that is meant.' }),
  values: always(2, list(string(), { listType: 'atomic' }), { doc: 'Values, of which one must be there.' }),
})
export interface TopologySelectorLabelRequirement extends TypeOf<typeof topologySelectorLabelRequirement> {}
export const TopologySelectorLabelRequirement: Schema<TopologySelectorLabelRequirement> = topologySelectorLabelRequirement

const topologySelectorTerm = object(
  'io.k8s.api.core.v1.TopologySelectorTerm',
  {
    matchLabelExpressions: optional(1, list(TopologySelectorLabelRequirement, { listType: 'atomic' }), {
      doc: 'Labels of the place; all must hold.',
    }),
  },
  { atomic: true },
)
export interface TopologySelectorTerm extends TypeOf<typeof topologySelectorTerm> {}
export const TopologySelectorTerm: Schema<TopologySelectorTerm> = topologySelectorTerm

/** Terms that must not say the same twice, as upstream's `ValidateTopologySelectorTerm` has it. */
export function validateTopologyTerm({ matchLabelExpressions = [] }: TopologySelectorTerm, at: Path): FieldError[] {
  const seen = new Set<string>()
  return matchLabelExpressions.flatMap(({ key, values }, index) => {
    const here = at.child('matchLabelExpressions').index(index)
    const errors = [...valueErrors(values, here.child('values')), ...validateLabelName(key, here.child('key'))]
    if (seen.has(key)) errors.push(here.child('key').duplicate(key))
    seen.add(key)
    return errors
  })
}

function valueErrors(values: readonly string[], at: Path): FieldError[] {
  if (values.length === 0) return [at.required()]
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [at.index(index).duplicate(value)] : []))
}
