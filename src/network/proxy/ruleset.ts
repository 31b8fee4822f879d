/**
 * The nftables rules that lead service addresses to pods. What a packet meets: one lookup in a verdict map, the chain of its service, the
 * chain of an endpoint. Rules are kept as named parts so that a change sends the kernel only the parts that differ.
 */
import { createHash } from 'node:crypto'
import type { Endpoint, Protocol, ServicePort } from './service-ports.ts'

/** Chains by name with their rules, sets by name with their definition, map elements by `map key` with their verdict. */
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

export const table = 'nami'
/** Packets with this mark leave with the node's own address. */
const masqueradeMark = '0x4000'

/** What stands in the table whatever services there are. Loading it again empties the table first. */
export function baseRuleset({ serviceCidr, podCidr }: NodeAddresses): string {
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  map services { type ipv4_addr . inet_proto . inet_service : verdict
  }
  map nodeports { type inet_proto . inet_service : verdict
  }
  chain guard { type filter hook prerouting priority raw; policy accept
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }
  chain dispatch {
    ip daddr . meta l4proto . th dport vmap @services
    fib daddr type local meta l4proto . th dport vmap @nodeports
  }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept
    jump dispatch
  }
  chain output { type nat hook output priority -100; policy accept
    jump dispatch
  }
  chain mark-masquerade {
    meta mark set meta mark | ${masqueradeMark}
  }
  chain postrouting { type nat hook postrouting priority srcnat; policy accept
    ip saddr ${podCidr} ip daddr != { ${podCidr}, 224.0.0.0/4 } masquerade fully-random
    meta mark & ${masqueradeMark} == 0 return
    meta mark set meta mark ^ ${masqueradeMark}
    masquerade fully-random
  }
  chain unknown-from-outside { type filter hook prerouting priority -90; policy accept
    ip daddr ${serviceCidr} reject
  }
  chain unknown-from-here { type filter hook output priority filter; policy accept
    ip daddr ${serviceCidr} reject
  }
}
`
}

export function deletionRuleset(): string {
  return `add table ip ${table}\ndelete table ip ${table}\n`
}

/** The parts of all service ports together. */
export function partsOf(ports: readonly ServicePort[], addresses: NodeAddresses): Parts {
  const parts = { chains: new Map<string, string[]>(), sets: new Map<string, string>(), elements: new Map<string, string>() }
  for (const port of ports) addPort(parts, port, addresses)
  return parts
}

interface Growing {
  readonly chains: Map<string, string[]>
  readonly sets: Map<string, string>
  readonly elements: Map<string, string>
}

function addPort(parts: Growing, port: ServicePort, { podCidr }: NodeAddresses): void {
  const { protocol, clusterIp } = port
  if (port.internal.length > 0) {
    const chain = balancingChain(parts, port, { purpose: 'in', endpoints: port.internal })
    parts.chains.get(chain)?.unshift(`ip daddr ${clusterIp} ip saddr != ${podCidr} jump mark-masquerade`)
    parts.elements.set(`services ${clusterIp} . ${protocol} . ${port.port}`, `goto ${chain}`)
  }
  if (port.nodePort === 0 && port.externalIps.length === 0) return
  const door = externalChain(parts, port, podCidr)
  if (!door) return
  if (port.nodePort > 0) parts.elements.set(`nodeports ${protocol} . ${port.nodePort}`, `goto ${door}`)
  for (const ip of port.externalIps) {
    parts.elements.set(`services ${ip} . ${protocol} . ${port.port}`, `goto ${guarded(parts, port, door)}`)
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

/** A port of the node, on all its addresses, behind which a pod of this node stands. */
export function hostPort(id: string, { protocol, port, to }: { protocol: Protocol; port: number; to: Endpoint }): ServicePort {
  return { ...fixedPort(id, { protocol, from: { ip: '', port }, to }), internal: [], external: [to], nodePort: port }
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
  return `${verb} element ip ${table} ${map} { ${rest.join(' ')} : ${verdict} }`
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, i) => rule === b[i])
}

export const noParts: Parts = { chains: new Map(), sets: new Map(), elements: new Map() }
