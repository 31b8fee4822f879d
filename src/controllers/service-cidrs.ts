/**
 * ServiceCIDR controller: ranges are ready once they cannot vanish from under Services, and go when no address needs them any more
 * (KEP-1880, upstream `controller/servicecidrs`).
 */
import type { Condition } from '#api/meta/v1/condition.ts'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { formatTime } from '#lib/clock.ts'
import { type AddressRange, parseAddress, parseRange, rangeCovers, rangeHolds } from './address-range.ts'
import { type Caches, type Change, type Cluster, defineController } from './runtime/controller.ts'

const finalizer = 'networking.k8s.io/service-cidr-finalizer'
/** So long the allocators have to hear that a range is going. */
const grace = 10_000

export const serviceCidrController = defineController({
  name: 'service-cidr-controller',
  account: 'service-cidrs-controller',
  for: ServiceCIDR,
  reads: [IPAddress],
  writes: [ServiceCIDR],
  watches: [
    {
      kind: ServiceCIDR,
      when: ({ object, old }) => !object || !old,
      visits: (range: ServiceCIDR, caches: Caches<typeof ServiceCIDR>) => overlapping(range, caches.list(ServiceCIDR)),
    },
    {
      kind: IPAddress,
      when: ({ object, old }: Change<IPAddress>) => !object || !old,
      visits: (address: IPAddress, caches: Caches<typeof ServiceCIDR>) =>
        caches
          .list(ServiceCIDR)
          .filter(({ metadata }) => metadata.deletionTimestamp)
          .filter((range) => holds(range, address))
          .map(refOf),
    },
  ],

  async reconcile(range, cluster) {
    const { deletionTimestamp, finalizers = [] } = range.metadata
    if (deletionTimestamp) return release(range, cluster)
    if (!finalizers.includes(finalizer)) {
      await cluster.patch(ServiceCIDR, range, {
        type: 'merge',
        body: { metadata: { finalizers: [...finalizers, finalizer], resourceVersion: range.metadata.resourceVersion } },
      })
    }
    await tell(range, cluster, { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' })
    return undefined
  },
})

type CidrCluster = Cluster<typeof ServiceCIDR | typeof IPAddress, typeof ServiceCIDR>

async function release(range: ServiceCIDR, cluster: CidrCluster) {
  const { deletionTimestamp = '', finalizers = [], resourceVersion } = range.metadata
  if (!finalizers.includes(finalizer)) return undefined
  if (!canGo(range, { ranges: cluster.list(ServiceCIDR), addresses: cluster.list(IPAddress) })) {
    const message = 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR'
    await tell(range, cluster, { status: 'False', reason: 'Terminating', message })
    return undefined
  }
  const left = Date.parse(deletionTimestamp) + grace - cluster.clock.now()
  if (left > 0) return { after: left / 1000 }
  const others = finalizers.filter((one) => one !== finalizer)
  await cluster.patch(ServiceCIDR, range, { type: 'merge', body: { metadata: { finalizers: others, resourceVersion } } })
  return undefined
}

/** A condition that says the same keeps its time: a range that is looked at again is not written again. */
async function tell(
  range: ServiceCIDR,
  cluster: CidrCluster,
  { status, reason, message }: Pick<Condition, 'reason' | 'message'> & { status: 'True' | 'False' },
): Promise<void> {
  const before = range.status.conditions?.find(({ type }) => type === 'Ready')
  // The default range is told ready by the API server, in words of its own.
  if (before?.status === status && (status === 'True' || before.message === message)) return
  const lastTransitionTime = formatTime(cluster.clock.now())
  const others = range.status.conditions?.filter(({ type }) => type !== 'Ready') ?? []
  const conditions = [...others, { type: 'Ready', status, reason, message, lastTransitionTime }]
  await cluster.status(ServiceCIDR, range, { ...range.status, conditions })
}

/** Whether every address that was taken from the range lies in another one, too. */
export function canGo(
  range: ServiceCIDR,
  { ranges, addresses }: { ranges: readonly ServiceCIDR[]; addresses: readonly IPAddress[] },
): boolean {
  const others = ranges.filter(({ metadata }) => metadata.name !== range.metadata.name).flatMap(rangesOf)
  const own = rangesOf(range)
  if (own.every((one) => others.some((other) => rangeCovers(other, one)))) return true
  return addresses.filter(isAllocated).every(({ metadata }) => {
    const address = parseAddress(metadata.name)
    const isHere = address !== undefined && own.some((one) => rangeHolds(one, address))
    return !isHere || others.some((other) => rangeHolds(other, address))
  })
}

function isAllocated({ metadata }: IPAddress): boolean {
  return metadata.labels?.['ipaddress.kubernetes.io/managed-by'] === 'ipallocator.k8s.io'
}

function holds(range: ServiceCIDR, address: IPAddress): boolean {
  const parsed = isAllocated(address) ? parseAddress(address.metadata.name) : undefined
  return parsed !== undefined && rangesOf(range).some((one) => rangeHolds(one, parsed))
}

function overlapping(range: ServiceCIDR, all: readonly ServiceCIDR[]) {
  const own = rangesOf(range)
  const touches = (one: AddressRange) => own.some((other) => rangeCovers(one, other) || rangeCovers(other, one))
  return all.filter((other) => rangesOf(other).some(touches)).map(refOf)
}

function rangesOf({ spec }: ServiceCIDR): AddressRange[] {
  return (spec.cidrs ?? []).flatMap((cidr) => parseRange(cidr) ?? [])
}

function refOf({ metadata }: ServiceCIDR) {
  return { name: metadata.name }
}
