/** Rules for roles and their bindings (upstream `rbac/validation`). */
import { among, dnsSubdomain, formatted, required } from '#api/core/v1/validation/checks.ts'
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import type { RoleRef, Subject } from '#api/rbac/v1/role-binding.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isPathSegmentName } from '#schema/formats.ts'

interface Options {
  isNamespaced: boolean
}

export function validateRules(rules: readonly PolicyRule[], at: Path, { isNamespaced }: Options): FieldError[] {
  return rules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }, index) => {
    const here = at.index(index)
    const errors = verbs.length === 0 ? [here.child('verbs').required('verbs must contain at least one value')] : []
    if (nonResourceURLs.length > 0) {
      const urls = here.child('nonResourceURLs')
      if (isNamespaced) errors.push(urls.invalid(nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'))
      if (apiGroups.length + resources.length + resourceNames.length > 0) {
        errors.push(urls.invalid(nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'))
      }
      return errors
    }
    if (apiGroups.length === 0) errors.push(here.child('apiGroups').required('resource rules must supply at least one api group'))
    if (resources.length === 0) errors.push(here.child('resources').required('resource rules must supply at least one resource'))
    return errors
  })
}

const group = 'rbac.authorization.k8s.io'

interface Binding {
  roleRef: RoleRef
  subjects?: Subject[] | undefined
}

export function validateBinding({ roleRef, subjects = [] }: Binding, at: Path, { isNamespaced }: Options): FieldError[] {
  const here = at.child('roleRef')
  const { apiGroup, kind, name } = roleRef
  return [
    ...among(apiGroup, [group], here.child('apiGroup')),
    ...among(kind, isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'], here.child('kind')),
    ...(name ? formatted(isPathSegmentName, name, here.child('name')) : [here.child('name').required()]),
    ...subjects.flatMap((subject, index) => subjectErrors(subject, at.child('subjects').index(index), { isNamespaced })),
  ]
}

function subjectErrors({ kind, apiGroup = '', name, namespace }: Subject, at: Path, { isNamespaced }: Options): FieldError[] {
  const errors = required(name, at.child('name'))
  switch (kind) {
    case 'ServiceAccount':
      return [
        ...errors,
        ...(name ? dnsSubdomain(name, at.child('name')) : []),
        ...among(apiGroup, [''], at.child('apiGroup')),
        ...(isNamespaced ? [] : required(namespace, at.child('namespace'))),
      ]
    case 'User':
    case 'Group':
      return [...errors, ...among(apiGroup, [group], at.child('apiGroup'))]
    default:
      return [...errors, at.child('kind').notSupported(kind, ['ServiceAccount', 'User', 'Group'])]
  }
}

/** Whom a binding gives a role may change, which role it gives may not. */
export function validateRoleRefKept({ roleRef }: Binding, { roleRef: old }: Binding, at: Path): FieldError[] {
  const isSame = roleRef.apiGroup === old.apiGroup && roleRef.kind === old.kind && roleRef.name === old.name
  const shown = { APIGroup: roleRef.apiGroup, Kind: roleRef.kind, Name: roleRef.name }
  return isSame ? [] : [at.child('roleRef').invalid(shown, 'cannot change roleRef')]
}
