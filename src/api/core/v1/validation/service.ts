/** Rules for Services (upstream `validateService`). */
import type { ServiceParts, ServicePort, ServiceSpec } from '#api/core/v1/service.ts'
import { isExternallyAccessible } from '#api/core/v1/service-defaults.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import { isQualifiedName, isValidCidrForLegacyField, isValidPortNum } from '#schema/formats.ts'
import { validateLabels } from '#schema/validate.ts'
import { among, dnsLabel, dnsSubdomain, formatted, requiredAmong } from './checks.ts'
import { validateEndpointIp } from './endpoint-ip.ts'
import { validateFinalizers } from './metadata.ts'
import { strictIp } from './pod-network.ts'
import { portErrors } from './probe.ts'
import { isHeadless, validateClusterIps } from './service-ips.ts'

export function validateService(service: ServiceParts, at: Path): FieldError[] {
  const { metadata, spec } = service
  const here = at.child('spec')
  return [
    ...validateFinalizers(metadata, at),
    ...topologyErrors(metadata.annotations ?? {}, at.child('metadata', 'annotations')),
    ...typeErrors(spec, here),
    ...portsErrors(spec, here.child('ports')),
    ...validateLabels(spec.selector, here.child('selector')),
    ...affinityErrors(spec, here),
    ...validateClusterIps(spec, here),
    ...(spec.externalIPs ?? []).flatMap((ip, index) => externalIpErrors(ip, here.child('externalIPs').index(index))),
    ...requiredAmong(spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], here.child('type')),
    ...portConflicts(spec, here.child('ports')),
    ...sourceRangeErrors(service, at),
    ...loadBalancerErrors(spec, here),
    ...validateLoadBalancerClass(spec, here.child('loadBalancerClass')),
    ...trafficErrors(spec, here),
  ]
}

const topologyMode = 'service.kubernetes.io/topology-mode'
const topologyHints = 'service.kubernetes.io/topology-aware-hints'

function topologyErrors(annotations: Readonly<Record<string, string>>, at: Path): FieldError[] {
  const mode = annotations[topologyMode]
  const hints = annotations[topologyHints]
  if (mode === undefined || hints === undefined || mode === hints) return []
  return [at.key(topologyMode).invalid(mode, `must match annotations[${topologyHints}] when both are specified`)]
}

function typeErrors(spec: ServiceSpec, at: Path): FieldError[] {
  const { type, ports = [], clusterIPs = [], ipFamilies = [], ipFamilyPolicy, externalName = '' } = spec
  const errors: FieldError[] = []
  if (ports.length === 0 && !isHeadless(spec) && type !== 'ExternalName') errors.push(at.child('ports').required())
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(spec)) {
    errors.push(at.child('clusterIPs').index(0).invalid('None', `may not be set to 'None' for ${type} services`))
  }
  if (type !== 'ExternalName') return errors
  const message = 'may not be set for ExternalName services'
  if (clusterIPs.length > 0) errors.push(at.child('clusterIPs').forbidden(message))
  if (ipFamilies.length > 0) errors.push(at.child('ipFamilies').forbidden(message))
  if (ipFamilyPolicy !== undefined) errors.push(at.child('ipFamilyPolicy').forbidden(message))
  const name = externalName.replace(/\.$/, '')
  const here = at.child('externalName')
  return [...errors, ...(name ? dnsSubdomain(name, here) : [here.required()])]
}

function portsErrors({ ports = [] }: ServiceSpec, at: Path): FieldError[] {
  const names = new Set<string>()
  return ports.flatMap(({ name, port, protocol, targetPort, appProtocol }, index) => {
    const here = at.index(index)
    const errors: FieldError[] = []
    if (name) {
      errors.push(...dnsLabel(name, here.child('name')))
      if (names.has(name)) errors.push(here.child('name').duplicate(name))
      names.add(name)
    } else if (ports.length > 1) {
      errors.push(here.child('name').required())
    }
    return [
      ...errors,
      ...isValidPortNum(port).map((message) => here.child('port').invalid(port, message)),
      ...requiredAmong(protocol, ['SCTP', 'TCP', 'UDP'], here.child('protocol')),
      ...portErrors(targetPort, here.child('targetPort')),
      ...(appProtocol === undefined ? [] : formatted(isQualifiedName, appProtocol, here.child('appProtocol'))),
    ]
  })
}

const maxAffinitySeconds = 86400

function affinityErrors({ sessionAffinity, sessionAffinityConfig: config }: ServiceSpec, at: Path): FieldError[] {
  const errors = requiredAmong(sessionAffinity, ['ClientIP', 'None'], at.child('sessionAffinity'))
  const here = at.child('sessionAffinityConfig')
  if (sessionAffinity === 'None' && config) {
    errors.push(here.forbidden('must not be set when session affinity is None'))
  }
  if (sessionAffinity !== 'ClientIP') return errors
  const message = 'when session affinity type is ClientIP'
  if (!config) return [...errors, here.required(message)]
  if (!config.clientIP) return [...errors, here.child('clientIP').required(message)]
  const seconds = config.clientIP.timeoutSeconds
  const path = here.child('clientIP', 'timeoutSeconds')
  if (seconds === undefined) return [...errors, path.required(message)]
  const isFine = seconds > 0 && seconds <= maxAffinitySeconds
  return isFine ? errors : [...errors, path.invalid(seconds, `must be greater than 0 and less than ${maxAffinitySeconds}`)]
}

