/** Rules for Ingresses (upstream `networking/validation`). */
import type { TypedLocalObjectReference } from '#api/core/v1/object-reference.ts'
import { dnsSubdomain, formatted, requiredAs } from '#api/core/v1/validation/checks.ts'
import type {
  HTTPIngressPath,
  IngressBackend,
  IngressLoadBalancerStatus,
  IngressRule,
  IngressServiceBackend,
  IngressSpec,
  IngressTLS,
} from '#api/networking/v1/ingress.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import {
  isDns1123Label,
  isDns1123Subdomain,
  isPathSegmentName,
  isValidIpForLegacyField,
  isValidPortName,
  isValidPortNum,
  isWildcardDns1123Subdomain,
} from '#schema/formats.ts'
import { parseIp } from '#schema/ip-formats.ts'

/** What an older object may keep that a new one may not have. */
interface Tolerance {
  readonly secretNames: boolean
  readonly wildcardRules: boolean
  /** Names of Services in the newer, wider form (KEP-5311). */
  readonly serviceName: (name: string) => string[]
}

const strict: Tolerance = { secretNames: false, wildcardRules: false, serviceName: isDns1123Label }

export function validateIngress(spec: IngressSpec, old: IngressSpec | undefined, at: Path): FieldError[] {
  const { rules = [], tls = [], defaultBackend, ingressClassName } = spec
  const tolerance = old ? toleranceOf(old) : strict
  return [
    ...(rules.length === 0 && !defaultBackend
      ? [at.invalid(spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified')]
      : []),
    ...(defaultBackend ? backendErrors(defaultBackend, at.child('defaultBackend'), tolerance) : []),
    ...rules.flatMap((rule, index) => ruleErrors(rule, at.child('rules').index(index), tolerance)),
    ...tls.flatMap((entry, index) => tlsErrors(entry, at.child('tls').index(index), tolerance)),
    ...(ingressClassName === undefined ? [] : dnsSubdomain(ingressClassName, at.child('ingressClassName'))),
  ]
}

function toleranceOf({ tls = [], rules = [] }: IngressSpec): Tolerance {
  const isBadRule = (rule: IngressRule) => rule.host?.includes('*') && pathsErrors(rule, root, strict).length > 0
  return {
    ...strict,
    secretNames: tls.some(({ secretName }) => secretName && isDns1123Subdomain(secretName).length > 0),
    wildcardRules: rules.some(isBadRule),
  }
}

function tlsErrors({ hosts = [], secretName }: IngressTLS, at: Path, { secretNames }: Tolerance): FieldError[] {
  return [
    ...hosts.flatMap((host, index) => hostErrors(host, at.child('hosts').index(index))),
    ...(secretName && !secretNames ? dnsSubdomain(secretName, at.child('secretName')) : []),
  ]
}

function hostErrors(host: string, at: Path): FieldError[] {
  return formatted(host.includes('*') ? isWildcardDns1123Subdomain : isDns1123Subdomain, host, at)
}

const notAnIp = 'must be a DNS name, not an IP address'

function ruleErrors(rule: IngressRule, at: Path, tolerance: Tolerance): FieldError[] {
  const { host = '' } = rule
  const here = at.child('host')
  const errors = host && parseIp(host) ? [here.invalid(host, notAnIp)] : []
  if (host) errors.push(...hostErrors(host, here))
  return host.includes('*') && tolerance.wildcardRules ? errors : [...errors, ...pathsErrors(rule, at, tolerance)]
}

function pathsErrors({ http }: IngressRule, at: Path, tolerance: Tolerance): FieldError[] {
  if (!http) return []
  const here = at.child('http', 'paths')
  if (http.paths.length === 0) return [here.required()]
  return http.paths.flatMap((path, index) => pathErrors(path, here.index(index), tolerance))
}

const badSequences = ['//', '/./', '/../', '%2f', '%2F']
const badEndings = ['/..', '/.']

function pathErrors({ path = '', pathType, backend }: HTTPIngressPath, at: Path, tolerance: Tolerance): FieldError[] {
  const here = at.child('path')
  const isRelative = !path.startsWith('/')
  const errors: FieldError[] = []
  switch (pathType) {
    case undefined:
      return [at.child('pathType').required('pathType must be specified')]
    case 'Exact':
    case 'Prefix':
      if (isRelative) errors.push(here.invalid(path, 'must be an absolute path'))
      for (const part of badSequences) if (path.includes(part)) errors.push(here.invalid(path, `must not contain '${part}'`))
      for (const end of badEndings) if (path.endsWith(end)) errors.push(here.invalid(path, `cannot end with '${end}'`))
      break
    case 'ImplementationSpecific':
      if (path && isRelative) errors.push(here.invalid(path, 'must be an absolute path'))
      break
    default:
      errors.push(at.child('pathType').notSupported(pathType, ['Exact', 'ImplementationSpecific', 'Prefix']))
  }
  return [...errors, ...backendErrors(backend, at.child('backend'), tolerance)]
}

function backendErrors({ resource, service }: IngressBackend, at: Path, tolerance: Tolerance): FieldError[] {
  if (resource && service) return [at.invalid('', 'cannot set both resource and service backends')]
  if (resource) return resourceErrors(resource, at.child('resource'))
  return service ? serviceErrors(service, at, tolerance) : [at.invalid('', 'resource or service backend is required')]
}

function resourceErrors({ apiGroup, kind, name }: TypedLocalObjectReference, at: Path): FieldError[] {
  return [
    ...(apiGroup === undefined ? [] : dnsSubdomain(apiGroup, at.child('apiGroup'))),
    ...requiredAs(isPathSegmentName, kind, at.child('kind')),
    ...requiredAs(isPathSegmentName, name, at.child('name')),
  ]
}

function serviceErrors({ name, port }: IngressServiceBackend, at: Path, { serviceName }: Tolerance): FieldError[] {
  const errors = requiredAs(serviceName, name, at.child('service', 'name'))
  const here = at.child('service', 'port')
  if (port.name && port.number) return [...errors, at.invalid('', 'cannot set both port name & port number')]
  if (port.name) return [...errors, ...formatted(isValidPortName, port.name, here.child('name'))]
  if (!port.number) return [...errors, at.required('port name or number is required')]
  return [...errors, ...isValidPortNum(port.number).map((problem) => here.child('number').invalid(port.number, problem))]
}

/** Addresses that stood there before are kept as they are. */
export function validateIngressStatus(
  { ingress = [] }: IngressLoadBalancerStatus,
  old: IngressLoadBalancerStatus,
  at: Path,
): FieldError[] {
  const before = new Set((old.ingress ?? []).map(({ ip }) => ip))
  return ingress.flatMap(({ ip, hostname }, index) => {
    const here = at.child('ingress').index(index)
    return [
      ...(ip && !before.has(ip) ? formatted((text) => isValidIpForLegacyField(text, true), ip, here.child('ip')) : []),
      ...(hostname ? dnsSubdomain(hostname, here.child('hostname')) : []),
      ...(hostname && parseIp(hostname) ? [here.child('hostname').invalid(hostname, notAnIp)] : []),
    ]
  })
}
