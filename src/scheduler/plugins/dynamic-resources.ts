/** DynamicResources gives the claims of a pod the devices they ask for, on a node that has them (KEP-4381). */
import type { NodeSelector } from '#api/core/v1/affinity.ts'
import { Node } from '#api/core/v1/node.ts'
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { type AllocationResult, ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { parseDuration } from '#schema/go-time.ts'
import { allocate, type Inventory } from '../devices/allocate.ts'
import type { Consumption } from '../devices/capacity.ts'
import { extendedClaimOf, extendedResourcesOf } from '../devices/extended-resources.ts'
import { deviceId, newestSlices } from '../devices/pools.ts'
import { SelectorFailure } from '../devices/selector.ts'
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
import { hasBindingConditions, untilDevicesReady } from './binding-conditions.ts'
import { deallocate, reserveClaims, withdraw } from './claim-writes.ts'
import { announceClaim, createClaim, deleteClaim, ExtendedPlans, type Planned } from './extended-claims.ts'

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
  assumed?: readonly ResourceClaim[]
  planned?: Planned | undefined
}

interface Chosen {
  readonly results: readonly AllocationResult[]
  readonly planned: Planned | undefined
}

const cures: readonly Cure[] = [
  { kind: Pod, when: ['updated'] },
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
}

const usualTimeout = '600s'

export function dynamicResources(
  { bindingTimeout = usualTimeout }: DynamicResourcesArgs = {},
  random: Random = seededRandom(1),
): Plugin<State> {
  const timeout = Number(parseDuration(bindingTimeout)) / 1e6
  const shareId = () => random.uuid()
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
      return { state: { ...stateOf(found, snapshot), extended, stale } }
    },

    filter({ state }, info) {
      const { node } = info
      const away = state.claims.filter((_, i) => {
        const where = state.allocatedFor[i]
        return where !== undefined && !matchesSelector(where, node)
      })
      if (away.length > 0) {
        for (const claim of away) state.unavailable.add(claim)
        return unresolvable('resourceclaim not available on the node')
      }
      if (state.stale) return unresolvable('cannot schedule extended resource claim')
      const planned = state.extended?.of(info)
      if (state.toAllocate.length === 0 && !planned) return undefined
      return tryAllocate(state, { node, planned, shareId })
    },

    postFilter: ({ pod, state }) => state && giveUpClaim(pod, state),

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

    unreserve({ state, snapshot }) {
      for (const claim of state.assumed ?? []) snapshot.objects.forget(ResourceClaim, claim.metadata)
      delete state.assumed
    },

    willPreBind: ({ state }) => state !== undefined && (state.claims.length > 0 || state.planned !== undefined),

    async preBind({ pod, state, snapshot }, _node, actor) {
      const made = state.planned && (await makeClaim(state, state.planned, { ...actor, objects: snapshot.objects }))
      const written = await writeReservations(pod, { state, made }, actor)
      if ('message' in written) return failure(written.message)
      for (const claim of written.reserved) snapshot.objects.confirm(ResourceClaim, claim)
      if (made && state.planned) await announceClaim(pod, made, { ...state.planned, ...actor })
      const waiting = written.reserved.filter(hasBindingConditions)
      return waiting.length > 0 ? untilDevicesReady(waiting, { objects: snapshot.objects, timeout, actor }) : undefined
    },
  })
}

/** All or none: what was written is taken back where one write fails. */
async function writeReservations(
  pod: Pod,
  { state, made }: { state: State; made: ResourceClaim | undefined },
  actor: Actor,
): ReturnType<typeof reserveClaims> {
  const assumed = state.assumed ?? []
  const allocations = new Map(assumed.map(({ metadata, status }) => [metadata.uid, status.allocation as AllocationResult]))
  const claims = made ? [...state.claims, made] : state.claims
  const written = await reserveClaims({ claims, allocations, pod }, actor)
  if ('message' in written) {
    if (made) await deleteClaim(made, actor)
    await withdraw(
      pod,
      written.reserved.filter(({ metadata }) => metadata.uid !== made?.metadata.uid),
      actor,
    )
  }
  return written
}

