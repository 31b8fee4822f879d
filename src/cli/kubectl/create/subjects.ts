/** Whom a role binding is for, out of --user, --group and --serviceaccount. */
import { array } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import type { Json } from '../session.ts'

export const subjectFlags = { user: array(), group: array(), serviceaccount: array() } as const
export const rbacGroup = 'rbac.authorization.k8s.io'

export interface SubjectWishes {
  readonly user: readonly string[]
  readonly group: readonly string[]
  readonly serviceaccount: readonly string[]
}

export function subjectsOf({ user, group, serviceaccount }: SubjectWishes): Json[] {
  return [
    ...user.map((name) => ({ kind: 'User', apiGroup: rbacGroup, name })),
    ...group.map((name) => ({ kind: 'Group', apiGroup: rbacGroup, name })),
    ...serviceaccount.map((text) => {
      const [namespace, name, ...more] = text.split(':')
      if (!namespace || !name || more.length > 0) throw new KubectlError('serviceaccount must be <namespace>:<name>')
      return { kind: 'ServiceAccount', name, namespace }
    }),
  ]
}
