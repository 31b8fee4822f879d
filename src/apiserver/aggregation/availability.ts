/** Whether extension servers can be reached: their service, its port and endpoints, and an answer to discovery (`remote_available_controller.go`). */
import { APIService, type APIServiceCondition } from '#api/apiregistration/v1/api-service.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Registry } from '../registry/registry.ts'
import { askBackend, textOf } from '../registry/subresources/connect/backend.ts'
import { wordsOf } from '../webhook-call.ts'
import { dialExtension, type FrontProxy, identityHeaders } from './extension-call.ts'
import { type RemoteResources, readResources } from './remote-discovery.ts'
import { type RemoteDocuments, readDocuments } from './remote-openapi.ts'

const period = 30_000
const timeout = 5_000
const maxDiscovery = 10 * 1024 * 1024

export interface AvailabilityOptions {
  readonly frontProxy: FrontProxy | undefined
  /** By name of the APIService; filled here. */
  readonly discovered: Map<string, RemoteResources>
  /** As `discovered`. */
  readonly documents: Map<string, RemoteDocuments>
  readonly signal: AbortSignal
}

type Finding = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>

/** Looks whenever something about a service changes, and every half minute. */
export function watchAvailability(registry: Registry, options: AvailabilityOptions): void {
  const { lister, clock, onError } = registry
  const { signal, discovered, documents } = options
  const busy = new Map<string, boolean>()
  const check = (name: string) => {
    if (signal.aborted) return
    if (busy.has(name)) return void busy.set(name, true)
    const service = lister.get(APIService, name)
    if (!service?.spec.service) {
      discovered.delete(name)
      documents.delete(name)
      return
    }
    busy.set(name, false)
    const end = () => {
      const again = busy.get(name)
      busy.delete(name)
      if (again) check(name)
    }
    checkOne(registry, service, options)
      .catch((error) => {
        if (!signal.aborted && !hasReason(error, 'Conflict', 'NotFound')) onError?.(error, `API service ${name}`)
      })
      .finally(end)
  }
  const remotes = () => lister.list(APIService).filter(({ spec }) => spec.service)
  const all = () => {
    for (const { metadata } of remotes()) check(metadata.name)
  }
  const inNamespace = (namespace: string) => {
    for (const { metadata, spec } of remotes()) if (!namespace || spec.service?.namespace === namespace) check(metadata.name)
  }
  const specs = new Map<string, string>()
  lister.onChange?.(APIService, () => {
    for (const { metadata, spec } of remotes()) {
      const text = JSON.stringify(spec)
      if (specs.get(metadata.uid) === text) continue
      specs.set(metadata.uid, text)
      check(metadata.name)
    }
  })
  lister.onChange?.(Service, inNamespace)
  lister.onChange?.(EndpointSlice, inNamespace)
  const tick = () => {
    if (signal.aborted) return
    all()
    timer = clock.after(period, tick)
  }
  let timer = clock.after(period, tick)
  signal.addEventListener('abort', () => timer.cancel(), { once: true })
  all()
}

async function checkOne(registry: Registry, service: APIService, options: AvailabilityOptions): Promise<void> {
  const finding = serviceProblem(registry, service) ?? (await ask(registry, service, options))
  await tell(registry, service, finding)
  if (finding.status !== 'True') return
  const { documents, frontProxy, signal } = options
  const { name } = service.metadata
  const found = await readDocuments(service, { serviceDialer: registry.serviceDialer, frontProxy, signal }, documents.get(name))
  if (found) documents.set(name, found)
}

async function tell({ client, clock, lister }: Registry, { metadata }: APIService, finding: Finding): Promise<void> {
  const service = lister.get(APIService, metadata.name)
  if (!service || service.metadata.uid !== metadata.uid) return
  const others = (service.status.conditions ?? []).filter(({ type }) => type !== 'Available')
  const old = service.status.conditions?.find(({ type }) => type === 'Available')
  if (old?.status === finding.status && old.reason === finding.reason && old.message === finding.message) return
  const lastTransitionTime = old?.status === finding.status ? old.lastTransitionTime : formatTime(clock.now())
  const conditions = [...others, { type: 'Available' as const, ...finding, lastTransitionTime }]
  await client.update(APIService, { ...service, status: { conditions } }, { subresource: 'status' })
}

function serviceProblem({ lister }: Registry, { spec }: APIService): Finding | undefined {
  const { name = '', namespace = '', port: wanted = 443 } = spec.service ?? {}
  const about = `service/${name} in ${JSON.stringify(namespace)}`
  const bad = (reason: string, message: string): Finding => ({ status: 'False', reason, message })
  const service = lister.get(Service, name, namespace)
  if (!service) return bad('ServiceNotFound', `${about} is not present`)
  if ((service.spec.type ?? 'ClusterIP') !== 'ClusterIP') return undefined
  const port = (service.spec.ports ?? []).find((one) => one.port === wanted)
  if (!port) return bad('ServicePortError', `${about} is not listening on port ${wanted}`)
  const slices = lister
    .list(EndpointSlice, namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
  if (slices.length === 0) return bad('EndpointsNotFound', `cannot find endpointslices for ${about}`)
  const portName = port.name ?? ''
  const isActive = slices.some(({ endpoints, ports }) => {
    const isReady = (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false)
    return isReady && (ports ?? []).some((one) => (one.name ?? '') === portName && one.port)
  })
  if (isActive) return undefined
  return bad('MissingEndpoints', `endpointslices for ${about} have no addresses with port name ${JSON.stringify(portName)}`)
}

const self = { name: 'system:kube-aggregator', groups: ['system:masters'] }

async function ask(
  { serviceDialer }: Registry,
  service: APIService,
  { frontProxy, discovered, signal }: AvailabilityOptions,
): Promise<Finding> {
  const { group, version, service: target } = service.spec
  const path = group ? `/apis/${group}/${version}` : `/api/${version}`
  const url = `https://${target?.name}.${target?.namespace}.svc:${target?.port ?? 443}${path}`
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
  try {
    const socket = await dialExtension(service, { serviceDialer, frontProxy, signal: limited })
    const headers = { ...identityHeaders(self), accept: 'application/json', host: new URL(url).host, connection: 'close' }
    const answer = await askBackend(socket, { method: 'GET', target: path, headers, signal: limited })
    const status = answer.message.statusCode ?? 0
    const text = await textOf(answer.message as never, maxDiscovery)
    if (status < 200 || status >= 300) throw new Error(`bad status from ${url}: ${status}`)
    const resources = readResources(text)
    if (resources) discovered.set(service.metadata.name, resources)
    return { status: 'True', reason: 'Passed', message: 'all checks passed' }
  } catch (error) {
    const why = limited.aborted && !signal.aborted ? 'context deadline exceeded' : wordsOf(error as NodeJS.ErrnoException)
    return { status: 'False', reason: 'FailedDiscoveryCheck', message: `failing or missing response from ${url}: ${why}` }
  }
}
