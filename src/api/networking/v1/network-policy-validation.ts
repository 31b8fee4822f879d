/** Rules for NetworkPolicies (upstream `networking/validation`). */
import { among } from '#api/core/v1/validation/checks.ts'
import type { IPBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec } from '#api/networking/v1/network-policy.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isValidCidrForLegacyField, isValidPortName, isValidPortNum } from '#schema/formats.ts'
import { parseCidr } from '#schema/ip-formats.ts'
import { validateLabelSelector } from '#schema/validate.ts'

interface Known {
  readonly allowInvalidValues: boolean
  /** Ranges that stood in the policy before are not looked at again: nobody can tell which rule they came from. */
  readonly cidrs: ReadonlySet<string>
}

export function validatePolicy(spec: NetworkPolicySpec, old: NetworkPolicySpec | undefined, at: Path): FieldError[] {
  const known: Known = {
    allowInvalidValues: old !== undefined && validateLabelSelector(old.podSelector, at).length > 0,
    cidrs: new Set(old ? cidrsOf(old) : []),
  }
  const rules = (name: 'ingress' | 'egress') =>
    rulesOf(spec, name).flatMap(({ ports, peers, field }, index) => {
      const here = at.child(name).index(index)
      return [
        ...ports.flatMap((port, position) => portErrors(port, here.child('ports').index(position))),
        ...peers.flatMap((peer, position) => peerErrors(peer, here.child(field).index(position), known)),
      ]
    })
  return [
    ...validateLabelSelector(spec.podSelector, at.child('podSelector'), known),
    ...rules('ingress'),
    ...rules('egress'),
    ...typeErrors(spec.policyTypes ?? [], at.child('policyTypes')),
  ]
}

function rulesOf(spec: NetworkPolicySpec, name: 'ingress' | 'egress') {
  return name === 'ingress'
    ? (spec.ingress ?? []).map(({ ports = [], from = [] }) => ({ ports, peers: from, field: 'from' }))
    : (spec.egress ?? []).map(({ ports = [], to = [] }) => ({ ports, peers: to, field: 'to' }))
}

function cidrsOf(spec: NetworkPolicySpec): string[] {
  const peers = [...rulesOf(spec, 'ingress'), ...rulesOf(spec, 'egress')].flatMap(({ peers }) => peers)
  return peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : []))
}

function typeErrors(types: readonly string[], at: Path): FieldError[] {
  if (types.length > 2) return [at.invalid(types, 'may not specify more than two policyTypes')]
  return types.flatMap((type, index) => among(type, ['Ingress', 'Egress'], at.index(index)))
}

function portErrors({ protocol, port, endPort }: NetworkPolicyPort, at: Path): FieldError[] {
  const errors = protocol === undefined ? [] : among(protocol, ['TCP', 'UDP', 'SCTP'], at.child('protocol'))
  const end = at.child('endPort')
  if (port === undefined) {
    return [
      ...errors,
      ...(endPort === undefined ? [] : [end.invalid(endPort, 'may not be specified when `port` is not specified')]),
    ]
  }
  if (typeof port === 'string') {
    if (endPort !== undefined) errors.push(end.invalid(endPort, 'may not be specified when `port` is non-numeric'))
    return [...errors, ...isValidPortName(port).map((problem) => at.child('port').invalid(port, problem))]
  }
  errors.push(...isValidPortNum(port).map((problem) => at.child('port').invalid(port, problem)))
  if (endPort === undefined) return errors
  if (endPort < port) errors.push(end.invalid(endPort, 'must be greater than or equal to `port`'))
  return [...errors, ...isValidPortNum(endPort).map((problem) => end.invalid(endPort, problem))]
}

function peerErrors({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, at: Path, known: Known): FieldError[] {
  const errors = [
    ...validateLabelSelector(podSelector, at.child('podSelector'), known),
    ...validateLabelSelector(namespaceSelector, at.child('namespaceSelector'), known),
    ...(ipBlock ? blockErrors(ipBlock, at.child('ipBlock'), known) : []),
  ]
  if (!podSelector && !namespaceSelector && !ipBlock) return [at.required('must specify a peer')]
  if (ipBlock && (podSelector || namespaceSelector)) errors.push(at.forbidden('may not specify both ipBlock and another peer'))
  return errors
}

function blockErrors({ cidr, except = [] }: IPBlock, at: Path, known: Known): FieldError[] {
  if (cidr === '') return [at.child('cidr').required()]
  const errors = cidrErrors(cidr, at.child('cidr'), known)
  const whole = parseCidr(cidr)
  if (!whole) return errors
  for (const [index, text] of except.entries()) {
    const here = at.child('except').index(index)
    errors.push(...cidrErrors(text, here, known))
    const part = parseCidr(text)
    if (part && !isWithin(part, whole)) errors.push(here.invalid(text, 'must be a strict subset of `cidr`'))
  }
  return errors
}

function cidrErrors(cidr: string, at: Path, { cidrs }: Known): FieldError[] {
  return cidrs.has(cidr) ? [] : isValidCidrForLegacyField(cidr, true).map((problem) => at.invalid(cidr, problem))
}

type Cidr = NonNullable<ReturnType<typeof parseCidr>>

/** Whether a range lies inside another and is smaller. */
function isWithin(part: Cidr, whole: Cidr): boolean {
  if (part.ip.length !== whole.ip.length || part.bits <= whole.bits) return false
  const bit = (ip: Uint8Array, index: number) => ((ip[index >> 3] as number) >> (7 - (index & 7))) & 1
  return Array.from({ length: whole.bits }, (_, index) => bit(part.ip, index) === bit(whole.ip, index)).every(Boolean)
}
