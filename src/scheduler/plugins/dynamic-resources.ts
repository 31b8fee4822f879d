/** DynamicResources gives the claims of a pod the devices they ask for, on a node that has them (KEP-4381). */
import type { NodeSelector } from '#api/core/v1/affinity.ts'
import { Node } from '#api/core/v1/node.ts'
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { type AllocationResult, ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import type { Clock } from '#lib/clock.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { parseDuration } from '#schema/go-time.ts'
import { allocate, type Inventory } from '../devices/allocate.ts'
import { AllocationFailure } from '../devices/allocation-failure.ts'
import type { Consumption } from '../devices/capacity.ts'
import { extendedClaimOf, extendedResourcesOf } from '../devices/extended-resources.ts'
import { deviceId, poolsIn } from '../devices/pools.ts'
import type { Objects } from '../framework/objects.ts'
import {
  type Actor,
  type Cure,
  definePlugin,
  failure,
  mostIsBest,
  type Nomination,
  type Plugin,
  type Rejection,
  unresolvable,
} from '../framework/plugin.ts'
import type { Snapshot } from '../framework/snapshot.ts'
import { hasBindingConditions, isHopeless, untilDevicesReady } from './binding-conditions.ts'
import { deallocate, isBound, reserveClaims, withdraw } from './claim-writes.ts'
import { announceClaim, createClaim, deleteClaim, ExtendedPlans, type Planned } from './extended-claims.ts'
import { claimHelps, claimsOf, problemOf, sharesClaim } from './pod-claims.ts'

interface State {
  readonly claims: readonly ResourceClaim[]
  /** Of those that have devices already: where these can be used. */
  readonly allocatedFor: readonly (NodeSelector | undefined)[]
  readonly toAllocate: readonly ResourceClaim[]
  readonly inventory: Inventory
  readonly byNode: Map<string, Chosen>
  /** For extended resources that are devices. */
  readonly extended: ExtendedPlans | undefined
  /** Made for them by an earlier try, which came to nothing. */
  readonly stale: ResourceClaim | undefined
  /** Allocated claims that kept the pod off some node. */
  readonly unavailable: Set<ResourceClaim>
  /** Of the allocated ones: those whose devices are not prepared and will not be. */
  readonly hopeless: ReadonlySet<ResourceClaim>
  /** What is not written yet. */
  assumed?: readonly ResourceClaim[]
  planned?: Planned | undefined
  /** By UID: what has been written for the pod, as the server has it. */
  readonly written: Map<string, ResourceClaim>
  made?: ResourceClaim | undefined
}

interface Chosen {
  readonly results: readonly AllocationResult[]
  readonly planned: Planned | undefined
}

const cures: readonly Cure[] = [
  { kind: Pod, when: ['claimsGenerated'] },
  { kind: Pod, when: ['deleted'], helps: (pod, before: Pod) => sharesClaim(pod, before) },
  {
    kind: ResourceClaim,
    when: ['added', 'updated', 'deleted'],
    helps: (pod, before?: ResourceClaim, after?: ResourceClaim) => claimHelps(pod, before, after),
  },
  { kind: DeviceClass, when: ['added', 'updated'] },
  { kind: ResourceSlice, when: ['added', 'updated'] },
  { kind: Node, when: ['added', 'labelsChanged'] },
]

export interface DynamicResourcesArgs {
  /** How long a pod waits for its devices to be prepared. */
  readonly bindingTimeout?: string
  /** How long devices are sought on one node; 0 is without end. */
  readonly filterTimeout?: string
}

interface Means {
  readonly random?: Random | undefined
  /** Without one, nothing is ever late. */
  readonly clock?: Clock | undefined
}

export function dynamicResources(
  { bindingTimeout = '600s', filterTimeout = '10s' }: DynamicResourcesArgs = {},
  { random = seededRandom(1), clock }: Means = {},
): Plugin<State> {
  const timeout = Number(parseDuration(bindingTimeout)) / 1e6
  const patience = Number(parseDuration(filterTimeout)) / 1e6
  const shareId = () => random.uuid()
  const isTooLate = (claim: ResourceClaim) => clock !== undefined && isHopeless(claim, { now: clock.now(), timeout })
  return definePlugin<State>({
    name: 'DynamicResources',
    requeueOn: cures,

    preEnqueue(pod, snapshot) {
      if (!snapshot || !pod.spec.resourceClaims?.length) return undefined
      const found = claimsOf(pod, snapshot)
      return typeof found === 'string' ? unresolvable(found) : undefined
    },

    prepare(pod, snapshot) {
      const resources = extendedResourcesOf(pod, snapshot.objects)
      if (!pod.spec.resourceClaims?.length && resources.size === 0) return { skip: true }
      const found = claimsOf(pod, snapshot)
      if (typeof found === 'string') return { reject: unresolvable(found) }
      if (found.length === 0 && resources.size === 0) return { skip: true }
      const problem = found.map((claim) => problemOf(claim, pod, snapshot)).find((one) => one !== undefined)
      if (problem) return { reject: unresolvable(problem) }
      const stale = resources.size > 0 ? extendedClaimOf(pod, snapshot.objects) : undefined
      const extended = resources.size > 0 ? new ExtendedPlans(pod, resources) : undefined
      const hopeless = new Set(found.filter(isTooLate))
      return { state: { ...stateOf(found, snapshot), hopeless, extended, stale, written: new Map() } }
    },

    filter({ state }, info) {
      if (state.stale) return unresolvable('cannot schedule extended resource claim')
      const planned = state.extended?.of(info)
      if (state.claims.length === 0 && !planned) return undefined
      if (state.toAllocate.length > 0 || planned) {
        const rejection = tryAllocate(state, { node: info.node, planned, shareId, isLate: lateAfter(patience, clock) })
        if (rejection) return rejection
      }
      const unavailable = state.claims.filter((claim, i) => {
        const where = state.allocatedFor[i]
        return (where !== undefined && !matchesSelector(where, info.node)) || state.hopeless.has(claim)
      })
      for (const claim of unavailable) state.unavailable.add(claim)
      return unavailable.length > 0 ? unresolvable('resourceclaim not available on the node') : undefined
    },

    postFilter({ pod, state, isUnprepared }) {
      // Upstream's own words, odd as they are: it looks for what its PreFilter has left.
      if (isUnprepared) return { message: 'not found', error: true }
      return state ? giveUpClaim(pod, state) : { message: 'no new claims to deallocate' }
    },

    prepareScore: ({ state }) => ({ skip: !state?.toAllocate.some(hasAlternatives) }),

    score: ({ state }, { name }) => {
      const { results } = state.byNode.get(name) ?? { results: [] }
      return state.toAllocate.reduce((sum, claim, i) => sum + (results[i] ? preferenceOf(claim, results[i]) : 0), 0)
    },

    normalize: mostIsBest,

    reserve({ pod, state, snapshot }, node) {
      const chosen = state.byNode.get(node.name)
      if (!chosen) return state.toAllocate.length === 0 ? undefined : failure('claim allocation not found for node')
      const { results, planned } = chosen
      state.planned = planned
      state.assumed = claimsFor(state, planned).map((claim, i) => {
        const status = { ...claim.status, allocation: results[i], reservedFor: [consumer(pod)] }
        return { ...claim, status } as ResourceClaim
      })
      for (const claim of state.assumed) snapshot.objects.assume(ResourceClaim, claim)
      return undefined
    },

    unreserve({ pod, state, snapshot }, _node, actor) {
      for (const claim of state.assumed ?? []) snapshot.objects.forget(ResourceClaim, claim.metadata)
      delete state.assumed
      return actor && takeBack(pod, state, { ...actor, objects: snapshot.objects })
    },

    willPreBind: ({ state }) => state !== undefined && (state.claims.length > 0 || state.planned !== undefined),

    async preBind({ pod, state, snapshot }, node, actor) {
      const { objects } = snapshot
      state.made = state.planned && (await makeClaim(state, state.planned, { ...actor, objects }))
      const refusal = await writeReservations(pod, state, { ...actor, objects })
      if (refusal) return failure(refusal)
      if (state.made && state.planned) await announceClaim(pod, state.made, { ...state.planned, ...actor })
      const claims = [...state.written.values()]
      if (!claims.some(hasBindingConditions)) return undefined
      const message = `waiting for binding conditions for device on node ${node}`
      actor.events.record(pod, { type: 'Normal', reason: 'BindingConditionsPending', message, action: 'Scheduling' })
      return untilDevicesReady(claims, { objects, timeout, actor })
    },
  })
}

type ActorOn = Actor & { readonly objects: Objects }

/** What is written is no longer assumed: it is so, though the pod may turn back. */
function writeReservations(pod: Pod, state: State, { objects, ...actor }: ActorOn): Promise<string | undefined> {
  const assumed = state.assumed ?? []
  const allocations = new Map(assumed.map(({ metadata, status }) => [metadata.uid, status.allocation as AllocationResult]))
  const claims = state.made ? [...state.claims, state.made] : state.claims
  const reserved = (claim: ResourceClaim) => {
    objects.confirm(ResourceClaim, claim)
    state.written.set(claim.metadata.uid, claim)
    state.assumed = state.assumed?.filter(({ metadata }) => metadata.uid !== claim.metadata.uid) ?? []
  }
  return reserveClaims({ claims, allocations, pod, reserved }, actor)
}

/** Devices stay with the claims, but the pod no longer keeps others from having them given back; a claim made for it alone goes. */
async function takeBack(pod: Pod, { claims, written, made }: State, { objects, ...actor }: ActorOn): Promise<void> {
  const now = claims.map((claim) => written.get(claim.metadata.uid) ?? claim)
  await withdraw(pod, now, actor)
  if (!made || actor.signal.aborted || (await isBound(pod, actor))) return
  await deleteClaim(made, actor)
  objects.forget(ResourceClaim, made.metadata)
}

/** Asked once more when `patience` milliseconds have passed; 0 and no clock are without end. */
function lateAfter(patience: number, clock: Clock | undefined): (() => boolean) | undefined {
  if (!clock || patience <= 0) return undefined
  const deadline = clock.monotonic() + patience
  return () => clock.monotonic() > deadline
}

function claimsFor({ toAllocate }: State, planned: Planned | undefined): readonly ResourceClaim[] {
  return planned ? [...toAllocate, planned.claim] : toAllocate
}

/** What was assumed of the plan is assumed of the claim from then on. */
async function makeClaim(state: State, planned: Planned, { objects, ...actor }: ActorOn): Promise<ResourceClaim> {
  const made = await createClaim(planned, actor)
  state.assumed = (state.assumed ?? []).map((claim) => {
    if (claim.metadata !== planned.claim.metadata) return claim
    const real = { ...made, status: claim.status }
    objects.assume(ResourceClaim, real)
    objects.forget(ResourceClaim, claim.metadata)
    return real
  })
  return made
}

/** Upstream `FirstAvailableDeviceRequestMaxSize`. */
const mostAlternatives = 8

function hasAlternatives({ spec }: ResourceClaim): boolean {
  return spec.devices.requests?.some(({ firstAvailable = [] }) => firstAvailable.length > 0) === true
}

/** The earlier the alternatives that were chosen stand in their lists, the better. */
function preferenceOf({ spec }: ResourceClaim, { devices }: AllocationResult): number {
  const chosen = new Set(devices?.results?.map(({ request }) => request))
  let sum = 0
  for (const { name, firstAvailable = [] } of spec.devices.requests ?? []) {
    for (const [i, one] of firstAvailable.entries()) if (chosen.has(`${name}/${one.name}`)) sum += mostAlternatives - i
  }
  return sum
}

interface Trying {
  readonly node: Node
  readonly planned: Planned | undefined
  readonly isLate: (() => boolean) | undefined
  shareId(): string
}

function tryAllocate(state: State, { node, planned, ...search }: Trying): Rejection | undefined {
  try {
    const results = allocate(claimsFor(state, planned), node, { ...state.inventory, ...search })
    if (typeof results === 'string') return unresolvable(results)
    state.byNode.set(node.metadata.name, { results, planned })
    return undefined
  } catch (error) {
    if (error instanceof AllocationFailure) return failure(error.message)
    throw error
  }
}

type Looked = Pick<State, 'claims' | 'toAllocate' | 'allocatedFor' | 'inventory' | 'byNode' | 'unavailable'>

function stateOf(claims: readonly ResourceClaim[], { objects }: Snapshot): Looked {
  const toAllocate = claims.filter(({ status }) => !status?.allocation)
  return {
    ...{ claims, toAllocate },
    allocatedFor: claims.map(({ status }) => status?.allocation?.nodeSelector),
    inventory: inventoryOf(objects),
    byNode: new Map(),
    unavailable: new Set(),
  }
}

const inventories = new WeakMap<Objects, { readonly key: string; readonly inventory: Inventory }>()

/** Counted once for each state of claims and slices. */
function inventoryOf(objects: Objects): Inventory {
  const key = `${objects.generation(ResourceClaim)} ${objects.generation(ResourceSlice)}`
  const known = inventories.get(objects)
  if (known?.key === key) return known.inventory
  const allocated = new Set<string>()
  const consumed = new Map<string, Consumption[]>()
  for (const { status } of objects.list(ResourceClaim)) {
    for (const { driver, pool, device, adminAccess, shareID, consumedCapacity } of status?.allocation?.devices?.results ?? []) {
      const id = deviceId(driver, pool, device)
      if (!adminAccess) allocated.add(id)
      if (shareID) consumed.set(id, [...(consumed.get(id) ?? []), consumedCapacity ?? {}])
    }
  }
  const inventory: Inventory = {
    ...{ allocated, consumed },
    pools: poolsIn(objects.list(ResourceSlice)),
    classOf: (name) => objects.get(DeviceClass, { name }),
  }
  inventories.set(objects, { key, inventory })
  return inventory
}

function consumer({ metadata }: Pod) {
  return { resource: 'pods', name: metadata.name, uid: metadata.uid }
}

/** A claim that nobody else uses may have devices in the wrong place: they are given back, so that it can get others. */
function giveUpClaim(pod: Pod, { unavailable, stale }: State): Nomination {
  for (const claim of unavailable) {
    const others = (claim.status?.reservedFor ?? []).filter(({ uid }) => uid !== pod.metadata.uid)
    if (others.length > 0) continue
    return { message: 'deallocation of ResourceClaim completed', act: (actor) => deallocate(claim, actor) }
  }
  if (stale) return { message: 'deletion of ResourceClaim completed', act: (actor) => deleteClaim(stale, actor) }
  return { message: 'still not schedulable' }
}
