/** Rules for Endpoints (upstream `ValidateEndpoints`). */
import type { EndpointAddress, EndpointPort, EndpointSubset } from '#api/core/v1/endpoints.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName, isValidPortNum } from '#schema/formats.ts'
import { dnsLabel, dnsSubdomain, formatted, requiredAmong } from './checks.ts'
import { validateEndpointIp } from './endpoint-ip.ts'
import { strictIp } from './pod-network.ts'

export function validateSubsets(subsets: readonly EndpointSubset[], at: Path): FieldError[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, index) => {
    const here = at.index(index)
    const isEmpty = addresses.length === 0 && notReadyAddresses.length === 0
    return [
      ...(isEmpty ? [here.required('must specify `addresses` or `notReadyAddresses`')] : []),
      ...addresses.flatMap((address, i) => addressErrors(address, here.child('addresses').index(i))),
      ...notReadyAddresses.flatMap((address, i) => addressErrors(address, here.child('notReadyAddresses').index(i))),
      ...ports.flatMap((port, i) => portErrors(port, here.child('ports').index(i), ports.length > 1)),
    ]
  })
}

function addressErrors({ ip, hostname, nodeName }: EndpointAddress, at: Path): FieldError[] {
  return [
    ...formatted(strictIp, ip, at.child('ip')),
    ...(hostname ? dnsLabel(hostname, at.child('hostname')) : []),
    ...(nodeName === undefined ? [] : dnsSubdomain(nodeName, at.child('nodeName'))),
    ...validateEndpointIp(ip, at.child('ip')),
  ]
}

function portErrors({ name, port, protocol, appProtocol }: EndpointPort, at: Path, needsName: boolean): FieldError[] {
  return [
    ...(name ? dnsLabel(name, at.child('name')) : needsName ? [at.child('name').required()] : []),
    ...isValidPortNum(port).map((message) => at.child('port').invalid(port, message)),
    ...requiredAmong(protocol, ['SCTP', 'TCP', 'UDP'], at.child('protocol')),
    ...(appProtocol === undefined ? [] : formatted(isQualifiedName, appProtocol, at.child('appProtocol'))),
  ]
}
