/** TokenReview: whose token is this? */
import type { TokenReview } from '#api/authentication/v1/token-review.ts'
import { badRequest } from '#schema/status-error.ts'
import { authenticateToken } from '../../authn/bearer-token.ts'
import type { Witness } from '../../authn/witness.ts'
import type { Request } from '../../request.ts'
import type { Registry } from '../registry.ts'
import { userInfo } from './user-info.ts'

/** Without audiences in the question the token must be meant for the API server. */
export async function reviewToken({ tokenAuthentication }: Registry, request: Request, { spec }: TokenReview): Promise<object> {
  if (!spec.token) throw badRequest('token is required for TokenReview in authentication')
  const { tokens, audiences } = tokenAuthentication
  const wanted = spec.audiences?.length ? spec.audiences : audiences
  try {
    const witness: Witness = {
      annotate: (key, value) => request.audit?.annotate(key, value),
      warn: (message) => request.warnings.add(message),
    }
    const identity = await authenticateToken(spec.token, { tokens, audiences: wanted, witness })
    if (!identity) return { user: {} }
    return {
      authenticated: true,
      user: userInfo(identity.user),
      ...(identity.audiences.length > 0 && { audiences: identity.audiences }),
    }
  } catch (error) {
    return { user: {}, error: error instanceof Error ? error.message : String(error) }
  }
}
