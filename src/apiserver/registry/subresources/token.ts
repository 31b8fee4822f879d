/** `serviceaccounts/token`: a token for a service account (TokenRequest). */
import { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { StatusError } from '#schema/status-error.ts'
import type { Request, Response } from '../../request.ts'
import { requestToken } from '../../token-request.ts'
import { admitMutating, admitValidating } from '../admit.ts'
import { writeOptions } from '../options.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { writeContext } from '../write-context.ts'

export async function createToken(registry: Registry, request: Request): Promise<Response> {
  const { tokens, client, clock, random } = registry
  if (!tokens) throw new StatusError('NotFound', 'the server could not find the requested resource', { details: {} })
  const options = writeOptions(request.query, 'CreateOptions')
  const sent = (await readObject(request, TokenRequest, { kinds: registry.kinds, options })) as TokenRequest
  const context = writeContext(registry, request, { kind: ServiceAccount, options })
  const { name, namespace } = request.info
  // As upstream: mutating plugins see what was sent, validating ones what it was completed to.
  await admitMutating(context, { operation: 'CREATE', object: sent })
  const admit = (object: TokenRequest) => admitValidating(context, { operation: 'CREATE', object })
  const issued = (id: string) => request.audit?.annotate('authentication.kubernetes.io/issued-credential-id', id)
  const parts = { tokens, client, clock, random, admit, issued, warn: context.warn }
  const object = await requestToken({ name, namespace }, sent, parts)
  return { type: 'object', status: 201, object }
}
