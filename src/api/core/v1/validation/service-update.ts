/** Rules for what an update of a Service may change (upstream `ValidateServiceUpdate`, `ValidateServiceStatusUpdate`). */
import type { ServiceParts, ServiceSpec } from '#api/core/v1/service.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { parseIp } from '#schema/ip-formats.ts'
import { among, formatted } from './checks.ts'
import { strictIp } from './pod-network.ts'
import { needsHealthCheck, validateLoadBalancerClass } from './service.ts'
import { isHeadless } from './service-ips.ts'

export function validateServiceUpdate({ spec }: ServiceParts, { spec: old }: ServiceParts, at: Path): FieldError[] {
  const here = at.child('spec')
  const errors = addressChanges(spec, old, here)
  const loadBalancerClass = here.child('loadBalancerClass')
  if (spec.type === 'LoadBalancer' && old.type === 'LoadBalancer' && spec.loadBalancerClass !== old.loadBalancerClass) {
    errors.push(loadBalancerClass.invalid(spec.loadBalancerClass, 'may not change once set'))
  }
  errors.push(...validateLoadBalancerClass(spec, loadBalancerClass))
  if (needsHealthCheck(spec) && needsHealthCheck(old) && spec.healthCheckNodePort !== old.healthCheckNodePort) {
    errors.push(here.child('healthCheckNodePort').forbidden('field is immutable'))
  }
  return errors
}

/** A service may gain and release its second address, and never changes its first. */
function addressChanges(spec: ServiceSpec, old: ServiceSpec, at: Path): FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return []
  const [isNow, was] = [isHeadless(spec), isHeadless(old)]
  return [...(isNow && was ? [] : clusterIpChanges(spec, old, at)), ...(isNow || was ? [] : familyChanges(spec, old, at))]
}

function clusterIpChanges(spec: ServiceSpec, old: ServiceSpec, at: Path): FieldError[] {
  const now = spec.clusterIPs ?? []
  const before = old.clusterIPs ?? []
  const here = at.child('clusterIPs')
  const changed = 'may not change once set'
  if (before.length === now.length) {
    return before.flatMap((ip, index) => (ip === now[index] ? [] : [here.index(index).invalid(now, changed)]))
  }
  const errors: FieldError[] = []
  if (now.length === 0) errors.push(here.index(0).invalid(now, 'primary clusterIP can not be unset'))
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) errors.push(here.index(0).invalid(now, changed))
  if (before.length > now.length && now.length === 1) errors.push(...releaseErrors(spec, at, 'clusterIP'))
  return errors
}

function familyChanges(spec: ServiceSpec, old: ServiceSpec, at: Path): FieldError[] {
  const now = spec.ipFamilies ?? []
  const before = old.ipFamilies ?? []
  const first = at.child('ipFamilies').index(0)
  const changed = 'may not change once set'
  if (before.length === now.length) {
    return before.flatMap((family, index) => (family === now[index] ? [] : [first.invalid(now, changed)]))
  }
  const errors: FieldError[] = []
  if (before.length > now.length && !spec.clusterIPs?.length) errors.push(first.invalid(now, 'primary ipFamily can not be unset'))
  // Upstream shows the addresses here.
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) errors.push(first.invalid(spec.clusterIPs, changed))
  if (before.length > now.length && now.length === 1) errors.push(...releaseErrors(spec, at, 'ipFamily'))
  return errors
}

function releaseErrors({ ipFamilyPolicy }: ServiceSpec, at: Path, what: string): FieldError[] {
  if (ipFamilyPolicy === 'SingleStack') return []
  const message = `must be set to 'SingleStack' when releasing the secondary ${what}`
  return [at.child('ipFamilyPolicy').invalid(ipFamilyPolicy, message)]
}

export function validateServiceStatusUpdate({ spec, status }: ServiceParts, old: ServiceParts, at: Path): FieldError[] {
  const here = at.child('status', 'loadBalancer', 'ingress')
  const ingresses = status.loadBalancer.ingress ?? []
  if (spec.type !== 'LoadBalancer') {
    return ingresses.length > 0 ? [here.forbidden("may only be used when `spec.type` is 'LoadBalancer'")] : []
  }
  const known = new Set((old.status.loadBalancer.ingress ?? []).map(({ ip }) => ip))
  return ingresses.flatMap(({ ip = '', ipMode, hostname = '' }, index) => {
    const place = here.index(index)
    const mode = place.child('ipMode')
    const errors = ip && !known.has(ip) ? formatted(strictIp, ip, place.child('ip')) : []
    if (ipMode === undefined) errors.push(...(ip ? [mode.required('must be specified when `ip` is set')] : []))
    else if (!ip) errors.push(mode.forbidden('may not be specified when `ip` is not set'))
    else errors.push(...among(ipMode, ['Proxy', 'VIP'], mode))
    if (!hostname) return errors
    const name = place.child('hostname')
    errors.push(...formatted(isDns1123Subdomain, hostname, name))
    if (parseIp(hostname)) errors.push(name.invalid(hostname, 'must be a DNS name, not an IP address'))
    return errors
  })
}
