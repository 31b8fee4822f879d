/** What clients are warned of when they write services (upstream `pkg/api/service/warnings.go`). */
import type { ServiceParts } from '#api/core/v1/service.ts'
import { root } from '#schema/field-error.ts'
import { cidrWarnings, ipWarnings } from '#schema/ip-warnings.ts'

const hints = 'service.kubernetes.io/topology-aware-hints'
const mode = 'service.kubernetes.io/topology-mode'

export function serviceWarnings({ metadata, spec }: ServiceParts): string[] {
  const { type, clusterIP = '', clusterIPs = [], externalIPs = [], loadBalancerIP = '', loadBalancerSourceRanges = [] } = spec
  const at = root.child('spec')
  const isHeadless = type === 'ClusterIP' && clusterIP === 'None'
  const isExternal = type === 'ExternalName'
  const hasAddress = !isExternal && clusterIP !== '' && clusterIP !== 'None'
  const warnings: (string | false)[] = [
    metadata.annotations?.[hints] !== undefined && `annotation ${hints} is deprecated, please use ${mode} instead`,
    ...(hasAddress ? clusterIPs.flatMap((ip, index) => ipWarnings(ip, at.child('clusterIPs').index(index))) : []),
    isHeadless && loadBalancerIP !== '' && 'spec.loadBalancerIP is ignored for headless services',
    isHeadless && externalIPs.length > 0 && 'spec.externalIPs is ignored for headless services',
    isHeadless && spec.sessionAffinity !== 'None' && 'spec.SessionAffinity is ignored for headless services',
    ...externalIPs.flatMap((ip, index) => ipWarnings(ip, at.child('externalIPs').index(index))),
    externalIPs.length > 0 &&
      !isHeadless &&
      !isExternal &&
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
    ...(loadBalancerIP ? ipWarnings(loadBalancerIP, at.child('loadBalancerIP')) : []),
    ...loadBalancerSourceRanges.flatMap((cidr, index) => cidrWarnings(cidr, at.child('loadBalancerSourceRanges').index(index))),
    isExternal && externalIPs.length > 0 && 'spec.externalIPs is ignored when spec.type is "ExternalName"',
    !isExternal && Boolean(spec.externalName) && 'spec.externalName is ignored when spec.type is not "ExternalName"',
    spec.trafficDistribution === 'PreferClose' && 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
  ]
  return warnings.filter((warning) => warning !== false)
}
