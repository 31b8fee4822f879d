/**
 * What objects count for in quotas, without asking anybody: admission adds up what is to come, the quota controller what is there
 * (upstream `pkg/quota/v1/evaluator/core`).
 *
 *     const evaluator = quotaEvaluator(Pod)
 *     const bounded = Object.keys(quota.status.hard ?? {}).filter(evaluator.counts)
 *     quotaMatches(quota, evaluator, pod) && maskAmounts(evaluator.usage(pod, clock.now()), bounded)
 *
 * `usedAmounts` is the whole sum of a quota over the objects of its namespace. Arithmetic stands in `quota-amounts.ts`.
 */
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '#api/core/v1/resource-quota.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { KubeObject } from '#schema/kind.ts'
import { compareQuantity, formatQuantity, quantityValue } from '#schema/quantity.ts'
import type { ResourceName } from '#schema/status-error.ts'
import { addAmounts, maskAmounts } from './quota-amounts.ts'
import { podEvaluator } from './quota-pods.ts'
import { scopesOf, valueMatches } from './quota-scopes.ts'

export interface QuotaEvaluator<T extends KubeObject = any> {
  /** Whether such a request may change what is used. */
  handles(request: QuotaRequest): boolean
  /** Whether a bound of this name is about such objects. */
  counts(name: string): boolean
  /** `now` is in milliseconds. */
  usage(object: T, now: number): Record<string, string>
  inScope(object: T, scope: ScopedResourceSelectorRequirement): boolean
  /** What the object must say because it is bounded and does not. */
  missing?(object: T, bounded: readonly string[]): string | undefined
}

/** As much of an admission request as decides whether a quota is to be asked. */
export interface QuotaRequest {
  readonly operation: string
  readonly subresource: string
  readonly object?: any
  readonly old?: any
}

/** For each resource one that counts at least `count/<plural>.<group>`; the same one each time. */
export function quotaEvaluator({ group, plural }: ResourceName): QuotaEvaluator {
  const key = group ? `${plural}.${group}` : plural
  let evaluator = evaluators.get(key)
  if (!evaluator) evaluators.set(key, (evaluator = objectCount(key, aliases.has(key) ? key : undefined)))
  return evaluator
}

/** Whether the object is in all scopes of the quota, and the quota bounds something that such objects count for. */
export function quotaMatches(
  { spec, status }: Pick<ResourceQuota, 'spec' | 'status'>,
  evaluator: QuotaEvaluator,
  object: KubeObject,
): boolean {
  return inAllScopes(spec, evaluator, object) && Object.keys(status.hard ?? {}).some((name) => evaluator.counts(name))
}

/** What all objects of one resource use of the bounds that count them; bounds that nothing counts for are '0'. */
export function usedAmounts(
  { spec, hard }: { readonly spec: ResourceQuotaSpec; readonly hard: Readonly<Record<string, string>> },
  { evaluator, objects, now }: { evaluator: QuotaEvaluator; objects: readonly KubeObject[]; now: number },
): Record<string, string> {
  const bounded = Object.keys(hard).filter((name) => evaluator.counts(name))
  let sum: Record<string, string> = Object.fromEntries(bounded.map((name) => [name, '0']))
  if (bounded.length === 0) return sum
  for (const object of objects) {
    if (inAllScopes(spec, evaluator, object)) sum = addAmounts(sum, maskAmounts(evaluator.usage(object, now), bounded))
  }
  return sum
}

function inAllScopes(spec: ResourceQuotaSpec, evaluator: QuotaEvaluator, object: KubeObject): boolean {
  return scopesOf(spec).every((scope) => evaluator.inScope(object, scope))
}

/** Resources that quotas never counted, or that would count themselves (upstream `DefaultIgnoredResources`). */
export function isIgnoredByQuota({ group, plural }: ResourceName): boolean {
  return plural === 'events' && (group === '' || group === 'events.k8s.io')
}

const classSuffix = '.storageclass.storage.k8s.io/'

