/** The Service `kubernetes`, by which pods reach the API server, its endpoints, and the ranges that services live in (upstream `controlplane/controller/{kubernetesservice,defaultservicecidr}`). */
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { type Client, edit } from '#client/client.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { formatIpv4, parseIpv4Cidr } from './registry/allocators/ipv4.ts'

export interface KubernetesServiceOptions {
  readonly client: Client
  readonly clock: Clock
  /** Default 10.96.0.0/16; the service has its first address. */
  readonly serviceCidr?: string
  /** Where the servers are reached from pods: one address of each. */
  readonly addresses: readonly string[]
  /** Default 6443. */
  readonly port?: number
}

/** The address of the Service `kubernetes`: the first of the range. */
export function kubernetesServiceIp(serviceCidr = '10.96.0.0/16'): string {
  const range = parseIpv4Cidr(serviceCidr)
  if (!range) throw new Error(`invalid service CIDR: ${serviceCidr}`)
  return formatIpv4(range.first)
}

/**
 * Creates what is missing and corrects what differs; may be done again and again, also by several servers at once.
 * Assumes that the namespace `default` exists.
 */
export async function reconcileKubernetesService(options: KubernetesServiceOptions): Promise<void> {
  await reconcileServiceCidr(options)
  await ensure(options.client, Service, service(options), { differs: portsDiffer, correct: correctPorts })
  const endpoints = endpointsOf(options)
  await ensure(options.client, Endpoints, endpoints, {
    differs: (current) => JSON.stringify(current.subsets) !== JSON.stringify(endpoints.subsets),
    correct: (current) => Object.assign(current, { subsets: endpoints.subsets }),
  })
  const slice = sliceOf(options)
  await ensure(options.client, EndpointSlice, slice, {
    differs: (current) => !sameEndpoints(current, slice),
    correct: (current) => Object.assign(current, { endpoints: slice.endpoints, ports: slice.ports }),
  })
}

const identity = { name: 'kubernetes', namespace: 'default' }

function service({ serviceCidr, port = 6443 }: KubernetesServiceOptions): Draft<Service> {
  const clusterIP = kubernetesServiceIp(serviceCidr)
  return {
    metadata: { ...identity, labels: { provider: 'kubernetes', component: 'apiserver' } },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
    },
  }
}

function portsDiffer(current: Service, { spec }: Draft<Service>): boolean {
  const view = (ports: Draft<Service['spec']['ports']>) =>
    JSON.stringify((ports ?? []).map((each) => [each?.name, each?.port, each?.protocol, each?.targetPort]))
  return view(current.spec.ports) !== view(spec?.ports)
}

function correctPorts(current: Service, { spec }: Draft<Service>): void {
  current.spec.ports = spec?.ports as Service['spec']['ports']
}

function endpointsOf({ addresses, port = 6443 }: KubernetesServiceOptions) {
  return {
    metadata: { ...identity, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: sorted(addresses).map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' as const }] }],
  }
}

function sliceOf({ addresses, port = 6443 }: KubernetesServiceOptions) {
  return {
    metadata: { ...identity, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4' as const,
    endpoints: sorted(addresses).map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' as const }],
  }
}

function sorted(addresses: readonly string[]): string[] {
  return [...new Set(addresses)].sort()
}

function sameEndpoints(current: EndpointSlice, wanted: ReturnType<typeof sliceOf>): boolean {
  const view = ({ endpoints, ports }: Pick<EndpointSlice, 'endpoints' | 'ports'>) =>
    JSON.stringify([
      (endpoints ?? []).map(({ addresses, conditions }) => [addresses, conditions?.ready]),
      (ports ?? []).map(({ name, port, protocol }) => [name, port, protocol]),
    ])
  return view(current) === view(wanted)
}

/** The range of the flags, as the object that allocation reads; ready at once, since nobody else decides about it. */
async function reconcileServiceCidr({ client, clock, serviceCidr = '10.96.0.0/16' }: KubernetesServiceOptions): Promise<void> {
  const wanted = { metadata: { name: 'kubernetes' }, spec: { cidrs: [serviceCidr] } }
  await ensure(client, ServiceCIDR, wanted, { differs: () => false, correct: () => {} })
  const current = await client.get(ServiceCIDR, { name: 'kubernetes' })
  if (current.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return
  const changed = edit(current)
  changed.status = {
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: '',
        message: 'Kubernetes default Service CIDR is ready',
        lastTransitionTime: formatTime(clock.now()),
      },
    ],
  }
  await client.update(ServiceCIDR, changed, { subresource: 'status' })
}

interface Correction<T, D> {
  differs(current: T, wanted: D): boolean
  correct(current: T, wanted: D): void
}

async function ensure<T extends KubeObject, D extends Draft<T>>(
  client: Client,
  kind: Kind<string, T>,
  wanted: D,
  { differs, correct }: Correction<T, D>,
): Promise<void> {
  const { name = '', namespace } = (wanted.metadata ?? {}) as { name?: string; namespace?: string }
  for (let attempt = 0; ; attempt++) {
    try {
      const current = await find(client, kind, { name, namespace })
      if (!current) return void (await client.create(kind, wanted))
      if (!differs(current, wanted)) return
      const changed = edit(current)
      correct(changed, wanted)
      return void (await client.update(kind, changed as Draft<T>))
    } catch (error) {
      if (attempt >= 5 || !hasReason(error, 'AlreadyExists', 'Conflict', 'NotFound')) throw error
    }
  }
}

async function find<T extends KubeObject>(
  client: Client,
  kind: Kind<string, T>,
  at: { name: string; namespace: string | undefined },
): Promise<T | undefined> {
  try {
    return await client.get(kind, at)
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}
