/** Straight roads from the API server to node agents, services and pods: a TLS or TCP connection to the address that the API knows. */
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { DialError, type NodeDialer, type ServiceDialer, type ServiceTarget } from '#apiserver/dialers.ts'
import type { Client } from '#client/client.ts'
import { systemRandom } from '#lib/random.ts'
import { hasReason, StatusError } from '#schema/status-error.ts'
import type { KeyAndCertificate } from './pki-certificate.ts'

const patience = 10_000

export interface NodeDialerOptions {
  readonly client: () => Client
  /** The API server's client certificate for node agents. */
  readonly identity: KeyAndCertificate
  /** PEM of the CA of their serving certificates. */
  readonly ca: string
}

/** Dials the first address of the node that the API gives, in upstream's order of preference. */
export function nodeDialer({ client, identity, ca }: NodeDialerOptions): NodeDialer {
  return {
    async dial(name, signal) {
      const node = await client().get(Node, { name }, { signal })
      const host = addressOf(node)
      if (!host) throw new DialError('no preferred addresses found; known addresses: []')
      const port = node.status.daemonEndpoints?.kubeletEndpoint?.Port || 10_250
      const { key, certificate } = identity
      return opened({ host, port, signal }, () =>
        connectTls({ host, port, ca, key, cert: certificate, ...(!isIp(host) && { servername: host }) }),
      )
    },
  }
}

const preference = ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP']

/** Names are taken only where nothing else is known: they may not resolve here. */
function addressOf({ status }: Node): string | undefined {
  const addresses = status.addresses ?? []
  const order = [...preference.filter((type) => type.endsWith('IP')), ...preference.filter((type) => !type.endsWith('IP'))]
  return order.map((type) => addresses.find((one) => one.type === type)?.address).find(Boolean)
}

export function serviceDialer(client: () => Client): ServiceDialer {
  return {
    async dial(target, signal) {
      const { host, port } =
        target.type === 'pod' ? { host: target.address, port: target.port } : await endpointOf(client(), target, signal)
      const open = () =>
        target.scheme === 'https' ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port })
      return opened({ host, port, signal }, open)
    },
  }
}

/** A ready endpoint of the service's port, which is given by name, by number, or left out where there is but one. */
export async function endpointOf(client: Client, target: ServiceTargetOf, signal: AbortSignal): Promise<Goal> {
  const { namespace, name } = target
  const portName = nameOfPort(await client.get(Service, { namespace, name }, { signal }), target.port)
  const { items } = await client.list(EndpointSlice, { namespace, labelSelector: `kubernetes.io/service-name=${name}`, signal })
  const found = items.flatMap(({ endpoints, ports }) => {
    const port = (ports ?? []).find((one) => (one.name ?? '') === portName)?.port
    const ready = (endpoints ?? []).filter(({ conditions, addresses }) => conditions?.ready !== false && addresses.length > 0)
    return port ? ready.map((endpoint) => ({ endpoint, port })) : []
  })
  const first = Math.floor(systemRandom.next() * found.length)
  for (const { endpoint, port } of [...found.slice(first), ...found.slice(0, first)]) {
    const host = endpoint.addresses[0] as string
    if (await isPodOf(client, namespace, { endpoint, signal })) return { host, port, signal }
  }
  const { scheme, port } = target
  const id = port ? `${scheme === 'https' ? 'https:' : ''}${name}:${port}` : name
  throw new StatusError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(id)}`)
}

type ServiceTargetOf = Extract<ServiceTarget, { type: 'service' }>

function nameOfPort({ metadata, spec }: Service, wanted: string): string {
  const ports = spec.ports ?? []
  if (wanted === '') return (ports.length === 1 && ports[0]?.name) || ''
  if (!/^\d+$/.test(wanted)) return wanted
  const port = ports.find((one) => String(one.port) === wanted)
  if (port) return port.name ?? ''
  const text = `no service port ${Number(wanted)} found for service ${JSON.stringify(metadata.name)}`
  throw new StatusError('ServiceUnavailable', text)
}

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number]

/** Whoever may write endpoints must not thereby lead the server to addresses that are no pod's. */
async function isPodOf(
  client: Client,
  namespace: string,
  { endpoint, signal }: { endpoint: Endpoint; signal: AbortSignal },
): Promise<boolean> {
  const { targetRef, addresses } = endpoint
  if (targetRef?.kind !== 'Pod' || !targetRef.name || (targetRef.namespace ?? namespace) !== namespace) return false
  const pod = await client.get(Pod, { namespace, name: targetRef.name }, { signal }).catch((error) => {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  })
  return (pod?.status.podIPs ?? []).some(({ ip }) => ip === addresses[0])
}

interface Goal {
  readonly host: string
  readonly port: number
  readonly signal: AbortSignal
}

/** Resolves when the connection stands; errors are worded as Go words them. */
function opened({ host, port, signal }: Goal, open: () => Socket): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const socket = open()
    const fail = (why: string, cause?: unknown) => {
      socket.destroy()
      signal.removeEventListener('abort', abort)
      reject(new DialError(`dial tcp ${host}:${port}: ${why}`, { cause }))
    }
    const abort = () => fail('operation was canceled')
    signal.addEventListener('abort', abort, { once: true })
    socket.setTimeout(patience, () => fail('i/o timeout'))
    socket.once('error', (error: NodeJS.ErrnoException) => fail(wordsOf(error), error))
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', abort)
      socket.setTimeout(0)
      socket.removeAllListeners('error')
      socket.on('error', () => socket.destroy())
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

function wordsOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'connect: connection refused'
    case 'EHOSTUNREACH':
      return 'connect: no route to host'
    case 'ENETUNREACH':
      return 'connect: network is unreachable'
    default:
      return message
  }
}

function isIp(host: string): boolean {
  return /^[\d.]+$|:/.test(host)
}
