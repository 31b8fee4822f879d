/** Who writes, and how: what admission, hooks and the store's history learn about a write. */
import type { Kind } from '#schema/kind.ts'
import type { Cause } from '#store/store.ts'
import type { Request, User } from '../request.ts'
import type { WriteOptions } from './options.ts'
import type { Registry } from './registry.ts'

export interface WriteContext {
  readonly registry: Registry
  readonly kind: Kind
  readonly namespace: string
  /** '' where the server is to make a name. */
  readonly name: string
  readonly subresource: string
  readonly user: User
  readonly dryRun: boolean
  /** As admission sees them. */
  readonly options: Readonly<Record<string, unknown>>
  readonly request: Request
  warn(message: string): void
}

export function writeContext(
  registry: Registry,
  request: Request,
  { kind, options }: { kind: Kind; options: WriteOptions },
): WriteContext {
  const { info, user, warnings } = request
  return {
    registry,
    kind,
    namespace: kind.namespaced ? info.namespace : '',
    name: info.name,
    subresource: info.subresource,
    user,
    dryRun: options.dryRun,
    options: options.raw,
    request,
    warn: (message) => warnings.add(message),
  }
}

export function causeOf({ registry, user, request }: WriteContext): Cause {
  return { user: user.name, time: registry.clock.now(), request: request.auditId }
}
