/** Rules for requests, limits and claims (upstream `validateResourceRequirements`). */
import {
  aggregateLimits,
  aggregateRequests,
  isHugePages,
  isNativeResource,
  isPodLevelResource,
  mayOvercommit,
} from '#api/core/v1/pod-resources.ts'
import type { ResourceClaim, ResourceRequirements } from '#api/core/v1/resources.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { canonicalQuantity, compareQuantity, milliValue, quantityValue } from '#schema/quantity.ts'
import { dnsLabel, formatted } from './checks.ts'
import type { PodContext } from './pod-context.ts'

type NameRule = (name: string, at: Path) => FieldError[]

interface Options {
  /** Names of the pod's resource claims. */
  claims: ReadonlySet<string>
  /** Default: the names that containers may use. */
  nameRule?: NameRule
}

export function validateResourceRequirements(
  { limits = {}, requests = {}, claims = [] }: ResourceRequirements,
  at: Path,
  { claims: podClaims, nameRule = containerResourceName }: Options,
): FieldError[] {
  const errors: FieldError[] = []
  for (const [name, value] of sorted(limits)) {
    const here = at.child('limits').key(name)
    errors.push(...nameRule(name, here), ...resourceQuantityErrors(name, value, here), ...hugePageErrors(name, value, here))
  }
  for (const [name, value] of sorted(requests)) {
    const here = at.child('requests').key(name)
    errors.push(
      ...nameRule(name, here),
      ...resourceQuantityErrors(name, value, here),
      ...requestErrors({ name, value, limit: limits[name] }, at),
      ...hugePageErrors(name, value, here),
    )
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)]
  if (names.some(isHugePages) && !names.some((name) => name === 'cpu' || name === 'memory')) {
    errors.push(at.forbidden('HugePages require cpu or memory'))
  }
  return [...errors, ...claimErrors(claims, podClaims, at.child('claims'))]
}

/** Go iterates maps in any order; ours is the same every time. */
function sorted(list: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1))
}

function hugePageErrors(name: string, value: string, at: Path): FieldError[] {
  if (!isHugePages(name) || isDivisible(name, value)) return []
  const shown = canonicalQuantity(value)
  return [at.invalid(shown, `${shown} is not positive integer multiple of ${name}`)]
}

interface Request {
  name: string
  value: string
  limit: string | undefined
}

function requestErrors({ name, value, limit }: Request, at: Path): FieldError[] {
  const shown = canonicalQuantity(value)
  if (limit === undefined) {
    return mayOvercommit(name) ? [] : [at.child('limits').required('Limit must be set for non overcommitable resources')]
  }
  const order = compareQuantity(value, limit)
  const of = `${name} limit of ${canonicalQuantity(limit)}`
  if (order !== 0 && !mayOvercommit(name)) return [at.child('requests').invalid(shown, `must be equal to ${of}`)]
  return order > 0 ? [at.child('requests').invalid(shown, `must be less than or equal to ${of}`)] : []
}

function isDivisible(name: string, value: string): boolean {
  try {
    const page = name.slice('hugepages-'.length)
    return compareQuantity(page, '0') > 0 && milliValue(page) % 1000 === 0 && quantityValue(value) % quantityValue(page) === 0
  } catch {
    return false
  }
}

/** Upstream's `ValidateResourceQuantityValue`. */
export function resourceQuantityErrors(name: string, value: string, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const shown = canonicalQuantity(value)
  if (compareQuantity(value, '0') < 0) errors.push(at.invalid(shown, 'must be greater than or equal to 0'))
  if (isIntegerResource(name) && milliValue(value) % 1000 !== 0) errors.push(at.invalid(shown, 'must be an integer'))
  return errors
}

const counted = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]
const measured = ['cpu', 'memory', 'ephemeral-storage']
const standard: ReadonlySet<string> = new Set([
  ...counted,
  ...measured,
  ...measured.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  'storage',
  'requests.storage',
])

function isIntegerResource(name: string): boolean {
  return counted.includes(name) || isExtendedResource(name)
}

