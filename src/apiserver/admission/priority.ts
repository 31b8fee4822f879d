/** Priority: fills in a pod's priority from its class, and keeps priority classes in order. */
import type { Pod } from '#api/core/v1/pod.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import type { Client } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { AdmissionPlugin, AdmissionRequest, Lister } from './plugin.ts'
import { refuse } from './refuse.ts'

export const priority: AdmissionPlugin = {
  name: 'Priority',
  handles: ({ operation, kind, subresource }) =>
    (operation === 'CREATE' || operation === 'UPDATE') && isOurs(kind) && !subresource,
  mutate(request, { lister }) {
    if (request.kind.plural !== 'pods') return
    if (request.operation === 'CREATE') setPriority(request, lister)
    else keepPriority(request.object, request.old)
  },
  validate(request, { lister }) {
    if (request.kind.plural === 'priorityclasses') checkOnlyDefault(request, lister)
  },
}

function isOurs({ group, plural }: AdmissionRequest['kind']): boolean {
  return (group === '' && plural === 'pods') || (group === PriorityClass.group && plural === 'priorityclasses')
}

function setPriority(request: AdmissionRequest, lister: Lister): void {
  const { spec } = request.object as Pod
  const found = spec.priorityClassName ? lister.get(PriorityClass, spec.priorityClassName) : defaultClass(lister)
  if (spec.priorityClassName && !found) throw refuse(request, `no PriorityClass with name ${spec.priorityClassName} was found`)
  const value = found?.value ?? 0
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority'
  const computed = 'priority admission controller computed'
  if (spec.priority !== undefined && spec.priority !== value) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; ${computed} ${value} from the given PriorityClass name`
    throw refuse(request, why)
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; ${computed} ${policy} from the given PriorityClass name`
    throw refuse(request, why)
  }
  if (!spec.priorityClassName && found) spec.priorityClassName = found.metadata.name
  spec.priority = value
  spec.preemptionPolicy = policy
}

/** Should a race have made several, the lowest counts. */
function defaultClass(lister: Lister): PriorityClass | undefined {
  const defaults = lister.list(PriorityClass).filter(({ globalDefault }) => globalDefault)
  return defaults.reduce<PriorityClass | undefined>(
    (lowest, each) => (lowest && lowest.value <= each.value ? lowest : each),
    undefined,
  )
}

/** A client that does not know the fields must not seem to clear them. */
function keepPriority({ spec }: Pod, { spec: old }: Pod): void {
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority
  if (spec.preemptionPolicy === undefined && old.preemptionPolicy !== undefined) spec.preemptionPolicy = old.preemptionPolicy
}

function checkOnlyDefault(request: AdmissionRequest, lister: Lister): void {
  const { metadata, globalDefault } = request.object as PriorityClass
  if (!globalDefault) return
  const other = defaultClass(lister)
  if (!other || (request.operation === 'UPDATE' && other.metadata.name === metadata.name)) return
  throw refuse(request, `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`)
}

/** The classes of what a cluster and its nodes cannot do without. */
export const systemPriorityClasses: readonly Draft<PriorityClass>[] = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
    preemptionPolicy: 'PreemptLowerPriority',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    preemptionPolicy: 'PreemptLowerPriority',
  },
]

/** Creates the system's classes where they are missing; may be done again and again. */
export async function reconcileSystemPriorityClasses(client: Client): Promise<void> {
  for (const wanted of systemPriorityClasses) {
    // To look first costs a fraction of a create that is refused.
    if (await client.get(PriorityClass, { name: wanted.metadata?.name ?? '' }).catch(unless('NotFound'))) continue
    await client.create(PriorityClass, wanted).catch(unless('AlreadyExists'))
  }
}

function unless(reason: 'NotFound' | 'AlreadyExists'): (error: unknown) => undefined {
  return (error) => {
    if (!hasReason(error, reason)) throw error
    return undefined
  }
}
