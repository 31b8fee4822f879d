import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noNft, openNft } from '#testing/nft.ts'
import { baseRuleset, deletionRuleset } from './base-ruleset.ts'
import { count, expectedCount } from './rule-keeper.ts'
import { difference, hostPort, noParts, partsOf } from './ruleset.ts'
import type { ServicePort } from './service-ports.ts'

const addresses = { podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16' }

function port(over: Partial<ServicePort> = {}): ServicePort {
  const endpoints = [
    { ip: '10.244.0.2', port: 8080 },
    { ip: '10.244.0.3', port: 8080 },
  ]
  return {
    id: 'default/web/tcp/http',
    protocol: 'tcp',
    port: 80,
    clusterIp: '10.96.0.5',
    nodePort: 0,
    externalIps: [],
    sourceRanges: [],
    affinitySeconds: 0,
    internal: endpoints,
    external: endpoints,
    keepsSource: false,
    everywhere: endpoints,
    ...over,
  }
}

const few = [{ ip: '10.244.0.2', port: 8080 }]

/** States through which one service may go; each must be reachable from each by a valid script. */
const states: Readonly<Record<string, readonly ServicePort[]>> = {
  none: [],
  plain: [port()],
  one: [port({ internal: few, external: few, everywhere: few })],
  unready: [port({ internal: [], external: [], everywhere: [] })],
  affine: [port({ affinitySeconds: 60 })],
  nodePort: [port({ nodePort: 30_080 })],
  local: [port({ nodePort: 30_080, keepsSource: true, external: few })],
  localElsewhere: [port({ nodePort: 30_080, keepsSource: true, external: [] })],
  balanced: [port({ nodePort: 30_080, externalIps: ['192.0.2.1'], sourceRanges: ['192.0.2.0/24', '198.51.100.0/24'] })],
  longName: [port({ id: `default/${'x'.repeat(63)}/tcp/${'y'.repeat(63)}` })],
  hostPort: [hostPort('default/pod/tcp/host-8080', { protocol: 'tcp', port: 8080, to: { ip: '10.244.0.9', port: 80 } })],
  hostIp: [
    hostPort('default/pod/tcp/host-8080', {
      protocol: 'tcp',
      port: 8080,
      hostIp: '127.0.0.1',
      to: { ip: '10.244.0.9', port: 80 },
    }),
  ],
  elsewhere: [port({ internal: [] })],
  closed: [port({ nodePort: 30_080, externalIps: ['192.0.2.1'], internal: [], external: [], everywhere: [] })],
  udp: [port({ protocol: 'udp', nodePort: 30_080, externalIps: ['192.0.2.1'] })],
  udpFew: [
    port({ protocol: 'udp', nodePort: 30_080, externalIps: ['192.0.2.1'], internal: few, external: few, everywhere: few }),
  ],
  two: [port(), port({ id: 'default/dns/udp/dns', protocol: 'udp', port: 53, clusterIp: '10.96.0.10' })],
}

test('difference() is empty between equal states', () => {
  for (const ports of Object.values(states)) {
    assert.equal(difference(partsOf(ports, addresses), partsOf(ports, addresses)), '')
  }
})

test('difference() touches only the service that changed', () => {
  const other = port({ id: 'default/other/tcp/http', clusterIp: '10.96.0.6' })
  const script = difference(partsOf([port(), other], addresses), partsOf([port({ internal: few }), other], addresses))
  assert.match(script, /default\/web/)
  assert.doesNotMatch(script, /default\/other/)
})

test('difference() leads the kernel from any state to any other', { skip: noNft }, async () => {
  using nft = openNft()
  const listed = () => nft.run('list ruleset')
  const load = (ports: readonly ServicePort[]) => nft.run(baseRuleset(addresses) + difference(noParts, partsOf(ports, addresses)))
  const fresh = new Map<string, string>()
  for (const [key, ports] of Object.entries(states)) {
    await load(ports)
    const text = await listed()
    fresh.set(key, sortedLines(text))
    assert.deepEqual(count(text), expectedCount(partsOf(ports, addresses), addresses), key)
  }
  for (const [from, before] of Object.entries(states)) {
    await load(before)
    for (const [to, after] of Object.entries(states)) {
      const there = difference(partsOf(before, addresses), partsOf(after, addresses))
      if (there) await nft.run(there)
      assert.equal(sortedLines(await listed()), fresh.get(to), `${from} -> ${to}`)
      const back = difference(partsOf(after, addresses), partsOf(before, addresses))
      if (back) await nft.run(back)
    }
  }
  await nft.run(deletionRuleset())
  assert.equal(await listed(), '')
})

/** Chains and elements come in the order in which they were added. */
function sortedLines(text: string): string {
  return text
    .split(/[\n,]/)
    .map((line) => line.replace(/elements = \{|[{}]/g, '').trim())
    .filter(Boolean)
    .sort()
    .join('\n')
}
