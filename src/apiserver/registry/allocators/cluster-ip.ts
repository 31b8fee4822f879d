/** Cluster IPs, claimed as IPAddress objects whose names are the addresses: the store decides who was first (KEP-1880, KEP-3070). */
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import type { Client } from '#client/client.ts'
import type { Random } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Lister } from '../../admission/plugin.ts'
import { staticBand } from './dynamic-band.ts'
import { contains, formatIpv4, type Ipv4Range, parseIpv4, parseIpv4Cidr } from './ipv4.ts'

export interface IpContext {
  readonly lister: Lister
  readonly client: Client
  readonly random: Random
  /** Claims nothing. */
  readonly dryRun: boolean
}

export interface ServiceRef {
  readonly namespace: string
  readonly name: string
}

/** The address cannot be had; the message goes into a field error. */
export class IpError extends Error {}

/** No address is left. */
export class RangeFullError extends IpError {}

export class ClusterIpAllocator {
  readonly #default: Ipv4Range

  /** `cidr` counts until the cluster has ServiceCIDR objects. */
  constructor(cidr: string) {
    const range = parseIpv4Cidr(cidr)
    if (!range) throw new Error(`invalid service CIDR: ${cidr}`)
    this.#default = range
  }

  /** Claims this very address for the service; false when the service had it already. Throws IpError. */
  async allocate(ip: string, service: ServiceRef, context: IpContext): Promise<boolean> {
    const address = parseIpv4(ip)
    const range = address === undefined ? undefined : this.#ranges(context.lister).find((each) => contains(each, address))
    if (!range) throw new IpError('the provided network does not match the current range')
    const outcome = await claim(ip, service, context)
    if (outcome === 'taken') throw new IpError('provided IP is already allocated')
    return outcome === 'claimed'
  }

  /** Claims any address; throws RangeFullError. */
  async allocateNext(service: ServiceRef, context: IpContext): Promise<string> {
    for (const range of this.#ranges(context.lister)) {
      for (const address of candidates(range, context.random)) {
        const ip = formatIpv4(address)
        if (context.lister.get(IPAddress, ip)) continue
        if ((await claim(ip, service, context)) === 'claimed') return ip
      }
    }
    throw new RangeFullError('range is full')
  }

  /** Only what is still claimed for the service; an address that is not claimed needs no release. */
  async release(ip: string, service: ServiceRef, { lister, client }: Pick<IpContext, 'lister' | 'client'>): Promise<void> {
    try {
      const object = lister.get(IPAddress, ip) ?? (await client.get(IPAddress, { name: ip }))
      if (!belongsTo(object, service)) return
      await client.delete(IPAddress, { name: ip }, { preconditions: { uid: object.metadata.uid } })
    } catch (error) {
      if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error
    }
  }

  #ranges(lister: Lister): readonly Ipv4Range[] {
    const objects = lister.list(ServiceCIDR).filter(({ metadata }) => !metadata.deletionTimestamp)
    const ranges = objects.flatMap(({ spec }) => spec.cidrs ?? []).flatMap((cidr) => parseIpv4Cidr(cidr) ?? [])
    return ranges.length > 0 ? ranges : [this.#default]
  }
}

/** The upper band from a random place on, then the lower one from its start. */
function* candidates({ first, last }: Ipv4Range, random: Random): Generator<number> {
  const size = last - first + 3
  const split = first + staticBand(size, { min: 16, max: 256, step: 16 })
  for (const [from, to] of [
    [split, last],
    [first, split - 1],
  ] as const) {
    const count = to - from + 1
    const start = Math.floor(random.next() * count)
    for (let i = 0; i < count; i++) yield from + ((start + i) % count)
  }
}

/** `held`: by the same service, which made the claim before, be it in a write that a crash cut off. */
async function claim(
  ip: string,
  service: ServiceRef,
  { lister, client, dryRun }: IpContext,
): Promise<'claimed' | 'held' | 'taken'> {
  if (dryRun) return lister.get(IPAddress, ip) ? 'taken' : 'claimed'
  try {
    await client.create(IPAddress, addressObject(ip, service))
    return 'claimed'
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
    const existing = await client.get(IPAddress, { name: ip }).catch(() => undefined)
    return existing && belongsTo(existing, service) ? 'held' : 'taken'
  }
}

function addressObject(ip: string, { namespace, name }: ServiceRef) {
  return {
    metadata: {
      name: ip,
      labels: {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { resource: 'services', namespace, name } },
  }
}

function belongsTo({ spec }: IPAddress, { namespace, name }: ServiceRef): boolean {
  const ref = spec.parentRef
  return ref?.resource === 'services' && ref.namespace === namespace && ref.name === name
}
