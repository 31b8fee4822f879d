/**
 * What stands in the node's table whatever services there are: the hooks, the maps that lead to services, and the refusal of what is unknown.
 *
 * UDP flows. The kernel translates a flow as it did its first packet for as long as packets come, so a client that never pauses would
 * talk to an endpoint that is gone. Upstream deletes such entries of the connection table over netlink; here the flow is moved: a packet whose
 * translation is no longer one of the service's is dropped, and the flow's next packets are tracked in another conntrack zone, where they are new.
 */
import type { NodeAddresses } from './ruleset.ts'

export const table = 'nami'
/** Packets with this mark leave with the node's own address. */
const masqueradeMark = '0x4000'
/** A flow may lose its endpoint so often within the three minutes that an entry lives; after that it begins anew at zone 0. */
const zones = 8

/** Loading it again empties the table first. */
export function baseRuleset(addresses: NodeAddresses): string {
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
${lookups}
${translation(addresses)}
${refusal(addresses)}
${staleFlows(addresses)}
}
`
}

export function deletionRuleset(): string {
  return `add table ip ${table}\ndelete table ip ${table}\n`
}

/** The `refused` ones are known and have nobody to answer; the `udp` ones tell which translations are good. */
const lookups = `
  map services { type ipv4_addr . inet_proto . inet_service : verdict
  }
  map nodeports { type inet_proto . inet_service : verdict
  }
  set refused { type ipv4_addr . inet_proto . inet_service
  }
  set refused-nodeports { type inet_proto . inet_service
  }
  set udp-services { type ipv4_addr . inet_service . ipv4_addr . inet_service
  }
  set udp-addresses { type ipv4_addr . inet_service
  }
  set udp-nodeports { type inet_service . ipv4_addr . inet_service
  }
  set udp-doors { type inet_service
  }`

function translation({ podCidr }: NodeAddresses): string {
  return `
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
  }`
}

/** After translation, so that only what found no endpoint is met; before routing, so that nothing of it leaves the node. */
function refusal({ serviceCidr }: NodeAddresses): string {
  return `
  chain refuse {
    ip daddr ${serviceCidr} reject
    ip daddr . meta l4proto . th dport @refused reject
    fib daddr type local meta l4proto . th dport @refused-nodeports reject
  }
  chain unknown-from-outside { type filter hook prerouting priority -90; policy accept
    jump refuse
  }
  chain unknown-from-here { type filter hook output priority filter; policy accept
    jump refuse
  }`
}

function staleFlows({ serviceCidr }: NodeAddresses): string {
  const flow = 'ip saddr . udp sport . ip daddr . udp dport'
  const after = (zone: number) => (zone === zones - 1 ? 1 : zone + 1)
  const all = Array.from({ length: zones }, (_, zone) => zone)
  // An update prolongs an element and leaves its value alone, so a value is changed by deletion.
  return `
  map udp-zones { typeof ${flow} : ct zone; flags dynamic,timeout; timeout 180s; size 65535
  }
  chain choose-zone {
    ct original zone set ${flow} map @udp-zones
  }
  chain zone-from-outside { type filter hook prerouting priority raw; policy accept
    meta l4proto udp jump choose-zone
  }
  chain zone-from-here { type filter hook output priority raw; policy accept
    meta l4proto udp jump choose-zone
  }
  chain keep-zone {
${all
  .slice(1)
  .map((zone) => `    ct zone ${zone} update @udp-zones { ${flow} : ${zone} }`)
  .join('\n')}
  }
  chain next-zone {
    ct zone 0 update @udp-zones { ${flow} : 1 } drop
${all
  .slice(1)
  .map(
    (zone) => `    ct zone ${zone} delete @udp-zones { ${flow} : ${zone} } update @udp-zones { ${flow} : ${after(zone)} } drop`,
  )
  .join('\n')}
  }
  chain stale {
    ct direction reply return
    ct zone != 0 jump keep-zone
    ct status & dnat == 0 return
    ip daddr ${serviceCidr} ip daddr . udp dport . ct reply ip saddr . ct reply proto-src != @udp-services goto next-zone
    ip daddr . udp dport @udp-addresses ip daddr . udp dport . ct reply ip saddr . ct reply proto-src != @udp-services goto next-zone
    fib daddr type local udp dport @udp-doors udp dport . ct reply ip saddr . ct reply proto-src != @udp-nodeports goto next-zone
  }
  chain stale-from-outside { type filter hook prerouting priority mangle; policy accept
    meta l4proto udp jump stale
  }
  chain stale-from-here { type filter hook output priority mangle; policy accept
    meta l4proto udp jump stale
  }`
}
