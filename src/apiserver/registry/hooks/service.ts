/** Gives a Service its cluster IP and node ports together with its write, and takes them back (upstream `registry/core/service/storage`). */
import { Service } from '#api/core/v1/service.ts'
import { root } from '#schema/field-error.ts'
import { invalid, StatusError } from '#schema/status-error.ts'
import { ClusterIpAllocator, IpError, RangeFullError } from '../allocators/cluster-ip.ts'
import { NodePortAllocator, PortError, type PortOperation, type PortRange, portsOf } from '../allocators/node-port.ts'
import type { Claim, RegistryHook } from '../hooks.ts'
import type { WriteContext } from '../write-context.ts'
import { dropUnused, keepAllocated, needsHealthCheck, needsNodePort, syncClusterIps } from './service-fields.ts'
import { initFamilies } from './service-ip-families.ts'

export interface ServiceHookOptions {
  /** Default 10.96.0.0/16. */
  readonly serviceCidr?: string
  readonly nodePorts?: PortRange
}

/**
 * Guarantees: what a refused write claimed is given back; what a service no longer has is released after the write stands.
 * A crash in between leaves an address claimed, which the next write of a service of that name takes over.
 */
export function serviceHook({ serviceCidr = '10.96.0.0/16', nodePorts }: ServiceHookOptions = {}): RegistryHook<Service> {
  const ips = new ClusterIpAllocator(serviceCidr)
  const ports = new NodePortAllocator(nodePorts)
  return {
    kind: Service,
    beforeWrite: (service, old, context) => claimAll({ service, old, context }, { ips, ports }),
    afterDelete: (service, { registry }) => releaseAll(service, { ips, ports, registry }),
  }
}

async function releaseAll(
  service: Service,
  { ips, ports, registry }: Allocators & Pick<WriteContext, 'registry'>,
): Promise<void> {
  ports.forget(portsOf(service))
  for (const ip of addressesOf(service)) await ips.release(ip, refOf(service), registry)
}

interface Allocators {
  readonly ips: ClusterIpAllocator
  readonly ports: NodePortAllocator
}

async function claimAll({ service, old, context }: Write, { ips, ports }: Allocators): Promise<Claim> {
  if (old) keepAllocated(service, old)
  syncClusterIps(service, old)
  initFamilies(service, old)
  const addresses = await claimAddresses(ips, { service, old, context })
  const operation = ports.begin(context.registry)
  const rollback = async () => {
    operation.release()
    await addresses.rollback()
  }
  try {
    claimPorts(operation, service, old)
  } catch (error) {
    await rollback()
    throw error
  }
  if (old) dropUnused(service, old)
  return { rollback, commit: addresses.commit }
}

interface Write {
  readonly service: Service
  readonly old: Service | undefined
  readonly context: WriteContext
}

function refOf({ metadata }: Service) {
  return { namespace: metadata.namespace as string, name: metadata.name }
}

/** Addresses that the service has claimed: none when headless or external. */
function addressesOf({ spec }: Service): string[] {
  return spec.type === 'ExternalName' ? [] : (spec.clusterIPs ?? []).filter((ip) => ip && ip !== 'None')
}

async function claimAddresses(ips: ClusterIpAllocator, { service, old, context }: Write): Promise<Required<Claim>> {
  const { lister, client, random } = context.registry
  const ref = refOf(service)
  const release = async (addresses: readonly string[]) => {
    if (context.dryRun) return
    for (const ip of addresses) await ips.release(ip, ref, { lister, client })
  }
  const held = old ? addressesOf(old) : []
  // An address that cannot be released now stays claimed; the service has been written, and that is what the client must hear.
  if (service.spec.type === 'ExternalName') return { rollback: async () => {}, commit: () => release(held).catch(() => {}) }
  const claimed: string[] = []
  if (!old || old.spec.type === 'ExternalName') {
    const allocation = { lister, client, random, dryRun: context.dryRun }
    if (service.spec.clusterIPs?.[0] !== 'None') await allocate(ips, service, { ...allocation, claimed, context })
  }
  return { rollback: () => release(claimed), commit: async () => {} }
}

