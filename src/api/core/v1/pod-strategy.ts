/** What happens to a pod on its way in, before it is validated (upstream `registry/core/pod/strategy.go`). */
import type { PodAffinityTerm } from '#api/core/v1/affinity.ts'
import type { Container } from '#api/core/v1/container.ts'
import type { PodParts } from '#api/core/v1/pod.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { qosClassOf } from '#api/core/v1/pod-qos.ts'
import type { AppArmorProfile } from '#api/core/v1/security-context.ts'
import type { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { keepMetadata, resetMetadata } from '#api/meta/v1/reset-metadata.ts'

export function preparePod(pod: PodParts, old: PodParts | undefined): void {
  dropGatedFields(pod.spec, old?.spec)
  if (old) {
    pod.status = old.status
    return
  }
  pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec) }
  if (pod.spec.schedulingGates?.length) {
    const message = 'Scheduling is blocked due to non-empty scheduling gates'
    const condition = { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }
    pod.status.conditions = [{ ...condition, lastProbeTime: null as never, lastTransitionTime: null as never }]
  }
  mergeLabelKeys(pod)
  if (pod.spec.os?.name !== 'windows') copyAppArmorAnnotations(pod)
}

/** Kubelets of old drop what they do not know; the class and the generations seen are kept. */
export function preparePodStatus(pod: PodParts, old: PodParts): void {
  for (const name of ['deletionTimestamp', 'ownerReferences'] as const) keepMetadata(pod.metadata, old.metadata, name)
  const { status } = pod
  if (!status.qosClass && old.status.qosClass) status.qosClass = old.status.qosClass
  if (!status.observedGeneration && old.status.observedGeneration) status.observedGeneration = old.status.observedGeneration
  const before = Map.groupBy(old.status.conditions ?? [], ({ type }) => type)
  for (const condition of status.conditions ?? []) {
    const generation = before.get(condition.type)?.shift()?.observedGeneration
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation
  }
}

/** `pods/ephemeralcontainers` changes these and nothing else. */
export function prepareEphemeralContainers(pod: PodParts, old: PodParts): void {
  const { ephemeralContainers } = pod.spec
  keepAllBut(pod, old)
  if (ephemeralContainers) pod.spec.ephemeralContainers = ephemeralContainers
  else delete pod.spec.ephemeralContainers
  dropGatedFields(pod.spec, old.spec)
}

/** `pods/resize` changes resources and resize policies; renamed or reordered containers stay as sent for validation to refuse. */
export function prepareResize(pod: PodParts, old: PodParts): void {
  const { containers, initContainers = [], resources } = pod.spec
  const oldInit = old.spec.initContainers ?? []
  if (containers.length !== old.spec.containers.length || initContainers.length !== oldInit.length) return
  keepAllBut(pod, old)
  pod.spec.containers = resized(containers, old.spec.containers)
  if (initContainers.length > 0) pod.spec.initContainers = resized(initContainers, oldInit)
  if (resources) pod.spec.resources = resources
  else delete pod.spec.resources
}

function resized(containers: Container[], old: Container[]): Container[] {
  if (containers.some(({ name }, index) => name !== old[index]?.name)) return containers
  return old.map((container, index) => {
    const { resources, resizePolicy } = containers[index]!
    const { resizePolicy: _, ...rest } = container
    return { ...rest, resources, ...(resizePolicy && { resizePolicy }) }
  })
}

function keepAllBut(pod: PodParts, old: PodParts): void {
  pod.spec = structuredClone(old.spec)
  pod.status = old.status
  resetMetadata(pod.metadata, old.metadata)
}

/** KEP-3243, KEP-3633: keys whose values the pod itself has become rules of the selector, once, at creation. */
function mergeLabelKeys({ metadata: { labels }, spec }: PodParts): void {
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    const terms: PodAffinityTerm[] = preferred.map(({ podAffinityTerm }) => podAffinityTerm)
    for (const term of [...terms, ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])]) {
      merge(term.labelSelector, { keys: term.matchLabelKeys, operator: 'In', labels })
      merge(term.labelSelector, { keys: term.mismatchLabelKeys, operator: 'NotIn', labels })
    }
  }
  for (const { labelSelector, matchLabelKeys } of spec.topologySpreadConstraints ?? []) {
    merge(labelSelector, { keys: matchLabelKeys, operator: 'In', labels })
  }
}

interface KeyRule {
  keys: readonly string[] | undefined
  operator: 'In' | 'NotIn'
  labels: Readonly<Record<string, string>> | undefined
}

function merge(selector: LabelSelector | undefined, { keys = [], operator, labels = {} }: KeyRule): void {
  if (!selector) return
  for (const key of keys) {
    const value = labels[key]
    if (value === undefined) continue
    selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }]
  }
}

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/'

/** Annotations were the spelling until 1.30. */
function copyAppArmorAnnotations({ metadata, spec }: PodParts): void {
  const ofPod = JSON.stringify(spec.securityContext.appArmorProfile)
  for (const container of [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    const profile = appArmorProfileOf(metadata.annotations?.[appArmorPrefix + container.name])
    if (!profile || container.securityContext?.appArmorProfile || JSON.stringify(profile) === ofPod) continue
    container.securityContext = { ...container.securityContext, appArmorProfile: profile }
  }
}

function appArmorProfileOf(annotation: string | undefined): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' }
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' }
  const localhostProfile = annotation?.startsWith('localhost/') ? annotation.slice('localhost/'.length) : ''
  const isValid = localhostProfile !== '' && localhostProfile.trim() === localhostProfile && localhostProfile.length <= 4095
  return isValid ? { type: 'Localhost', localhostProfile } : undefined
}

/** Pods that no node runs go at once; the others get what was asked for, or their own period. */
export function graceSecondsOf({ spec, status }: PodParts, requested: number | undefined): number {
  if (!spec.nodeName || status.phase === 'Failed' || status.phase === 'Succeeded') return 0
  const period = requested ?? spec.terminationGracePeriodSeconds
  return period < 0 ? 1 : period
}
