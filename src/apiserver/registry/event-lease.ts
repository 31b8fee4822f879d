/** Events live for `--event-ttl`: they hang on leases, each of which many events share (upstream's lease manager). */
import type { Registry } from './registry.ts'
import { storedKindOf } from './storage.ts'
import type { WriteContext } from './write-context.ts'

const defaultTtl = 3600
/** A lease is handed out for so long, or for this part of the events' time, and lives that much longer. */
const reuseSeconds = 60
const reusePart = 0.05
const maxObjects = 1000

interface Shared {
  readonly lease: Promise<number>
  readonly until: number
  objects: number
}

const current = new WeakMap<Registry, Shared>()

/** The lease for what is written now, or undefined for kinds that stay. */
export function leaseFor({ registry, kind }: WriteContext): Promise<number> | undefined {
  const { eventTtl = defaultTtl } = registry
  const stored = storedKindOf(kind)
  if (stored.kind !== 'Event' || stored.group !== '' || eventTtl === 0) return undefined
  const now = registry.clock.monotonic()
  let shared = current.get(registry)
  if (!shared || shared.until <= now || shared.objects >= maxObjects) {
    const reuse = Math.min(reuseSeconds, Math.trunc(eventTtl * reusePart))
    const lease = registry.store.grantLease(eventTtl + reuse).then(({ id }) => id)
    current.set(registry, (shared = { lease, until: now + reuse * 1000, objects: 0 }))
    const granted = shared
    lease.catch(() => current.get(registry) === granted && current.delete(registry))
  }
  shared.objects++
  return shared.lease
}