type Allocation = Parameters<ClusterIpAllocator['allocateNext']>[1] & { claimed: string[]; context: WriteContext }

async function allocate(ips: ClusterIpAllocator, service: Service, { claimed, ...allocation }: Allocation): Promise<void> {
  const { spec, metadata } = service
  const [wanted] = spec.clusterIPs ?? []
  try {
    if (wanted) {
      if (await ips.allocate(wanted, refOf(service), allocation)) claimed.push(wanted)
      return
    }
    const ip = await ips.allocateNext(refOf(service), allocation)
    claimed.push(ip)
    spec.clusterIP = ip
    spec.clusterIPs = [ip]
  } catch (error) {
    if (error instanceof RangeFullError) {
      const text = `failed to allocate a serviceIP for Service ${JSON.stringify(metadata.name)}: ${error.message}`
      throw new StatusError('InternalError', `Internal error occurred: ${text}`, { cause: error })
    }
    if (!(error instanceof IpError)) throw error
    const detail = wanted ? `failed to allocate IP ${wanted}: ${error.message}` : `failed to allocate IP: ${error.message}`
    throw invalidService(service, root.child('spec', 'clusterIPs').invalid(spec.clusterIPs, detail))
  }
}

function invalidService({ metadata }: Service, error: ReturnType<typeof root.invalid>): StatusError {
  return invalid({ group: '', kind: Service.kind }, metadata.name, [error])
}

function claimPorts(operation: PortOperation, service: Service, old: Service | undefined): void {
  if (needsNodePort(service)) claimNodePorts(operation, service, old)
  if (!needsHealthCheck(service) || (old && needsHealthCheck(old))) return
  const wanted = service.spec.healthCheckNodePort
  try {
    if (wanted) operation.allocate(wanted)
    else service.spec.healthCheckNodePort = operation.allocateNext()
  } catch (error) {
    if (!(error instanceof PortError)) throw error
    const what = wanted ? `requested HealthCheck NodePort ${wanted}` : 'a HealthCheck NodePort 0'
    throw new StatusError('InternalError', `Internal error occurred: failed to allocate ${what}: ${error.message}`, {
      cause: error,
    })
  }
}

/** Ports of one number and two protocols share a node port; those that the service had stay its own. */
function claimNodePorts(operation: PortOperation, service: Service, old: Service | undefined): void {
  const { spec } = service
  const automatic = spec.type === 'NodePort' || spec.allocateLoadBalancerNodePorts !== false
  const own = new Set(old?.spec.ports?.flatMap(({ nodePort }) => nodePort || []))
  const byPort = new Map<number, number>()
  for (const [i, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort && !automatic) continue
    const shared = byPort.get(port.port)
    const wanted = port.nodePort || shared || (old ? undefined : requestedFor(port.port, spec.ports))
    const isOwn = old ? own.has(wanted ?? 0) : wanted === shared
    if (wanted && !isOwn) claimPort(operation, { service, index: i, wanted })
    port.nodePort = wanted ?? claimAny(operation)
    own.add(port.nodePort)
    if (!byPort.has(port.port) && !old) byPort.set(port.port, port.nodePort)
  }
}

function requestedFor(number: number, ports: Service['spec']['ports']): number | undefined {
  return ports?.find(({ port, nodePort }) => port === number && nodePort)?.nodePort
}

function claimPort(
  operation: PortOperation,
  { service, index, wanted }: { service: Service; index: number; wanted: number },
): void {
  try {
    operation.allocate(wanted)
  } catch (error) {
    if (!(error instanceof PortError)) throw error
    throw invalidService(service, root.child('spec', 'ports').index(index).child('nodePort').invalid(wanted, error.message))
  }
}

function claimAny(operation: PortOperation): number {
  try {
    return operation.allocateNext()
  } catch (error) {
    if (!(error instanceof PortError)) throw error
    throw new StatusError('InternalError', `Internal error occurred: failed to allocate a nodePort: ${error.message}`, {
      cause: error,
    })
  }
}
