/**
 * The nftables rules that lead service addresses to pods. What a packet meets: one lookup in a verdict map, the chain of its service, the
 * chain of an endpoint. Rules are kept as named parts so that a change sends the kernel only the parts that differ.
 */
import { createHash } from 'node:crypto'
import { table } from './base-ruleset.ts'
import type { Endpoint, Protocol, ServicePort } from './service-ports.ts'

/** Chains by name with their rules, sets by name with their definition, elements by `map key` with their verdict: '' in a set. */
export interface Parts {
  readonly chains: ReadonlyMap<string, readonly string[]>
  readonly sets: ReadonlyMap<string, string>
  readonly elements: ReadonlyMap<string, string>
}

export interface NodeAddresses {
  /** All pods of the cluster. */
  readonly podCidr: string
  /** All services; what is not known there is refused on the node. */
  readonly serviceCidr: string
}

/** The parts of all service ports together. Those of a port that is in `known` are not worked out again. */
export function partsOf(
  ports: Iterable<ServicePort>,
  addresses: NodeAddresses,
  known: WeakMap<ServicePort, Parts> = new WeakMap(),
): Parts {
  const all = emptyParts()
  for (const port of ports) {
    const parts = known.get(port) ?? partsOfOne(port, addresses)
    known.set(port, parts)
    for (const [name, rules] of parts.chains) all.chains.set(name, rules)
    for (const [name, definition] of parts.sets) all.sets.set(name, definition)
    for (const [key, verdict] of parts.elements) all.elements.set(key, verdict)
  }
  return all
}

function partsOfOne(port: ServicePort, addresses: NodeAddresses): Parts {
  const parts = emptyParts()
  addPort(parts, port, addresses)
  return parts
}

function emptyParts(): Growing {
  return { chains: new Map(), sets: new Map(), elements: new Map() }
}

interface Growing {
  readonly chains: Map<string, readonly string[]>
  readonly sets: Map<string, string>
  readonly elements: Map<string, string>
}

function addPort(parts: Growing, port: ServicePort, { podCidr }: NodeAddresses): void {
  const { elements } = parts
  const { protocol, clusterIp } = port
  if (clusterIp && port.internal.length > 0) {
    const chain = balancingChain(parts, port, { purpose: 'in', endpoints: port.internal })
    const fromElsewhere = `ip daddr ${clusterIp} ip saddr != ${podCidr} jump mark-masquerade`
    parts.chains.set(chain, [fromElsewhere, ...(parts.chains.get(chain) ?? [])])
    elements.set(`services ${clusterIp} . ${protocol} . ${port.port}`, `goto ${chain}`)
  } else if (clusterIp && port.everywhere.length > 0) {
    elements.set(`services ${clusterIp} . ${protocol} . ${port.port}`, 'drop')
  }
  if (port.nodePort > 0 || port.externalIps.length > 0) addDoors(parts, port, podCidr)
  if (protocol === 'udp') addUdpFlows(parts, port)
}

function addDoors(parts: Growing, port: ServicePort, podCidr: string): void {
  const { protocol } = port
  const door = externalChain(parts, port, podCidr)
  const address = (ip: string) => `${ip} . ${protocol} . ${port.port}`
  if (!door) {
    if (port.nodePort > 0) parts.elements.set(`refused-nodeports ${protocol} . ${port.nodePort}`, '')
    for (const ip of port.externalIps) parts.elements.set(`refused ${address(ip)}`, '')
    return
  }
  if (port.nodePort > 0) parts.elements.set(`nodeports ${protocol} . ${port.nodePort}`, `goto ${door}`)
  for (const ip of port.externalIps) parts.elements.set(`services ${address(ip)}`, `goto ${guarded(parts, port, door)}`)
}

/** Which translations are good: those of flows that would be made so today. */
function addUdpFlows({ elements }: Growing, { port, clusterIp, nodePort, externalIps, ...to }: ServicePort): void {
  for (const endpoint of to.internal) {
    if (clusterIp) elements.set(`udp-services ${clusterIp} . ${port} . ${endpoint.ip} . ${endpoint.port}`, '')
  }
  for (const ip of externalIps) elements.set(`udp-addresses ${ip} . ${port}`, '')
  if (nodePort > 0) elements.set(`udp-doors ${nodePort}`, '')
  for (const endpoint of [...to.external, ...to.everywhere]) {
    const translated = `${endpoint.ip} . ${endpoint.port}`
    for (const ip of externalIps) elements.set(`udp-services ${ip} . ${port} . ${translated}`, '')
    if (nodePort > 0) elements.set(`udp-nodeports ${nodePort} . ${translated}`, '')
  }
}

/** Where traffic to a node port or an external address enters; undefined when it has nowhere to go. */
function externalChain(parts: Growing, port: ServicePort, podCidr: string): string | undefined {
  if (port.external.length === 0 && port.everywhere.length === 0) return undefined
  const name = chainName('ext', port)
  if (!port.keepsSource) {
    const chain = balancingChain(parts, port, { purpose: 'out', endpoints: port.external })
    parts.chains.set(name, ['jump mark-masquerade', `goto ${chain}`])
    return name
  }
  const all = balancingChain(parts, port, { purpose: 'all', endpoints: port.everywhere })
  const rules = [
    `ip saddr ${podCidr} goto ${all}`,
    'fib saddr type local jump mark-masquerade',
    `fib saddr type local goto ${all}`,
  ]
  if (port.external.length > 0) rules.push(`goto ${balancingChain(parts, port, { purpose: 'out', endpoints: port.external })}`)
  else rules.push('drop')
  parts.chains.set(name, rules)
  return name
}