const claimEvaluator: QuotaEvaluator<PersistentVolumeClaim> = {
  handles: ({ operation, subresource, object, old }) => {
    if (subresource === 'status') return replenishes(object, old)
    return subresource === '' && (operation === 'CREATE' || operation === 'UPDATE')
  },
  counts: (name) =>
    ['count/persistentvolumeclaims', 'persistentvolumeclaims', 'requests.storage'].includes(name) ||
    name.endsWith(`${classSuffix}persistentvolumeclaims`) ||
    name.endsWith(`${classSuffix}requests.storage`),
  usage: (claim) => {
    const storage = storageOf(claim)
    const className = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec.storageClassName
    return {
      persistentvolumeclaims: '1',
      'count/persistentvolumeclaims': '1',
      ...(storage && { 'requests.storage': storage }),
      ...(className && { [`${className}${classSuffix}persistentvolumeclaims`]: '1' }),
      ...(className && storage && { [`${className}${classSuffix}requests.storage`]: storage }),
    }
  },
  inScope: (claim, scope) => scope.scopeName === 'VolumeAttributesClass' && valueMatches(scope, attributesClasses(claim)),
}

/** Whole bytes; while a claim grows, what is set aside for it counts where it is more. */
function storageOf({ spec, status }: PersistentVolumeClaim): string | undefined {
  const wanted = spec.resources?.requests?.storage
  if (wanted === undefined) return undefined
  const allocated = status?.allocatedResources?.storage
  const charged = allocated !== undefined && compareQuantity(allocated, wanted) > 0 ? allocated : wanted
  const whole = String(quantityValue(charged))
  return compareQuantity(whole, charged) === 0
    ? charged
    : formatQuantity({ unscaled: BigInt(whole), scale: 0, format: 'BinarySI' })
}

function attributesClasses({ spec, status }: PersistentVolumeClaim): string[] {
  const names = [
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ]
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[]
}

function replenishes(object: PersistentVolumeClaim, old: PersistentVolumeClaim | undefined): boolean {
  const allocated = (claim: PersistentVolumeClaim | undefined) => claim?.status?.allocatedResources?.storage ?? '0'
  if (compareQuantity(allocated(object), allocated(old)) !== 0) return true
  return attributesClasses(object).sort().join() !== (old ? attributesClasses(old).sort().join() : '')
}

const services = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers']

const serviceEvaluator: QuotaEvaluator<Service> = {
  handles: ({ operation, subresource }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  counts: (name) => services.includes(name),
  usage: ({ spec }) => {
    const isBalanced = spec.type === 'LoadBalancer'
    return {
      'count/services': '1',
      services: '1',
      'services.loadbalancers': isBalanced ? '1' : '0',
      'services.nodeports': String(nodePorts(spec)),
    }
  },
  inScope: () => false,
}

/** Ports are not given out yet when this is asked, so that the wish counts. */
function nodePorts({ type, ports = [], allocateLoadBalancerNodePorts }: Service['spec']): number {
  if (type !== 'NodePort' && type !== 'LoadBalancer') return 0
  if (type === 'LoadBalancer' && allocateLoadBalancerNodePorts === false) return ports.filter(({ nodePort }) => nodePort).length
  return ports.length
}

const deviceSuffix = '.deviceclass.resource.k8s.io/devices'
const claims = 'count/resourceclaims.resource.k8s.io'
/** The most that a claim can be given (`AllocationResultsMaxSize`). */
const mostDevices = 32

const resourceClaimEvaluator: QuotaEvaluator<ResourceClaim> = {
  handles: ({ operation, subresource }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  counts: (name) => name === claims || name.endsWith(deviceSuffix),
  usage: ({ spec }) => {
    let usage: Record<string, string> = { [claims]: '1' }
    for (const { exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
      const worst: Record<string, string> = {}
      for (const { deviceClassName, allocationMode, count = 0 } of exactly ? [exactly] : firstAvailable) {
        const name = `${deviceClassName}${deviceSuffix}`
        const devices = allocationMode === 'All' ? mostDevices : allocationMode === 'ExactCount' ? count : 0
        worst[name] = String(Math.max(Number(worst[name] ?? 0), devices))
      }
      usage = addAmounts(usage, worst)
    }
    return usage
  },
  inScope: () => false,
}

/** Resources that have a plain name beside `count/...`. */
const aliases: ReadonlySet<string> = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets'])

function objectCount(key: string, alias: string | undefined): QuotaEvaluator {
  const name = `count/${key}`
  return {
    handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    counts: (one) => one === name || one === alias,
    usage: () => ({ [name]: '1', ...(alias && { [alias]: '1' }) }),
    inScope: () => false,
  }
}

const evaluators = new Map<string, QuotaEvaluator>([
  ['pods', podEvaluator],
  ['persistentvolumeclaims', claimEvaluator],
  ['services', serviceEvaluator],
  ['resourceclaims.resource.k8s.io', resourceClaimEvaluator],
])