/** What devices and operators offer: a name with a domain that is not Kubernetes' own. */
export function isExtendedResource(name: string): boolean {
  return !isNativeResource(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0
}

export function resourceName(name: string, at: Path): FieldError[] {
  const errors = formatted(isQualifiedName, name, at)
  if (errors.length > 0 || name.includes('/')) return errors
  const isStandard = standard.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-')
  return isStandard ? [] : [at.invalid(name, 'must be a standard resource type or fully qualified')]
}

export function containerResourceName(name: string, at: Path): FieldError[] {
  const errors = resourceName(name, at)
  if (!name.includes('/')) {
    const isFine = measured.includes(name) || isHugePages(name)
    if (!isFine) errors.push(at.invalid(name, 'must be a standard resource for containers'))
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(at.invalid(name, "doesn't follow extended resource name standard"))
  }
  return errors
}

function podResourceName(name: string, at: Path): FieldError[] {
  const errors = resourceName(name, at)
  if (errors.length > 0 || isPodLevelResource(name)) return errors
  return [at.notSupported(name, ['cpu', 'hugepages-', 'memory'])]
}

function claimErrors(claims: readonly ResourceClaim[], podClaims: ReadonlySet<string>, at: Path): FieldError[] {
  const names = new Set<string>()
  /** How many requests of a claim are taken. */
  const requestsOf = new Map<string, number>()
  const list = podClaims.size === 0 ? ' which is empty' : `: ${[...podClaims].sort().join(', ')}`
  return claims.flatMap(({ name, request }, index) => {
    const here = at.index(index)
    if (!name) return [here.required()]
    const errors: FieldError[] = []
    if (names.has(name)) {
      errors.push(here.duplicate(name))
    } else {
      const key = request ? `${name}/${request}` : name
      if (request) errors.push(...dnsLabel(request, here.child('request')))
      if (names.has(key)) errors.push(here.duplicate(key))
      else if (!request) {
        for (let i = requestsOf.get(name) ?? 0; i > 0; i--) errors.push(here.duplicate(name))
      } else requestsOf.set(name, (requestsOf.get(name) ?? 0) + 1)
      names.add(key)
    }
    if (!podClaims.has(name)) {
      const error = here.notFound(name)
      errors.push({ ...error, body: `${error.body}: must be one of the names in pod.spec.resourceClaims${list}` })
    }
    return errors
  })
}

/** KEP-2837: what the pod as a whole asks for must hold what its containers ask for. */
export function validatePodResources({ spec, claims }: PodContext, at: Path): FieldError[] {
  const { resources } = spec
  if (!resources) return []
  if (spec.os?.name === 'windows') return [at.forbidden('may not be set for a windows pod')]
  return [
    ...(resources.claims ? [at.child('claims').forbidden('claims may not be set for Resources at pod-level')] : []),
    ...validateResourceRequirements(resources, at, { claims, nameRule: podResourceName }),
    ...consistencyErrors(spec, at),
  ]
}

function consistencyErrors(spec: PodContext['spec'], at: Path): FieldError[] {
  const { requests = {}, limits = {} } = spec.resources ?? {}
  const errors: FieldError[] = []
  for (const [name, total] of sorted(aggregateRequests(spec))) {
    const whole = requests[name]
    if (whole === undefined || compareQuantity(total, whole) <= 0) continue
    const message = `must be greater than or equal to aggregate container requests of ${canonicalQuantity(total)}`
    errors.push(at.child('requests').key(name).invalid(canonicalQuantity(whole), message))
  }
  for (const [name, total] of sorted(aggregateLimits(spec))) {
    const whole = limits[name]
    if (!isHugePages(name) || whole === undefined || compareQuantity(total, whole) <= 0) continue
    const message = `must be greater than or equal to aggregate container limits of ${canonicalQuantity(total)}`
    errors.push(at.child('limits').key(name).invalid(canonicalQuantity(whole), message))
  }
  for (const [index, container] of spec.containers.entries()) {
    for (const [name, limit] of sorted(container.resources.limits ?? {})) {
      const whole = limits[name]
      if (whole === undefined || compareQuantity(limit, whole) <= 0) continue
      const here = at.child('containers').index(index).key(name).child('limits')
      errors.push(
        here.invalid(canonicalQuantity(limit), `must be less than or equal to pod limits of ${canonicalQuantity(whole)}`),
      )
    }
  }
  return errors
}
