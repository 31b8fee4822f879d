/** Rules for EndpointSlices (upstream `discovery/validation`). */
import { among, dnsLabel, dnsSubdomain, formatted, requiredAmong } from '#api/core/v1/validation/checks.ts'
import { validateEndpointIp } from '#api/core/v1/validation/endpoint-ip.ts'
import { strictIp } from '#api/core/v1/validation/pod-network.ts'
import type { Endpoint, EndpointHints, EndpointPort } from '#api/discovery/v1/endpoint-slice.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidIp, isValidLabelValue } from '#schema/formats.ts'
import { validateLabels } from '#schema/validate.ts'

export function validateAddressType(type: string, at: Path): FieldError[] {
  return requiredAmong(type, ['FQDN', 'IPv4', 'IPv6'], at)
}

const maxPorts = 20_000

export function validateSlicePorts(ports: readonly EndpointPort[], at: Path): FieldError[] {
  if (ports.length > maxPorts) return [at.tooMany(ports.length, maxPorts)]
  const names = new Set<string>()
  return ports.flatMap(({ name, protocol, appProtocol }, index) => {
    const here = at.index(index)
    const errors = name ? dnsLabel(name, here.child('name')) : []
    if (names.has(name)) errors.push(here.child('name').duplicate(name))
    names.add(name)
    return [
      ...errors,
      ...among(protocol, ['SCTP', 'TCP', 'UDP'], here.child('protocol')),
      ...(appProtocol === undefined ? [] : formatted(isQualifiedName, appProtocol, here.child('appProtocol'))),
    ]
  })
}

const maxEndpoints = 1000
const maxAddresses = 100
const maxTopologyLabels = 16

export function validateSliceEndpoints(endpoints: readonly Endpoint[], type: string, at: Path): FieldError[] {
  if (endpoints.length > maxEndpoints) return [at.tooMany(endpoints.length, maxEndpoints)]
  return endpoints.flatMap(({ addresses, nodeName, deprecatedTopology = {}, hostname, hints }, index) => {
    const here = at.index(index)
    const list = here.child('addresses')
    const topology = here.child('deprecatedTopology')
    const labels = Object.keys(deprecatedTopology).length
    return [
      ...(addresses.length === 0 ? [list.required('must contain at least 1 address')] : []),
      ...(addresses.length > maxAddresses ? [list.tooMany(addresses.length, maxAddresses)] : []),
      ...addresses.flatMap((address, position) => addressErrors(address, type, { list, here: list.index(position) })),
      ...(nodeName === undefined ? [] : dnsSubdomain(nodeName, here.child('nodeName'))),
      ...(labels > maxTopologyLabels ? [topology.tooMany(labels, maxTopologyLabels)] : []),
      ...validateLabels(deprecatedTopology, topology),
      ...(hostname === undefined ? [] : dnsLabel(hostname, here.child('hostname'))),
      ...(hints ? hintErrors(hints, here.child('hints')) : []),
    ]
  })
}

interface Place {
  /** The list, which upstream blames for a wrong family. */
  list: Path
  here: Path
}

/** Unknown types are refused elsewhere, and their addresses not looked at. */
function addressErrors(address: string, type: string, { list, here }: Place): FieldError[] {
  if (type === 'FQDN') return domainErrors(address, here)
  if (type !== 'IPv4' && type !== 'IPv6') return []
  const errors = formatted(type === 'IPv4' ? strictIp : isValidIp, address, here)
  if (errors.length > 0) return errors
  const isRight = address.includes(':') === (type === 'IPv6')
  return [...(isRight ? [] : [list.invalid(address, `must be an ${type} address`)]), ...validateEndpointIp(address, here)]
}

function domainErrors(text: string, at: Path): FieldError[] {
  if (!text) return [at.required()]
  const name = text.replace(/\.$/, '')
  const messages = isDns1123Subdomain(name)
  if (messages.length > 0) return [at.invalid(name, messages.join(','))]
  const labels = name.split('.')
  if (labels.length < 2) return [at.invalid(name, 'should be a domain with at least two segments separated by dots')]
  const bad = labels.find((label) => isDns1123Label(label).length > 0)
  return bad === undefined ? [] : [at.invalid(bad, isDns1123Label(bad).join(','))]
}

const maxHints = 8

function hintErrors({ forZones = [], forNodes = [] }: EndpointHints, at: Path): FieldError[] {
  const zones = at.child('forZones')
  if (forZones.length > maxHints) return [zones.tooMany(forZones.length, maxHints)]
  const errors = nameErrors(forZones, isValidLabelValue, zones)
  const nodes = at.child('forNodes')
  if (forNodes.length > maxHints) return [...errors, nodes.tooMany(forNodes.length, maxHints)]
  return [...errors, ...nameErrors(forNodes, isDns1123Subdomain, nodes)]
}

function nameErrors(list: readonly { name: string }[], check: (name: string) => string[], at: Path): FieldError[] {
  const seen = new Set<string>()
  return list.flatMap(({ name }, index) => {
    const here = at.index(index).child('name')
    const repeated = seen.has(name) ? [here.duplicate(name)] : []
    seen.add(name)
    return [...repeated, ...formatted(check, name, here)]
  })
}
