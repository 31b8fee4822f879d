/**
 * Chooses devices for claims on one node, trying every combination until one satisfies all requests and constraints (upstream
 * `dynamic-resource-allocation/structured`).
 *
 * Guarantees: no device is given twice, except for admin access; the same input gives the same choice; a search ends after a bounded number of steps.
 */
import type { Node } from '#api/core/v1/node.ts'
import type { DeviceClass } from '#api/resource/v1/device-class.ts'
import type { AllocationResult, DeviceConstraint, ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { DeviceAttribute } from '#api/resource/v1/resource-slice.ts'
import { quantityValue } from '#schema/quantity.ts'
import { allocationOf } from './allocation.ts'
import { AllocationFailure } from './allocation-failure.ts'
import { type Consumption, consumptionOf, isShared, leavesRoom } from './capacity.ts'
import { type Partition, type Pool, type PoolDevice, type Pools, poolsOf } from './pools.ts'
import { type Alternatives, type Asked, requestsOf, suitableDevices } from './requests.ts'

export interface Inventory {
  readonly pools: Pools
  /** Identities of devices in use. */
  readonly allocated: ReadonlySet<string>
  /** What is taken of those that may be shared. */
  readonly consumed: ReadonlyMap<string, readonly Consumption[]>
  classOf(name: string): DeviceClass | undefined
}

/** A device given to a request of a claim. */
export interface Given {
  readonly claim: number
  readonly asked: Asked
  readonly device: PoolDevice
  /** Of a device that may be shared: what is taken of it. */
  readonly consumed?: Consumption | undefined
}

const mostSteps = 100_000
const lookEvery = 64
/** Upstream `AllocationResultsMaxSize`. */
const mostPerClaim = 32

interface Searching extends Inventory {
  /** Tells the shares of one device apart. */
  shareId(): string
  /** Asked now and then: whether the search has taken too long. Default: never. */
  readonly isLate?: (() => boolean) | undefined
}

/** One allocation for each claim, or why the node cannot serve them all. Throws an AllocationFailure where no other node could either. */
export function allocate(
  claims: readonly ResourceClaim[],
  node: Node,
  { shareId, isLate = () => false, ...inventory }: Searching,
): readonly AllocationResult[] | string {
  const pools = poolsOf(inventory.pools, node)
  const search = new Search(claims, pools, { ...inventory, isLate })
  if (search.run()) {
    return claims.map((claim, i) => allocationOf(claim, { node, shareId, given: search.given.filter((one) => one.claim === i) }))
  }
  if (search.isOver) return 'timed out trying to allocate devices'
  return pools.some(({ isInvalid }) => isInvalid) ? 'invalid resource pools were encountered' : 'cannot allocate all claims'
}

type Bounded = Inventory & { isLate(): boolean }

class Search {
  readonly given: Given[] = []
  /** It has looked for too long. */
  isOver = false
  #claims: readonly ResourceClaim[]
  #requests: readonly (readonly Alternatives[])[]
  #pools: readonly Pool[]
  #inventory: Bounded
  #taken = new Set<string>()
  #suitable = new Map<Asked, readonly PoolDevice[]>()
  #steps = 0

  constructor(claims: readonly ResourceClaim[], pools: readonly Pool[], inventory: Bounded) {
    this.#claims = claims
    this.#pools = pools
    this.#inventory = inventory
    this.#requests = claims.map((claim) => requestsOf(claim, inventory.classOf))
    for (const [i, requests] of this.#requests.entries()) this.#checkSize(i, requests)
  }

  #checkSize(claim: number, requests: readonly Alternatives[]): void {
    const least = (alternatives: Alternatives) => Math.min(...alternatives.map((asked) => this.#countOf(claim, asked)))
    const count = requests.reduce((sum, alternatives) => sum + (alternatives.length > 0 ? least(alternatives) : 0), 0)
    if (count <= mostPerClaim) return
    const limit = `exceeds the claim limit of ${mostPerClaim}`
    throw new AllocationFailure(`claim ${this.#nameOf(claim)}: number of requested devices ${count} ${limit}`)
  }

  #countOf(claim: number, asked: Asked): number {
    return asked.all ? this.#suitableFor(claim, asked).length : asked.count
  }

  #nameOf(claim: number): string {
    const { namespace, name } = (this.#claims[claim] as ResourceClaim).metadata
    return namespace ? `${namespace}/${name}` : name
  }

  run(): boolean {
    return this.#request(0, 0)
  }

  #request(claim: number, request: number): boolean {
    const requests = this.#requests[claim]
    if (!requests) return true
    const alternatives = requests[request]
    if (!alternatives) return this.#request(claim + 1, 0)
    return alternatives.some((asked) => {
      const suitable = this.#suitableFor(claim, asked)
      const count = this.#countOf(claim, asked)
      const shares = suitable.some(({ device }) => isShared(device))
      if (count === 0 || suitable.length === 0 || (!shares && count > suitable.length)) return false
      if (this.given.filter((one) => one.claim === claim).length + count > mostPerClaim) return false
      const next = () => this.#request(claim, request + 1)
      return this.#choose({ claim, asked, suitable, shares, left: count, from: 0 }, next)
    })
  }

  #suitableFor(claim: number, asked: Asked): readonly PoolDevice[] {
    let found = this.#suitable.get(asked)
    if (found) return found
    found = suitableDevices(asked, this.#pools, () => this.#nameOf(claim))
    this.#suitable.set(asked, found)
    return found
  }

  /** Once too much time has gone, or too much was tried, nothing more is. */
  #step(): boolean {
    this.#steps++
    this.isOver ||= this.#steps > mostSteps || (this.#steps % lookEvery === 0 && this.#inventory.isLate())
    return !this.isOver
  }

  /** Devices are taken in order, since any order of the same ones is the same choice. */
  #choose(choice: Choice, next: () => boolean): boolean {
    const { claim, asked, suitable, shares, left, from } = choice
    if (left === 0) return next()
    if (!shares && suitable.length - from < left) return false
    for (let i = from; i < suitable.length; i++) {
      if (!this.#step()) return false
      const device = suitable[i] as PoolDevice
      const fits = this.#isFree(asked, device) && this.#holds(claim, asked, device)
      if (!fits && asked.all) return false
      if (!fits) continue
      const isShare = isShared(device.device) && !asked.adminAccess
      const isFirst = !this.#taken.has(device.id)
      this.given.push({ claim, asked, device, consumed: isShare ? consumptionOf(asked, device.device) : undefined })
      if (!asked.adminAccess) this.#taken.add(device.id)
      const again = isShare && !asked.all ? i : i + 1
      if (this.#choose({ ...choice, left: left - 1, from: again }, next)) return true
      this.given.pop()
      if (!asked.adminAccess && isFirst) this.#taken.delete(device.id)
      if (asked.all) return false
    }
    return false
  }

  #isFree(asked: Asked, one: PoolDevice): boolean {
    if (asked.adminAccess) return true
    const { id, device } = one
    const isUsed = this.#inventory.allocated.has(id) || this.#taken.has(id)
    if (!isShared(device)) return !isUsed && this.#hasCounters(one)
    const here = this.given.filter((given) => given.device.id === id && given.consumed).map(({ consumed = {} }) => consumed)
    const taken = [...(this.#inventory.consumed.get(id) ?? []), ...here]
    // The counters behind it are drawn from once, by whoever comes first.
    return leavesRoom(device, consumptionOf(asked, device) ?? {}, taken) && (isUsed || this.#hasCounters(one))
  }

  /** Partitions of one device draw from shared counters (KEP-4815). */
  #hasCounters(wanted: PoolDevice): boolean {
    const consumed = wanted.device.consumesCounters ?? []
    if (consumed.length === 0) return true
    const pool = this.#pools.find(({ key }) => key === `${wanted.driver}/${wanted.pool}`)
    const used = (pool?.partitions ?? []).filter(({ id }) => this.#inventory.allocated.has(id) || this.#taken.has(id))
    return consumed.every(({ counterSet, counters = {} }) =>
      Object.entries(counters).every(([name, { value }]) => {
        const whole = pool?.counters.get(`${counterSet}/${name}`)
        if (whole === undefined) return false
        const spent = used.reduce((sum, one) => sum + spentBy(one, counterSet, name), 0)
        return spent + quantityValue(value) <= quantityValue(whole)
      }),
    )
  }

  #holds(claim: number, asked: Asked, device: PoolDevice): boolean {
    const constraints = this.#claims[claim]?.spec.devices.constraints ?? []
    return constraints.every((constraint) => {
      if (!concerns(constraint, asked)) return true
      const { matchAttribute, distinctAttribute } = constraint
      const name = matchAttribute ?? distinctAttribute
      if (!name) return true
      const value = attributeText(device, name)
      if (value === undefined) return false
      const others = this.given.filter((one) => one.claim === claim && concerns(constraint, one.asked))
      return others.every((one) => (attributeText(one.device, name) === value) === (matchAttribute !== undefined))
    })
  }
}

interface Choice {
  readonly claim: number
  readonly asked: Asked
  readonly suitable: readonly PoolDevice[]
  /** Some of them may be given more than once. */
  readonly shares: boolean
  readonly left: number
  readonly from: number
}

function spentBy({ device }: Partition, counterSet: string, name: string): number {
  const sets = (device.consumesCounters ?? []).filter((one) => one.counterSet === counterSet)
  return sets.reduce((sum, { counters = {} }) => sum + quantityValue(counters[name]?.value ?? '0'), 0)
}

/** No names are all names; a request's name stands for its subrequests. */
function concerns({ requests = [] }: DeviceConstraint, { name, parent }: Asked): boolean {
  return requests.length === 0 || requests.includes(name) || requests.includes(parent)
}

/** Type and value; names in the driver's own domain may leave it out. */
function attributeText({ driver, device }: PoolDevice, name: string): string | undefined {
  const attributes = device.attributes ?? {}
  const slash = name.indexOf('/')
  const own = slash >= 0 && name.slice(0, slash) === driver ? attributes[name.slice(slash + 1)] : undefined
  const attribute: DeviceAttribute | undefined = attributes[name] ?? own
  return attribute && JSON.stringify(attribute, (_, value) => (typeof value === 'bigint' ? `${value}` : value))
}
