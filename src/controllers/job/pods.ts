/** The pods of a Job: how they are made, and what their state means to it. */
import type { Job } from '#api/batch/v1/job.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import type { Draft } from '#schema/words.ts'
import { podFromTemplate } from '../pod-control.ts'
import { indexKey, indexOf } from './indexes.ts'
import { judge } from './policies.ts'

/** Keeps a pod until it has been counted, also when somebody deletes it (KEP-2307). */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking'
const failureCount = 'batch.kubernetes.io/job-index-failure-count'
const ignoredCount = 'batch.kubernetes.io/job-index-ignored-failure-count'

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) ?? false
}

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === 'Indexed'
}

export function limitsEachIndex({ spec }: Job): boolean {
  return isIndexed({ spec } as Job) && spec.backoffLimitPerIndex !== undefined
}

/** Whether pods are replaced only when they have ended, and not as soon as they are being deleted. */
export function waitsForEnd({ spec }: Job): boolean {
  return spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined
}

/** A pod that is being deleted may never get to say that it has failed. */
export function isFailed(job: Job, { metadata, status }: Pod): boolean {
  if (status.phase === 'Failed') return true
  return !waitsForEnd(job) && Boolean(metadata.deletionTimestamp) && status.phase !== 'Succeeded'
}

/** Whether the pod stands for something that the Job asks for: of an Indexed Job, an index that there is. */
export function isValid(job: Job, pod: Pod): boolean {
  if (!isIndexed(job)) return true
  const index = indexOf(pod)
  return index !== undefined && index < (job.spec.completions ?? 0)
}

/** Failures of the pod's index before this pod. */
export function failuresBefore({ metadata }: Pod): { readonly counted: number; readonly ignored: number } {
  return { counted: countAt(metadata.annotations?.[failureCount]), ignored: countAt(metadata.annotations?.[ignoredCount]) }
}

function countAt(text = ''): number {
  return /^\+?\d+$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : 0
}

/** `replaced`: the last pod of the index that failed. */
export function jobPod(job: Job, index?: number, replaced?: Pod): Draft<Pod> {
  const { template } = job.spec
  const draft = podFromTemplate(template)
  const metadata = { ...draft.metadata, finalizers: [...new Set([...(draft.metadata?.finalizers ?? []), trackingFinalizer])] }
  if (index === undefined) return { ...draft, metadata }
  const at = { [indexKey]: String(index) }
  return {
    metadata: {
      ...metadata,
      generateName: generateName(job.metadata.name, index),
      labels: { ...metadata.labels, ...at },
      annotations: { ...metadata.annotations, ...at, ...(limitsEachIndex(job) && failuresAfter(job, replaced)) },
    },
    spec: withIndex({ ...template.spec, hostname: `${job.metadata.name}-${index}` }) as Draft<Pod>['spec'],
  }
}

/** The server cuts generated names at the end; the index must not be lost. */
function generateName(name: string, index: number): string {
  const end = `-${index}-`
  return `${name.slice(0, 58 - end.length)}${end}`
}

function failuresAfter(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (!replaced) return { [failureCount]: '0' }
  const { counted, ignored } = failuresBefore(replaced)
  const { counts } = judge(job.spec, replaced)
  const skipped = ignored + (counts ? 0 : 1)
  return {
    [failureCount]: String(counted + (counts ? 1 : 0)),
    ...(skipped > 0 && { [ignoredCount]: String(skipped) }),
  }
}

const variable = 'JOB_COMPLETION_INDEX'

function withIndex(spec: PodTemplateSpec['spec']): PodTemplateSpec['spec'] {
  const valueFrom = { fieldRef: { fieldPath: `metadata.labels['${indexKey}']` } }
  const add = <C extends { env?: { name: string }[] | undefined }>(container: C): C =>
    container.env?.some(({ name }) => name === variable)
      ? container
      : { ...container, env: [...(container.env ?? []), { name: variable, valueFrom }] }
  return {
    ...spec,
    containers: spec.containers.map(add),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(add) }),
  }
}
