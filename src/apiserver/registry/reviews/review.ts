/** Kinds that are questions: nothing is stored, and the answer stands in the status (`SubjectAccessReview`, `TokenReview`, ...). */
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Request, Response } from '../../request.ts'
import { admitMutating, admitValidating } from '../admit.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { writeOptions } from '../options.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { ensureNamespace } from '../strategy.ts'
import { createBinding } from '../subresources/binding.ts'
import { writeContext } from '../write-context.ts'
import { reviewAccess, reviewLocalAccess, reviewOwnAccess, reviewOwnRules } from './access.ts'
import { reviewToken } from './token.ts'
import { userInfo } from './user-info.ts'

/** The status of a review. */
export type Answer = (registry: Registry, request: Request, review: any) => Promise<object>

const answers: Readonly<Record<string, Answer>> = {
  TokenReview: reviewToken,
  SelfSubjectReview: async (_registry, { user }) => ({ userInfo: userInfo(user) }),
  SubjectAccessReview: reviewAccess,
  LocalSubjectAccessReview: reviewLocalAccess,
  SelfSubjectAccessReview: reviewOwnAccess,
  SelfSubjectRulesReview: reviewOwnRules,
}

export async function review(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  if (kind.kind === 'Binding') return createBinding(registry, request)
  const respond = answers[kind.kind]
  if (!respond) throw methodNotAllowed()
  const options = writeOptions(request.query, 'CreateOptions')
  const object = (await readObject(request, kind, { kinds: registry.kinds, options })) as KubeObject
  if (kind.namespaced) ensureNamespace(object, request.info.namespace)
  const context = writeContext(registry, request, { kind, options })
  await admitMutating(context, { operation: 'CREATE', object })
  await admitValidating(context, { operation: 'CREATE', object })
  const status = await respond(registry, request, object)
  return { type: 'object', status: 201, object: { ...object, status } }
}
