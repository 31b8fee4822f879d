/** What a node does for services: their names, and the way to what is behind them. */
import { readFile } from 'node:fs/promises'
import type { Client } from '#client/client.ts'
import { systemClock as clock } from '#lib/clock.ts'
import { systemRandom as random } from '#lib/random.ts'
import { namesOf } from '#network/dns/cluster-names.ts'
import { runDns } from '#network/dns/dns.ts'
import type { PodNetwork } from '#network/pod-network.ts'
import { nftSession } from '#network/proxy/nft.ts'
import { runProxy } from '#network/proxy/proxy.ts'
import { fixedPort } from '#network/proxy/ruleset.ts'
import type { ServiceInformers } from '#network/watch-services.ts'
import type { Context } from './agent.ts'

interface ServiceParts {
  readonly services: ServiceInformers
  readonly network: PodNetwork
}

export async function startDns({ config, log }: Context, { services, network }: ServiceParts) {
  const names = namesOf(services)
  await names.synced()
  const own = [network.gateway, config.clusterDns]
  const resolv = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  const upstreams = [...resolv.matchAll(/^nameserver\s+([\d.]+)/gm)]
    .map(([, ip]) => ip as string)
    .filter((ip) => !own.includes(ip))
  return runDns({
    ...{ names, upstreams, clock, random },
    domain: config.clusterDomain,
    listen: { host: network.gateway, port: 53 },
    onError: (error) => log.error('dns', error),
  })
}

export async function startProxy(
  { config, log, signal }: Context,
  { services, podClient, network }: ServiceParts & { podClient: Client },
): Promise<void> {
  const dns = (protocol: 'udp' | 'tcp') =>
    fixedPort(`kube-system/node-dns/${protocol}/dns`, {
      protocol,
      from: { ip: config.clusterDns, port: 53 },
      to: { ip: network.gateway, port: 53 },
    })
  await runProxy({
    ...{ services, podClient, clock, random, signal },
    nodeName: config.nodeName,
    addresses: { podCidr: config.podCidr, serviceCidr: config.serviceCidr },
    fixed: [dns('udp'), dns('tcp')],
    nft: nftSession({ clock, signal }),
    onError: (error) => log.error('proxy', error),
  })
}
