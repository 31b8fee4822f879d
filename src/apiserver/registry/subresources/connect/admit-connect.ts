/** What a connection passes before it is opened, beside the authorization that every request passes. */
import type { Kind } from '#schema/kind.ts'
import { badRequest } from '#schema/status-error.ts'
import { demand } from '../../../authz/authorize.ts'
import type { Request } from '../../../request.ts'
import { attributesFor } from '../../../stages/authorize.ts'
import { admitMutating, admitValidating } from '../../admit.ts'
import { methodNotAllowed } from '../../method-not-allowed.ts'
import type { Registry } from '../../registry.ts'
import { writeContext } from '../../write-context.ts'

export interface Connection {
  readonly methods: readonly string[]
  /** `PodExecOptions` and the like, as admission sees and may change them. */
  readonly options: object
}

export async function admitConnect(
  registry: Registry,
  request: Request,
  { kind, methods, options }: Connection & { kind: Kind },
): Promise<void> {
  if (!methods.includes(request.method)) throw methodNotAllowed()
  if (request.query.has('dryRun')) throw badRequest('dryRun is not supported')
  const how = { dryRun: false, fieldManager: '', fieldValidation: 'Ignore', force: undefined, raw: {} } as const
  const context = writeContext(registry, request, { kind, options: how })
  await admitMutating(context, { operation: 'CONNECT', object: options })
  await admitValidating(context, { operation: 'CONNECT', object: options })
}

/**
 * WebSockets begin with GET, which would let those who may only read run commands
 * (upstream's gate `AuthorizePodWebsocketUpgradeCreatePermission`).
 */
export async function demandCreate({ authorizer, gates }: Registry, request: Request): Promise<void> {
  if (!gates.isOn('AuthorizePodWebsocketUpgradeCreatePermission')) return
  if (request.info.verb !== 'create') await demand(authorizer, attributesFor(request, request.user, 'create'))
}
