/** LimitRanger: what pods and claims ask for stays within the limits of their namespace, which also fill in what is not said. */
import { LimitRange, type LimitRangeItem } from '#api/core/v1/limit-range.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { aggregateLimits, aggregateRequests } from '#api/core/v1/pod-resources.ts'
import { compareQuantity, formatQuantity, milliValue, parseQuantity, quantityValue } from '#schema/quantity.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

type Amounts = Readonly<Record<string, string>>

export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  handles({ kind, operation, subresource }) {
    if (kind.group !== '') return false
    if (kind.plural === 'pods') {
      return (operation === 'CREATE' && !subresource) || (operation === 'UPDATE' && subresource === 'resize')
    }
    return kind.plural === 'persistentvolumeclaims' && !subresource && (operation === 'CREATE' || operation === 'UPDATE')
  },
  mutate(request, context) {
    if (request.kind.plural !== 'pods' || isLeaving(request)) return
    for (const range of rangesFor(request, context)) fillIn(request.object, range.spec.limits)
  },
  validate(request, context) {
    const { kind, object } = request
    if (isLeaving(request)) return
    for (const range of rangesFor(request, context)) {
      const errors = kind.plural === 'pods' ? podErrors(object, range.spec.limits) : claimErrors(object, range.spec.limits)
      if (errors.length > 0) throw refuse(request, errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]`)
    }
  },
}

function isLeaving({ old }: AdmissionRequest): boolean {
  return old?.metadata.deletionTimestamp !== undefined
}

function rangesFor({ namespace }: AdmissionRequest, { lister }: AdmissionContext): readonly LimitRange[] {
  return lister.list(LimitRange, namespace)
}

const annotation = 'kubernetes.io/limit-ranger'

/** Says in an annotation what it set. */
function fillIn({ metadata, spec }: Pod, limits: readonly LimitRangeItem[]): void {
  const containers = limits.filter(({ type }) => type === 'Container')
  const requests: Amounts = Object.assign({}, ...containers.map((item) => item.defaultRequest))
  const bounds: Amounts = Object.assign({}, ...containers.map((item) => item.default))
  const told: string[] = []
  const fill = (what: string, { name, resources }: Pod['spec']['containers'][number]) => {
    for (const [field, given, defaults] of [
      ['request', 'requests', requests],
      ['limit', 'limits', bounds],
    ] as const) {
      const missing = Object.keys(defaults)
        .filter((key) => resources[given]?.[key] === undefined)
        .sort()
      if (missing.length === 0) continue
      resources[given] = { ...resources[given], ...Object.fromEntries(missing.map((key) => [key, defaults[key] as string])) }
      told.push(`${missing.join(', ')} ${field} for ${what} ${name}`)
    }
  }
  for (const container of spec.containers) fill('container', container)
  for (const container of spec.initContainers ?? []) fill('init container', container)
  if (told.length === 0) return
  metadata.annotations = { ...metadata.annotations, [annotation]: `LimitRanger plugin set: ${told.join('; ')}` }
}

function podErrors({ spec }: Pod, limits: readonly LimitRangeItem[]): string[] {
  return limits.flatMap((item) => {
    if (item.type === 'Container') {
      const containers = [...spec.containers, ...(spec.initContainers ?? [])]
      return containers.flatMap(({ resources }) => itemErrors(item, resources.requests, resources.limits))
    }
    if (item.type !== 'Pod') return []
    const requests = { ...aggregateRequests(spec), ...spec.resources?.requests }
    return itemErrors(item, requests, { ...aggregateLimits(spec), ...spec.resources?.limits })
  })
}

function itemErrors(item: LimitRangeItem, requests: Amounts = {}, limits: Amounts = {}): string[] {
  return [
    ...each(item.min, (name, bound) => minError(item.type, { name, bound, request: requests[name], limit: limits[name] })),
    ...each(item.max, (name, bound) => maxError(item.type, { name, bound, request: requests[name], limit: limits[name] })),
    ...each(item.maxLimitRequestRatio, (name, bound) =>
      ratioError(item.type, { name, bound, request: requests[name], limit: limits[name] }),
    ),
  ]
}

/** Only what a claim requests counts. */
function claimErrors({ spec }: PersistentVolumeClaim, limits: readonly LimitRangeItem[]): string[] {
  const requests: Amounts = spec.resources?.requests ?? {}
  return limits
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap(({ type, min, max }) => [
      ...each(min, (name, bound) => minError(type, { name, bound, request: requests[name], limit: undefined })),
      ...each(max, (name, bound) => {
        const request = requests[name]
        if (request === undefined) return `maximum ${name} usage per ${type} is ${bound}.  No request is specified`
        return compareQuantity(request, bound) > 0
          ? `maximum ${name} usage per ${type} is ${bound}, but request is ${request}`
          : undefined
      }),
    ])
}

function each(bounds: Amounts = {}, errorOf: (name: string, bound: string) => string | undefined): string[] {
  return Object.entries(bounds)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, bound]) => errorOf(name, bound) ?? [])
}

interface Measured {
  readonly name: string
  readonly bound: string
  readonly request: string | undefined
  readonly limit: string | undefined
}

function minError(type: string, { name, bound, request, limit }: Measured): string | undefined {
  const head = `minimum ${name} usage per ${type} is ${shown(bound)}`
  if (request === undefined) return `${head}.  No request is specified`
  if (compareQuantity(request, bound) < 0) return `${head}, but request is ${shown(request)}`
  return limit !== undefined && compareQuantity(limit, bound) < 0 ? `${head}, but limit is ${shown(limit)}` : undefined
}

function maxError(type: string, { name, bound, request, limit }: Measured): string | undefined {
  const head = `maximum ${name} usage per ${type} is ${shown(bound)}`
  if (limit === undefined) return `${head}.  No limit is specified`
  if (compareQuantity(limit, bound) > 0) return `${head}, but limit is ${shown(limit)}`
  return request !== undefined && compareQuantity(request, bound) > 0 ? `${head}, but request is ${shown(request)}` : undefined
}

function ratioError(type: string, { name, bound, request = '0', limit = '0' }: Measured): string | undefined {
  const head = `${name} max limit to request ratio per ${type} is ${shown(bound)}`
  const [most, asked] = [measure(limit), measure(request)]
  if (asked === 0) return `${head}, but no request is specified or request is 0`
  if (most === 0) return `${head}, but no limit is specified or limit is 0`
  const ratio = most / asked
  return ratio * 1000 > milliValue(bound) ? `${head}, but provided ratio is ${ratio.toFixed(6)}` : undefined
}

/** In thousandths, unless that were beyond what Go's int64 holds. */
function measure(quantity: string): number {
  const whole = quantityValue(quantity)
  return whole > Number.MAX_SAFE_INTEGER / 1000 ? whole * 1000 : milliValue(quantity)
}

function shown(quantity: string): string {
  return formatQuantity(parseQuantity(quantity))
}
