/** Rules for the addresses of a Service and their families (upstream `ValidateServiceClusterIPsRelatedFields`). */
import type { ServiceSpec } from '#api/core/v1/service.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { among, formatted } from './checks.ts'
import { strictIp } from './pod-network.ts'

export function isHeadless({ clusterIPs = [] }: ServiceSpec): boolean {
  return clusterIPs.length === 1 && clusterIPs[0] === 'None'
}

export function validateClusterIps(spec: ServiceSpec, at: Path): FieldError[] {
  if (spec.type === 'ExternalName') return []
  const { clusterIPs = [] } = spec
  const here = at.child('clusterIPs')
  const errors = [...firstErrors(spec, here), ...familyErrors(spec, at)]
  const isNoneAmongOthers = clusterIPs[0] === 'None' && clusterIPs.length > 1
  const invalid = [
    ...(isNoneAmongOthers ? [here.invalid(clusterIPs, "'None' must be the first and only value")] : []),
    ...clusterIPs.flatMap((ip, index) => (index === 0 && ip === 'None' ? [] : formatted(strictIp, ip, here.index(index)))),
  ]
  errors.push(...invalid)
  if (clusterIPs.length > 2) errors.push(here.invalid(clusterIPs, 'may only hold up to 2 values'))
  if (invalid.length > 0) return errors
  if (clusterIPs.length > 1 && new Set(clusterIPs.map(isSix)).size < 2) {
    errors.push(here.invalid(clusterIPs, 'may specify no more than one IP for each IP family'))
  }
  return isHeadless(spec) ? errors : [...errors, ...mismatches(spec, here)]
}

const isSix = (ip: string) => ip.includes(':')

function firstErrors({ clusterIP, clusterIPs = [] }: ServiceSpec, at: Path): FieldError[] {
  if (!clusterIP) {
    return clusterIPs.length > 0 ? [at.invalid(clusterIPs, 'must be empty when `clusterIP` is not specified')] : []
  }
  if (clusterIPs.length === 0) return [at.required()]
  return clusterIPs[0] === clusterIP ? [] : [at.invalid(clusterIPs, 'first value must match `clusterIP`')]
}

function familyErrors({ ipFamilies = [], ipFamilyPolicy }: ServiceSpec, at: Path): FieldError[] {
  const here = at.child('ipFamilies')
  const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack']
  return [
    ...ipFamilies.flatMap((family, index) => [
      ...among(family, ['IPv4', 'IPv6'], here.index(index)),
      ...(ipFamilies.indexOf(family) < index ? [here.index(index).duplicate(family)] : []),
    ]),
    ...(ipFamilyPolicy === undefined ? [] : among(ipFamilyPolicy, policies, at.child('ipFamilyPolicy'))),
  ]
}

function mismatches({ clusterIPs = [], ipFamilies = [] }: ServiceSpec, at: Path): FieldError[] {
  return clusterIPs.flatMap((ip, index) => {
    const family = ipFamilies[index]
    if (!family || (family === 'IPv6') === isSix(ip)) return []
    return [at.index(index).invalid(ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``)]
  })
}
