/** Events live for an hour: they hang on leases, each of which many events share (upstream's lease manager). */
import type { Registry } from './registry.ts'
import { storedKindOf } from './storage.ts'
import type { WriteContext } from './write-context.ts'

const eventTtl = 3600
/** A lease is handed out for so long, and lives that much longer. */
const reuseSeconds = 60
const maxObjects = 1000

interface Shared {
  readonly lease: Promise<number>
  readonly until: number
  objects: number
}

const current = new WeakMap<Registry, Shared>()

/** The lease for what is written now, or undefined for kinds that stay. */
export function leaseFor({ registry, kind }: WriteContext): Promise<number> | undefined {
  const stored = storedKindOf(kind)
  if (stored.kind !== 'Event' || stored.group !== '') return undefined
  const now = registry.clock.monotonic()
  let shared = current.get(registry)
  if (!shared || shared.until <= now || shared.objects >= maxObjects) {
    const lease = registry.store.grantLease(eventTtl + reuseSeconds).then(({ id }) => id)
    current.set(registry, (shared = { lease, until: now + reuseSeconds * 1000, objects: 0 }))
    const granted = shared
    lease.catch(() => current.get(registry) === granted && current.delete(registry))
  }
  shared.objects++
  return shared.lease
}
