/**
 * The service proxy of a node: watches Services and EndpointSlices and keeps the kernel's rules as they ask.
 *
 * Guarantees: level-triggered, and what `RuleKeeper` promises. A load is a transaction, so packets never meet half a change.
 */
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import type { Client } from '#client/client.ts'
import { startInformer } from '#client/informer.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { deletionRuleset } from './base-ruleset.ts'
import type { RunNft } from './nft.ts'
import { RuleKeeper } from './rule-keeper.ts'
import { hostPort, type NodeAddresses } from './ruleset.ts'
import { type Protocol, type ServicePort, servicePorts } from './service-ports.ts'

export interface ProxyOptions {
  readonly client: Client
  /** Sees the pods of this node: the node agent's own client. */
  readonly podClient: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly nodeName: string
  readonly addresses: NodeAddresses
  /** Ports that exist without a Service, such as the node's DNS server. */
  readonly fixed: readonly ServicePort[]
  readonly nft: RunNft
  readonly onError: (error: unknown) => void
}

const byService = 'service'
/** What `hostIP` says for all addresses of the node. */
const everywhere = new Set(['', '0.0.0.0', '::'])

/** Resolves when the first rules are loaded; runs until the signal is aborted, and leaves the rules in place then. */
export async function runProxy(options: ProxyOptions): Promise<void> {
  const { client, clock, random, signal, onError } = options
  const watching = { clock, random, signal, onError }
  const services = startInformer(client, Service, watching)
  const slices = startInformer(client, EndpointSlice, watching)
  slices.addIndex(byService, ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
  const pods = startInformer(options.podClient, Pod, { ...watching, fieldSelector: `spec.nodeName=${options.nodeName}` })
  const ports = new Map<string, readonly ServicePort[]>()
  const rules = new RuleKeeper({ ...options, wanted: () => [...options.fixed, ...[...ports.values()].flat()] })

  function refresh(key: string): void {
    const [namespace = '', name = ''] = key.split('/')
    const service = services.get({ namespace, name })
    if (service) ports.set(key, servicePorts(service, slices.indexed(byService, key), options.nodeName))
    else ports.delete(key)
    rules.request()
  }

  /** Keys of pods begin with a slash, which no namespace does. */
  function podSeen(pod: Pod): void {
    const found = hostPortsOf(pod)
    const key = `/${pod.metadata.uid}`
    if (found.length === 0 && !ports.has(key)) return
    ports.set(key, found)
    rules.request()
  }

  function podGone({ metadata }: Pod): void {
    if (ports.delete(`/${metadata.uid}`)) rules.request()
  }

  const keyOf = ({ metadata }: Service) => `${metadata.namespace}/${metadata.name}`
  const ownerOf = ({ metadata }: EndpointSlice) =>
    `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`
  services.addHandlers({
    added: (one) => refresh(keyOf(one)),
    updated: (one) => refresh(keyOf(one)),
    deleted: (one) => refresh(keyOf(one)),
  })
  slices.addHandlers({
    added: (one) => refresh(ownerOf(one)),
    updated: (one, old) => {
      refresh(ownerOf(one))
      if (ownerOf(old) !== ownerOf(one)) refresh(ownerOf(old))
    },
    deleted: (one) => refresh(ownerOf(one)),
  })
  pods.addHandlers({ added: podSeen, updated: podSeen, deleted: podGone })
  await Promise.all([services.synced(), slices.synced(), pods.synced()])
  await rules.start()
}

/** What a running pod with an address of its own wants of the node's ports. */
function hostPortsOf({ metadata, spec, status }: Pod): ServicePort[] {
  const ip = status.podIP
  if (!ip || spec.hostNetwork || status.phase === 'Succeeded' || status.phase === 'Failed') return []
  const containers = [
    ...spec.containers,
    ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ]
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap((port) => {
      if (!port.hostPort || isIpv6Only(port.hostIP)) return []
      const protocol = (port.protocol ?? 'TCP').toLowerCase() as Protocol
      const id = `${metadata.namespace}/${metadata.name}/${protocol}/host-${port.hostPort}`
      const hostIp = everywhere.has(port.hostIP ?? '') ? undefined : port.hostIP
      return [hostPort(id, { protocol, port: port.hostPort, hostIp, to: { ip, port: port.containerPort } })]
    }),
  )
}

function isIpv6Only(hostIp: string | undefined): boolean {
  return hostIp?.includes(':') === true && hostIp !== '::'
}

/** Removes everything that a proxy ever loaded in this network namespace. */
export async function removeRules(nft: RunNft): Promise<void> {
  await nft(deletionRuleset())
}