function guarded(parts: Growing, port: ServicePort, door: string): string {
  if (port.sourceRanges.length === 0) return door
  const name = chainName('fw', port)
  parts.chains.set(name, [`ip saddr { ${port.sourceRanges.join(', ')} } goto ${door}`, 'drop'])
  return name
}

/** A chain that picks one of the endpoints, each as likely as the others; a client that was here before gets the same one. */
function balancingChain(
  parts: Growing,
  port: ServicePort,
  { purpose, endpoints }: { purpose: string; endpoints: readonly Endpoint[] },
): string {
  const name = chainName(purpose, port)
  const targets = endpoints.map((endpoint) => endpointChain(parts, port, endpoint))
  const rules = port.affinitySeconds > 0 ? targets.map((target) => `ip saddr @${affinitySet(target)} goto ${target}`) : []
  if (targets.length === 1) rules.push(`goto ${targets[0]}`)
  else
    rules.push(`numgen random mod ${targets.length} vmap { ${targets.map((target, i) => `${i} : goto ${target}`).join(', ')} }`)
  parts.chains.set(name, rules)
  return name
}

function endpointChain(parts: Growing, port: ServicePort, { ip, port: target }: Endpoint): string {
  const name = shortened(`ep-${hash(`${port.id} ${ip} ${target}`)}-${port.id}/${ip}/${target}`)
  const rules = [`ip saddr ${ip} jump mark-masquerade`]
  if (port.affinitySeconds > 0) {
    const set = affinitySet(name)
    parts.sets.set(set, `{ type ipv4_addr; flags dynamic,timeout; timeout ${port.affinitySeconds}s; size 65535; }`)
    rules.push(`update @${set} { ip saddr }`)
  }
  rules.push(`meta l4proto ${port.protocol} dnat to ${ip}:${target}`)
  parts.chains.set(name, rules)
  return name
}

function affinitySet(endpoint: string): string {
  return shortened(endpoint.replace(/^ep-/, 'af-'))
}

function chainName(purpose: string, { id }: ServicePort): string {
  return shortened(`${purpose}-${hash(id)}-${id}`)
}

/** Names in nftables have 127 bytes at most; the hash at the front keeps shortened ones apart. */
function shortened(name: string): string {
  return name.slice(0, 120)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

/** A port of the node behind which a pod of this node stands: on one of its addresses, or without `hostIp` on all. */
export function hostPort(id: string, { protocol, port, hostIp, to }: HostPort): ServicePort {
  const base = { ...fixedPort(id, { protocol, from: { ip: '', port }, to }), internal: [], external: [to] }
  return hostIp ? { ...base, externalIps: [hostIp] } : { ...base, nodePort: port }
}

export interface HostPort {
  readonly protocol: Protocol
  readonly port: number
  readonly hostIp?: string | undefined
  readonly to: Endpoint
}

/** The node's own DNS server behind the address that pods are told. */
export function fixedPort(id: string, { protocol, from, to }: { protocol: Protocol; from: Endpoint; to: Endpoint }): ServicePort {
  return {
    id,
    protocol,
    port: from.port,
    clusterIp: from.ip,
    nodePort: 0,
    externalIps: [],
    sourceRanges: [],
    affinitySeconds: 0,
    internal: [to],
    external: [],
    keepsSource: false,
    everywhere: [to],
  }
}

/**
 * The commands that turn `before` into `after`, in an order that is valid at every line: what is used is added before it is used,
 * and removed after its last use. Empty when nothing differs.
 */
export function difference(before: Parts, after: Parts): string {
  const lines: string[] = []
  const t = `ip ${table}`
  for (const [name, definition] of after.sets) if (!before.sets.has(name)) lines.push(`add set ${t} ${name} ${definition}`)
  for (const name of after.chains.keys()) if (!before.chains.has(name)) lines.push(`add chain ${t} ${name}`)
  const gone: string[] = []
  const fresh: string[] = []
  for (const [key, verdict] of before.elements)
    if (after.elements.get(key) !== verdict) gone.push(element('delete', key, verdict))
  for (const [key, verdict] of after.elements) if (before.elements.get(key) !== verdict) fresh.push(element('add', key, verdict))
  for (const [name, rules] of after.chains) {
    const known = before.chains.get(name)
    if (known && same(known, rules)) continue
    if (known) lines.push(`flush chain ${t} ${name}`)
    for (const rule of rules) lines.push(`add rule ${t} ${name} ${rule}`)
  }
  lines.push(...gone, ...fresh)
  const removed = [...before.chains.keys()].filter((name) => !after.chains.has(name))
  for (const name of removed) lines.push(`flush chain ${t} ${name}`)
  for (const name of removed) lines.push(`delete chain ${t} ${name}`)
  for (const name of before.sets.keys()) if (!after.sets.has(name)) lines.push(`delete set ${t} ${name}`)
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function element(verb: 'add' | 'delete', key: string, verdict: string): string {
  const [map, ...rest] = key.split(' ')
  return `${verb} element ip ${table} ${map} { ${rest.join(' ')}${verdict && ` : ${verdict}`} }`
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((rule, i) => rule === b[i]))
}

export const noParts: Parts = { chains: new Map(), sets: new Map(), elements: new Map() }
