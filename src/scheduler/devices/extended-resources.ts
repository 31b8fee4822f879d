/**
 * Extended resources that drivers of devices provide: what containers ask for becomes a claim of the pod's own, other on each node (KEP-5004, upstream
 * `extendeddynamicresources.go`).
 */
import type { Container } from '#api/core/v1/container.ts'
import type { Pod, PodStatus } from '#api/core/v1/pod.ts'
import { isExtendedResource } from '#api/core/v1/validation/resources.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { quantityValue } from '#schema/quantity.ts'
import type { Objects } from '../framework/objects.ts'
import { factsOf } from '../framework/pod-facts.ts'

/** Of claims that the scheduler makes. */
export const extendedClaimAnnotation = 'resource.kubernetes.io/extended-resource-claim'
/** A class is known as a resource by this and its name. */
const classPrefix = 'deviceclass.resource.kubernetes.io/'

type Mapping = NonNullable<PodStatus['extendedResourceClaimStatus']>['requestMappings'][number]
type Request = NonNullable<ResourceClaim['spec']['devices']['requests']>[number]

export interface ExtendedRequests {
  readonly requests: readonly Request[]
  /** Which container gets what it asked for by which request. */
  readonly mappings: readonly Mapping[]
}

const classes = new WeakMap<Objects, { readonly generation: number; readonly byResource: ReadonlyMap<string, string> }>()

/** Names of classes by the resources that they stand for, worked out once for each state of the classes. Of several the youngest counts. */
export function classesByResource(objects: Objects): ReadonlyMap<string, string> {
  const generation = objects.generation(DeviceClass)
  const known = classes.get(objects)
  if (known?.generation === generation) return known.byResource
  const byResource = new Map<string, string>()
  const age = ({ metadata }: DeviceClass) => metadata.creationTimestamp ?? ''
  const oldestFirst = objects.list(DeviceClass).toSorted((a, b) => {
    if (age(a) !== age(b)) return age(a) < age(b) ? -1 : 1
    return a.metadata.name < b.metadata.name ? 1 : -1
  })
  for (const { metadata, spec } of oldestFirst) {
    if (spec.extendedResourceName) byResource.set(spec.extendedResourceName, metadata.name)
    byResource.set(`${classPrefix}${metadata.name}`, metadata.name)
  }
  classes.set(objects, { generation, byResource })
  return byResource
}

export function standsFor({ metadata, spec }: DeviceClass, resource: string): boolean {
  return spec.extendedResourceName === resource || resource === `${classPrefix}${metadata.name}`
}

/** Resources that the pod asks for and a class stands for, with the class. */
export function extendedResourcesOf(pod: Pod, objects: Objects): ReadonlyMap<string, string> {
  const { others } = factsOf(pod).requests
  if (others.size === 0) return nothing
  const byResource = classesByResource(objects)
  const found = new Map<string, string>()
  for (const [resource, amount] of others) {
    const name = byResource.get(resource)
    if (amount > 0 && name !== undefined && mayBeDevices(resource)) found.set(resource, name)
  }
  return found
}

const nothing: ReadonlyMap<string, string> = new Map()

export function mayBeDevices(resource: string): boolean {
  return resource.startsWith(classPrefix) || isExtendedResource(resource)
}

/** That the scheduler has made for the pod before. */
export function extendedClaimOf({ metadata }: Pod, objects: Objects): ResourceClaim | undefined {
  const { namespace, uid, name } = metadata
  return objects.list(ResourceClaim, namespace).find((claim) => {
    const { annotations, ownerReferences = [] } = claim.metadata
    if (annotations?.[extendedClaimAnnotation] !== 'true') return false
    return ownerReferences.some((owner) => owner.controller === true && owner.uid === uid && owner.name === name)
  })
}

/** `resources`: names of classes by resource, of those that the node has no other way to provide. */
export function requestsFor({ spec }: Pod, resources: ReadonlyMap<string, string>): ExtendedRequests {
  const { initContainers = [], containers } = spec
  const all = [...initContainers, ...containers]
  const isShort = (i: number) => i < initContainers.length && all[i]?.restartPolicy !== 'Always'
  const planned = [...resources.keys()].sort().map((resource) => {
    return forResource(all, { resource, className: resources.get(resource) as string, isShort })
  })
  return {
    requests: planned.flatMap(({ requests }) => requests).sort((a, b) => (a.name < b.name ? -1 : 1)),
    mappings: planned.flatMap(({ mappings }) => mappings),
  }
}

interface Planning {
  readonly resource: string
  readonly className: string
  /** Whether the container of this index is over before those that follow begin. */
  isShort(i: number): boolean
}

/**
 * Containers that run side by side have devices of their own. One that is over before may use those of containers after it, and what such ones need
 * beyond that is asked for once, for the one that needs most.
 */
function forResource(all: readonly Container[], { resource, className, isShort }: Planning): ExtendedRequests {
  const own = all.map((container, i) => (isShort(i) ? undefined : requestOf(container, i, { resource, className, reusable: [] })))
  const short = all.map((container, i) => {
    if (!isShort(i)) return undefined
    const reusable = own.slice(i).flatMap((one) => one?.request ?? [])
    return requestOf(container, i, { resource, className, reusable })
  })
  const most = short.reduce<Request | undefined>((best, one) => {
    return one?.request && countOf(one.request) > countOf(best) ? one.request : best
  }, undefined)
  const replaced = new Set(short.flatMap((one) => one?.request?.name ?? []))
  const mappingsOf = (planned: readonly (Planned | undefined)[]) => planned.flatMap((one) => one?.mappings ?? [])
  const shared = mappingsOf(short).map((mapping) => {
    return most && replaced.has(mapping.requestName) ? { ...mapping, requestName: most.name } : mapping
  })
  return {
    requests: [...(most ? [most] : []), ...own.flatMap((one) => one?.request ?? [])],
    mappings: [...mappingsOf(own), ...shared],
  }
}

interface Planned {
  readonly request: Request | undefined
  readonly mappings: readonly Mapping[]
}

interface Asking {
  readonly resource: string
  readonly className: string
  readonly reusable: readonly Request[]
}

function requestOf(container: Container, index: number, { resource, className, reusable }: Asking): Planned | undefined {
  const asked = container.resources?.requests ?? {}
  const wanted = asked[resource] === undefined ? 0 : quantityValue(asked[resource])
  if (wanted === 0) return undefined
  const mapping = (requestName: string) => ({ containerName: container.name, resourceName: resource, requestName })
  const mappings: Mapping[] = []
  let had = 0
  for (const one of reusable) {
    had += countOf(one)
    mappings.push(mapping(one.name))
    if (had >= wanted) return { request: undefined, mappings }
  }
  const name = `container-${index}-request-${Object.keys(asked).sort().indexOf(resource)}`
  const exactly = { deviceClassName: className, allocationMode: 'ExactCount' as const, count: wanted - had }
  return { request: { name, exactly } as Request, mappings: [...mappings, mapping(name)] }
}

function countOf(request: Request | undefined): number {
  return request?.exactly?.count ?? 0
}
