/** Address families of a Service on a cluster that has IPv4 alone (upstream `initIPFamilyFields` and `ValidateServiceClusterIPsRelatedFields`). */
import { Service } from '#api/core/v1/service.ts'
import { type FieldError, root } from '#schema/field-error.ts'
import { isValidIp } from '#schema/formats.ts'
import { invalid } from '#schema/status-error.ts'
import { parseIpv4 } from '../allocators/ipv4.ts'

type Family = 'IPv4' | 'IPv6'

const at = root.child('spec')

/** Fills in ipFamilyPolicy and ipFamilies; throws Invalid for what this cluster cannot give. */
export function initFamilies(service: Service, old: Service | undefined): void {
  const { spec } = service
  if (spec.type === 'ExternalName' || isUnchangedPreference(service, old)) return
  spec.ipFamilyPolicy ??= old?.spec.ipFamilyPolicy ?? (isHeadlessWithoutSelector(service) ? 'RequireDualStack' : 'SingleStack')
  refuse(service, checkRelatedFields(service))
  const errors = [...checkReduction(service, old), ...checkCount(service)]
  inferFamilies(service, errors)
  refuse(service, errors)
  if (isHeadlessWithoutSelector(service)) return fillHeadless(service)

  if (spec.ipFamilyPolicy === 'RequireDualStack') {
    errors.push(at.child('ipFamilyPolicy').invalid(spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'))
  }
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (family !== 'IPv4') errors.push(at.child('ipFamilies').index(i).invalid(family, 'not configured on this cluster'))
  }
  refuse(service, errors)
  if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4']
}

function refuse({ metadata }: Service, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: '', kind: Service.kind }, metadata.name, errors)
}

/** A service that prefers two families keeps those that it has, also when the cluster has changed. */
function isUnchangedPreference({ spec }: Service, old: Service | undefined): boolean {
  return (
    old !== undefined &&
    old.spec.type === spec.type &&
    spec.ipFamilyPolicy === 'PreferDualStack' &&
    (old.spec.ipFamilyPolicy ?? 'PreferDualStack') === 'PreferDualStack' &&
    sameList(spec.clusterIPs, old.spec.clusterIPs) &&
    sameList(spec.ipFamilies, old.spec.ipFamilies)
  )
}

export function sameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function isHeadlessWithoutSelector({ spec }: Service): boolean {
  return spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0
}

/** Its endpoints may be of either family, whatever the cluster has. */
function fillHeadless({ spec }: Service): void {
  if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4']
  if (spec.ipFamilies.length < 2 && spec.ipFamilyPolicy !== 'SingleStack') {
    spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === 'IPv4' ? 'IPv6' : 'IPv4']
  }
}

/** Going back to one family has to be asked for; then the second ones are dropped. */
function checkReduction({ spec }: Service, old: Service | undefined): FieldError[] {
  if (!old) return []
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (sameList(spec.clusterIPs, old.spec.clusterIPs) && spec.clusterIPs) spec.clusterIPs = spec.clusterIPs.slice(0, 1)
    if (sameList(spec.ipFamilies, old.spec.ipFamilies) && spec.ipFamilies) spec.ipFamilies = spec.ipFamilies.slice(0, 1)
    return []
  }
  const reduced = (now: readonly string[] = [], before: readonly string[] = []) => now.length > 0 && now.length < before.length
  const policy = at.child('ipFamilyPolicy')
  const errors: FieldError[] = []
  if (reduced(spec.clusterIPs, old.spec.clusterIPs)) {
    errors.push(policy.invalid(spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary cluster IP"))
  }
  if (reduced(spec.ipFamilies, old.spec.ipFamilies)) {
    errors.push(policy.invalid(spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary IP family"))
  }
  return errors
}

function checkCount({ spec }: Service): FieldError[] {
  if (spec.ipFamilyPolicy !== 'SingleStack') return []
  const errors: FieldError[] = []
  const add = (what: string) => {
    const why = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`
    errors.push(at.child('ipFamilyPolicy').invalid(spec.ipFamilyPolicy, why))
  }
  if (spec.clusterIPs?.length === 2) add('cluster IPs')
  if (spec.ipFamilies?.length === 2) add('IP families')
  return errors
}

function inferFamilies({ spec }: Service, errors: FieldError[]): void {
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === 'None') return
    if (i < (spec.ipFamilies?.length ?? 0)) continue
    const family = familyOf(ip)
    if (family === 'IPv4') spec.ipFamilies = [...(spec.ipFamilies ?? []), family]
    else errors.push(at.child('clusterIPs').index(i).invalid(spec.clusterIPs, `${family} is not configured on this cluster`))
  }
}

function familyOf(ip: string): Family {
  return parseIpv4(ip) === undefined ? 'IPv6' : 'IPv4'
}

/** What must hold between clusterIP, clusterIPs and ipFamilies before anything is allocated. */
function checkRelatedFields({ spec }: Service): FieldError[] {
  const { clusterIP = '', clusterIPs = [], ipFamilies = [] } = spec
  const field = at.child('clusterIPs')
  const errors: FieldError[] = []
  if (clusterIP && clusterIPs.length === 0) errors.push(field.required())
  if (clusterIPs.length > 0 && clusterIPs[0] !== clusterIP)
    errors.push(field.invalid(clusterIPs, 'first value must match `clusterIP`'))
  for (const [i, family] of ipFamilies.entries()) {
    if (family !== 'IPv4' && family !== 'IPv6')
      errors.push(at.child('ipFamilies').index(i).notSupported(family, ['IPv4', 'IPv6']))
    else if (ipFamilies.indexOf(family) < i) errors.push(at.child('ipFamilies').index(i).duplicate(family))
  }
  const isHeadless = clusterIPs[0] === 'None'
  if (isHeadless && clusterIPs.length > 1) errors.push(field.invalid(clusterIPs, "'None' must be the first and only value"))
  if (clusterIPs.length > 2) errors.push(field.invalid(clusterIPs, 'may only hold up to 2 values'))
  for (const [i, ip] of clusterIPs.entries()) {
    if (i === 0 && isHeadless) continue
    errors.push(...isValidIp(ip).map((why) => field.index(i).invalid(ip, why)))
  }
  if (errors.length > 0 || isHeadless) return errors
  for (const [i, ip] of clusterIPs.slice(0, ipFamilies.length).entries()) {
    if (familyOf(ip) === ipFamilies[i]) continue
    errors.push(field.index(i).invalid(ip, `expected an ${ipFamilies[i]} value as indicated by \`ipFamilies[${i}]\``))
  }
  return errors
}
