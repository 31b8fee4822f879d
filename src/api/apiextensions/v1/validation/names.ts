/** Names of a custom resource. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1035Label } from '#schema/formats.ts'
import type { CustomResourceDefinitionNames } from '../custom-resource-definition-spec.ts'

export function requiredNames(names: CustomResourceDefinitionNames, at: Path): FieldError[] {
  return (['plural', 'singular', 'kind', 'listKind'] as const)
    .filter((name) => !names[name])
    .map((name) => at.child(name).required())
}

export function nameListErrors(names: CustomResourceDefinitionNames, at: Path): FieldError[] {
  const { plural, singular = '', kind, listKind = '', shortNames = [], categories = [] } = names
  const same = kind !== '' &&
    kind === listKind && [at.child('listKind').invalid(listKind, 'kind and listKind may not be the same')]
  return [
    ...labelErrors(plural, at.child('plural')),
    ...labelErrors(singular, at.child('singular')),
    ...kindErrors(kind, at.child('kind')),
    ...kindErrors(listKind, at.child('listKind')),
    ...shortNames.flatMap((name, i) => labelErrors(name, at.child('shortNames').index(i), true)),
    ...(same || []),
    ...categories.flatMap((name, i) => labelErrors(name, at.child('categories').index(i), true)),
  ]
}

function labelErrors(name: string, at: Path, isRequired = false): FieldError[] {
  const problems = name === '' && !isRequired ? [] : isDns1035Label(name)
  return problems.length > 0 ? [at.invalid(name, problems.join(','))] : []
}

function kindErrors(name: string, at: Path): FieldError[] {
  const problems = name === '' ? [] : isDns1035Label(name.toLowerCase())
  return problems.length > 0 ? [at.invalid(name, `may have mixed case, but should otherwise match: ${problems.join(',')}`)] : []
}