function claimsFor({ toAllocate }: State, planned: Planned | undefined): readonly ResourceClaim[] {
  return planned ? [...toAllocate, planned.claim] : toAllocate
}

/** What was assumed of the plan is assumed of the claim from then on. */
async function makeClaim(
  state: State,
  planned: Planned,
  { objects, ...actor }: Actor & { objects: Objects },
): Promise<ResourceClaim> {
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
  shareId(): string
}

function tryAllocate(state: State, { node, planned, shareId }: Trying): Rejection | undefined {
  try {
    const results = allocate(claimsFor(state, planned), node, { ...state.inventory, shareId })
    if (!results) return unresolvable('cannot allocate all claims')
    state.byNode.set(node.metadata.name, { results, planned })
    return undefined
  } catch (error) {
    if (error instanceof SelectorFailure) return failure(error.message)
    throw error
  }
}

/** The claims of the pod, or what it waits for. */
function claimsOf({ metadata, spec, status }: Pod, { objects }: Snapshot): readonly ResourceClaim[] | string {
  const { namespace = '' } = metadata
  const claims: ResourceClaim[] = []
  for (const { name, resourceClaimName, resourceClaimTemplateName } of spec.resourceClaims ?? []) {
    const made = status?.resourceClaimStatuses?.find((one) => one.name === name)
    if (resourceClaimTemplateName && !made) return `pod "${namespace}/${metadata.name}": ResourceClaim not created yet`
    const claimName = resourceClaimName ?? made?.resourceClaimName
    if (!claimName) continue
    const claim = objects.get(ResourceClaim, { name: claimName, namespace })
    if (!claim) return `resourceclaim.resource.k8s.io "${claimName}" not found`
    if (claim.metadata.deletionTimestamp) return `resourceclaim "${claimName}" is being deleted`
    const isOwn = claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === metadata.uid)
    if (resourceClaimTemplateName && !isOwn) {
      return `ResourceClaim ${namespace}/${claimName} was not created for pod ${namespace}/${metadata.name} (pod is not owner)`
    }
    claims.push(claim)
  }
  return claims
}

/** Upstream `ResourceClaimReservedForMaxSize`. */
const mostConsumers = 256

function problemOf(claim: ResourceClaim, pod: Pod, { objects }: Snapshot): string | undefined {
  const { reservedFor = [], allocation } = claim.status ?? {}
  if (allocation) {
    const isReserved = reservedFor.some(({ uid }) => uid === pod.metadata.uid)
    return isReserved || reservedFor.length < mostConsumers ? undefined : 'resourceclaim in use'
  }
  for (const { name, exactly, firstAvailable = [] } of claim.spec.devices.requests ?? []) {
    const asked = exactly
      ? [{ label: name, ...exactly }]
      : firstAvailable.map((one) => ({ label: `${name}/${one.name}`, ...one }))
    for (const { label, deviceClassName } of asked) {
      if (objects.get(DeviceClass, { name: deviceClassName })) continue
      return `request ${label}: device class ${deviceClassName} does not exist`
    }
  }
  return undefined
}

function stateOf(claims: readonly ResourceClaim[], { objects }: Snapshot): Omit<State, 'extended' | 'stale'> {
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
    newest: newestSlices(objects.list(ResourceSlice)),
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

/** A claim of the pod's own that changed, or one that gave devices back. */
function claimHelps(pod: Pod, before: ResourceClaim | undefined, after: ResourceClaim | undefined): boolean {
  const gaveBack = before?.status?.allocation && !after?.status?.allocation
  if (gaveBack) return true
  const { namespace = '', name } = (after ?? before)?.metadata ?? { name: '' }
  if (namespace !== pod.metadata.namespace) return false
  const names = (pod.spec.resourceClaims ?? []).map(
    (one) =>
      one.resourceClaimName ?? pod.status?.resourceClaimStatuses?.find((made) => made.name === one.name)?.resourceClaimName,
  )
  const isOwn = (after ?? before)?.metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid)
  return names.includes(name) || isOwn === true
}
