/** What Endpoints and EndpointSlices have in common: which pods stand behind a Service, and on which ports. */
import type { Pod } from '#api/core/v1/pod.ts'
import { Service, type ServicePort } from '#api/core/v1/service.ts'
import type { Ref } from '#client/client.ts'
import { semanticEqual } from '#schema/equal.ts'
import { isFinished, isReady, podCondition } from './pod-state.ts'
import type { Caches, Change, Index } from './runtime/controller.ts'
import { candidates, selectorIndex } from './selector-index.ts'

/** Services that select nothing, or stand for a name elsewhere, have no backends of ours. */
export function hasBackends({ spec }: Service): boolean {
  return spec.selector !== undefined && spec.type !== 'ExternalName'
}

export function selectsPod({ spec }: Service, labels: Readonly<Record<string, string>> = {}): boolean {
  const selector = Object.entries(spec.selector ?? {})
  return spec.selector !== undefined && selector.every(([key, value]) => labels[key] === value)
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

/** Services found by a label that their pods have. */
export const servicesBySelector: Index = selectorIndex(Service, (service: Service) =>
  hasBackends(service) ? (service.spec.selector ?? {}) : undefined,
)

/** Services of the pod's namespace that select it. */
export function servicesOf(pod: Pod, caches: Caches<typeof Service>): readonly Ref[] {
  return candidates(caches, Service, pod)
    .filter((service) => selectsPod(service, pod.metadata.labels))
    .map((service) => service.metadata)
}

/**
 * When the oldest change happened that a write now tells of: the annotation `endpoints.kubernetes.io/last-change-trigger-time`,
 * from which the delay of the network is measured. Only changes since the last answer count.
 */
export class TriggerTimes {
  /** Key of a pod -> since when that one is ready, or not. */
  #known = new Map<string, { readonly uid: string; readonly time: string }>()
  #asked = false

  /** `pods`: those of the Service that have changed, by key; undefined where one is none of its pods any more. */
  compute(service: Service, pods: ReadonlyMap<string, Pod | undefined>): string | undefined {
    let oldest = this.#asked ? undefined : service.metadata.creationTimestamp
    this.#asked = true
    for (const [key, pod] of pods) {
      if (!pod) {
        this.#known.delete(key)
        continue
      }
      const { uid } = pod.metadata
      const time = podCondition(pod, 'Ready')?.lastTransitionTime ?? ''
      const before = this.#known.get(key)
      const known = before?.uid === uid ? before.time : ''
      this.#known.set(key, { uid, time })
      if (time > known && (oldest === undefined || time < oldest)) oldest = time
    }
    return oldest
  }
}

export const triggerTimeKey = 'endpoints.kubernetes.io/last-change-trigger-time'
export const headlessKey = 'service.kubernetes.io/headless'
