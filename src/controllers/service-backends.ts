/** What Endpoints and EndpointSlices have in common: which pods stand behind a Service, and on which ports. */
import { Pod } from '#api/core/v1/pod.ts'
import type { Service, ServicePort } from '#api/core/v1/service.ts'
import type { Ref } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import { semanticEqual } from '#schema/equal.ts'
import { isFinished, isReady, podCondition } from './pod-state.ts'
import type { Caches, Change } from './runtime/controller.ts'

/** Services that select nothing, or stand for a name elsewhere, have no backends of ours. */
export function hasBackends({ spec }: Service): boolean {
  return spec.selector !== undefined && spec.type !== 'ExternalName'
}

export function selectsPod({ spec }: Service, labels: Readonly<Record<string, string>> = {}): boolean {
  const selector = Object.entries(spec.selector ?? {})
  return spec.selector !== undefined && selector.every(([key, value]) => labels[key] === value)
}

/** The pods that the Service selects. */
export function podsOf(service: Service, caches: Caches<typeof Pod>): readonly Pod[] {
  const { spec, metadata } = service
  if (spec.selector === undefined) return []
  const selector = Object.entries(spec.selector)
  return caches
    .list(Pod, { namespace: metadata.namespace })
    .filter(({ metadata: { labels } }) => selector.every(([key, value]) => labels?.[key] === value))
}

/** A headless Service may have no ports: its names are what counts. */
export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIP === 'None'
}

export function hasClusterIp({ spec }: Service): boolean {
  return spec.clusterIP !== 'None' && Boolean(spec.clusterIP)
}

/** Has an address, and has not ended. */
export function isBackend(pod: Pod, { terminating }: { terminating: boolean }): boolean {
  if (isFinished(pod)) return false
  if (!pod.status.podIP && !pod.status.podIPs?.length) return false
  return terminating || !pod.metadata.deletionTimestamp
}

/** The pod's name within a headless Service's domain. */
export function hostnameIn({ metadata, spec }: Service, pod: Pod): string | undefined {
  const named = pod.spec.subdomain === metadata.name && pod.metadata.namespace === metadata.namespace
  return named && spec.selector !== undefined ? pod.spec.hostname || undefined : undefined
}

/** The pod's port that a Service's port leads to; undefined where the pod has none of that name. */
export function findPort(pod: Pod, { targetPort, port, protocol }: ServicePort): number | undefined {
  if (typeof targetPort === 'number') return targetPort || port
  if (!targetPort) return port
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  return [...pod.spec.containers, ...sidecars]
    .flatMap(({ ports }) => ports ?? [])
    .find((candidate) => candidate.name === targetPort && (candidate.protocol ?? 'TCP') === (protocol ?? 'TCP'))?.containerPort
}

export function isIpv6(address: string): boolean {
  return address.includes(':')
}

/** Whether a change of a pod can change what stands in an endpoint. */
export function mattersToEndpoints({ object, old }: Change<Pod>): boolean {
  if (!object || !old) return true
  const facts = (pod: Pod) => [
    pod.metadata.uid,
    pod.metadata.labels,
    pod.metadata.deletionTimestamp,
    pod.spec.nodeName,
    pod.spec.hostname,
    pod.spec.subdomain,
    pod.status.podIP,
    pod.status.podIPs,
    isFinished(pod),
    isReady(pod),
  ]
  return !semanticEqual(facts(object), facts(old))
}

/** Services of the pod's namespace that select it. */
export function servicesOf({ metadata }: Pod, services: readonly Service[]): readonly Ref[] {
  return services.filter((service) => selectsPod(service, metadata.labels)).map((service) => service.metadata)
}

/**
 * When the oldest change happened that a write now tells of: the annotation `endpoints.kubernetes.io/last-change-trigger-time`,
 * from which the delay of the network is measured. Only changes since the last answer count.
 */
export class TriggerTimes {
  /** Key of a Service -> UID of a pod -> since when that is ready, or not. */
  #known = new Map<string, { readonly service: string; readonly times: Map<string, string> }>()

  compute(service: Service, pods: readonly Pod[]): string | undefined {
    const { uid, creationTimestamp } = service.metadata
    const found = this.#known.get(keyOf(service.metadata))
    const before = found?.service === uid ? found.times : undefined
    const times = before ?? new Map<string, string>()
    let oldest = before ? undefined : creationTimestamp
    for (const pod of pods) {
      const time = podCondition(pod, 'Ready')?.lastTransitionTime ?? ''
      const known = times.get(pod.metadata.uid) ?? ''
      if (time === known) continue
      times.set(pod.metadata.uid, time)
      if (time > known && (oldest === undefined || time < oldest)) oldest = time
    }
    const kept = times.size > 2 * pods.length ? withOnly(times, pods) : times
    this.#known.set(keyOf(service.metadata), { service: uid, times: kept })
    return oldest
  }

  /** The Service is gone. */
  forget(at: Ref): void {
    this.#known.delete(keyOf(at))
  }
}

function withOnly(times: ReadonlyMap<string, string>, pods: readonly Pod[]): Map<string, string> {
  return new Map(pods.map(({ metadata }) => [metadata.uid, times.get(metadata.uid) ?? '']))
}

export const triggerTimeKey = 'endpoints.kubernetes.io/last-change-trigger-time'
export const headlessKey = 'service.kubernetes.io/headless'
