/** EventRateLimit: bounds how many events are written, in all, by namespace, by user, or about one object. */
import type { Event } from '#api/core/v1/event.ts'
import { StatusError } from '#schema/status-error.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts'

interface Limit {
  readonly type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject'
  readonly qps: number
  readonly burst: number
  /** How many buckets are kept; those that were not asked for longest go. */
  readonly cacheSize?: number
}

const defaultCacheSize = 4096

/** `configuration` is an EventRateLimit Configuration. */
export function eventRateLimitWith(configuration: { readonly limits?: readonly Limit[] } | undefined): AdmissionPlugin {
  const limits = configuration?.limits ?? []
  if (limits.length === 0) throw new Error('limits: Invalid value: null: must have at least one limit')
  const buckets = limits.map(() => new Map<string, { tokens: number; at: number }>())
  return {
    name: 'EventRateLimit',
    handles: ({ operation, kind, subresource }) =>
      kind.kind === 'Event' && !subresource && (operation === 'CREATE' || operation === 'UPDATE'),
    validate(request, { clock }) {
      if (request.dryRun) return
      const refused = limits.filter(
        (limit, i) => !take(buckets[i] as never, { limit, key: keyOf(limit, request), now: clock.now() }),
      )
      if (refused.length === 0) return
      const texts = refused.map((limit) => `limit reached on type ${limit.type} for key ${keyOf(limit, request)}`)
      throw new StatusError('TooManyRequests', texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`)
    },
  }
}

function keyOf({ type }: Limit, { namespace, user, object }: AdmissionRequest): string {
  if (type === 'Namespace') return namespace
  if (type === 'User') return user.name
  if (type === 'Server') return ''
  const { source, involvedObject: about } = object as Event
  return [source?.component, source?.host, about?.kind, about?.namespace, about?.name, about?.uid, about?.apiVersion].join('')
}

interface Taking {
  readonly limit: Limit
  readonly key: string
  readonly now: number
}

/** A token bucket for each key. */
function take(buckets: Map<string, { tokens: number; at: number }>, { limit, key, now }: Taking): boolean {
  const { tokens, at } = buckets.get(key) ?? { tokens: limit.burst, at: now }
  buckets.delete(key)
  const filled = Math.min(limit.burst, tokens + ((now - at) / 1000) * limit.qps)
  buckets.set(key, { tokens: filled >= 1 ? filled - 1 : filled, at: now })
  if (buckets.size > (limit.cacheSize || defaultCacheSize)) buckets.delete(buckets.keys().next().value as string)
  return filled >= 1
}