function externalIpErrors(ip: string, at: Path): FieldError[] {
  const errors = formatted(strictIp, ip, at)
  return errors.length > 0 ? errors : validateEndpointIp(ip, at)
}

function portConflicts({ type, ports = [] }: ServiceSpec, at: Path): FieldError[] {
  const forbidden = ports.flatMap(({ nodePort }, index) =>
    type === 'ClusterIP' && nodePort
      ? [at.index(index).child('nodePort').forbidden("may not be used when `type` is 'ClusterIP'")]
      : [],
  )
  const repeated = (key: (port: ServicePort) => string, error: (port: ServicePort, here: Path) => FieldError) => {
    const seen = new Set<string>()
    return ports.flatMap((port, index) => {
      const text = key(port)
      if (!text || !seen.has(text)) {
        seen.add(text)
        return []
      }
      return [error(port, at.index(index))]
    })
  }
  return [
    ...forbidden,
    ...repeated(
      ({ protocol, nodePort }) => (nodePort ? `${protocol}/${nodePort}` : ''),
      ({ nodePort }, here) => here.child('nodePort').duplicate(nodePort),
    ),
    ...repeated(
      ({ protocol, port }) => `${protocol}/${port}`,
      ({ protocol, port }, here) => {
        const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 }
        return here.duplicate(shown)
      },
    ),
  ]
}

const sourceRanges = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const onlyForBalancers = "may only be used when `type` is 'LoadBalancer'"

function sourceRangeErrors({ metadata, spec }: ServiceParts, at: Path): FieldError[] {
  const { type, loadBalancerSourceRanges: ranges = [] } = spec
  const strictCidr = (value: string) => isValidCidrForLegacyField(value, true)
  if (ranges.length > 0) {
    const here = at.child('spec', 'LoadBalancerSourceRanges')
    const forbidden = type === 'LoadBalancer' ? [] : [here.forbidden(onlyForBalancers)]
    return [...forbidden, ...ranges.flatMap((range, index) => formatted(strictCidr, range.trim(), here.index(index)))]
  }
  const annotation = metadata.annotations?.[sourceRanges]
  if (annotation === undefined) return []
  const here = at.child('metadata', 'annotations').key(sourceRanges)
  const forbidden = type === 'LoadBalancer' ? [] : [here.forbidden(onlyForBalancers)]
  const listed = annotation.trim() ? annotation.trim().split(',') : []
  return [...forbidden, ...listed.flatMap((range) => formatted(strictCidr, range.trim(), here))]
}

function loadBalancerErrors({ type, allocateLoadBalancerNodePorts: allocate }: ServiceSpec, at: Path): FieldError[] {
  if (type === 'LoadBalancer') return allocate === undefined ? [root.child('allocateLoadBalancerNodePorts').required()] : []
  return allocate === undefined ? [] : [at.child('allocateLoadBalancerNodePorts').forbidden(onlyForBalancers)]
}

export function validateLoadBalancerClass({ type, loadBalancerClass }: ServiceSpec, at: Path): FieldError[] {
  if (loadBalancerClass === undefined) return []
  return type === 'LoadBalancer' ? formatted(isQualifiedName, loadBalancerClass, at) : [at.forbidden(onlyForBalancers)]
}

function trafficErrors(spec: ServiceSpec, at: Path): FieldError[] {
  const { type, externalTrafficPolicy: external, internalTrafficPolicy: internal, trafficDistribution } = spec
  const errors: FieldError[] = []
  const here = at.child('externalTrafficPolicy')
  if (isExternallyAccessible(spec)) errors.push(...requiredAmong(external, ['Cluster', 'Local'], here))
  else if (external) errors.push(here.invalid(external, 'may only be set for externally-accessible services'))
  errors.push(...healthCheckErrors(spec, at.child('healthCheckNodePort')))
  const inside = at.child('internalTrafficPolicy')
  if (internal !== undefined) errors.push(...among(internal, ['Cluster', 'Local'], inside))
  else if (type === 'NodePort' || type === 'LoadBalancer' || type === 'ClusterIP') errors.push(inside.required())
  if (trafficDistribution === undefined) return errors
  const known = ['PreferClose', 'PreferSameZone', 'PreferSameNode']
  return [...errors, ...among(trafficDistribution, known, at.child('trafficDistribution'))]
}

export function needsHealthCheck({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local'
}

function healthCheckErrors(spec: ServiceSpec, at: Path): FieldError[] {
  const port = spec.healthCheckNodePort ?? 0
  if (needsHealthCheck(spec)) {
    return port === 0 ? [at.required()] : isValidPortNum(port).map((message) => at.invalid(port, message))
  }
  const message = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
  return port === 0 ? [] : [at.invalid(port, message)]
}
