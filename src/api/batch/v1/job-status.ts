/** JobStatus: how far a job has come. */
import { always, int32, list, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const jobCondition = object('io.k8s.api.batch.v1.JobCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastProbeTime: always(3, time()),
  lastTransitionTime: always(4, time()),
  reason: optional(5, string()),
  message: optional(6, string()),
})
export interface JobCondition extends TypeOf<typeof jobCondition> {}
export const JobCondition: Schema<JobCondition> = jobCondition

const uncountedTerminatedPods = object('io.k8s.api.batch.v1.UncountedTerminatedPods', {
  succeeded: optional(1, list(string(), { listType: 'set' })),
  failed: optional(2, list(string(), { listType: 'set' })),
})
export interface UncountedTerminatedPods extends TypeOf<typeof uncountedTerminatedPods> {}
export const UncountedTerminatedPods: Schema<UncountedTerminatedPods> = uncountedTerminatedPods

const jobStatus = object('io.k8s.api.batch.v1.JobStatus', {
  conditions: optional(1, list(JobCondition, { listType: 'atomic', mergeKey: 'type' })),
  startTime: pointer(2, time()),
  completionTime: pointer(3, time()),
  active: optional(4, int32()),
  succeeded: optional(5, int32()),
  failed: optional(6, int32()),
  terminating: pointer(11, int32()),
  completedIndexes: optional(7, string()),
  failedIndexes: pointer(10, string()),
  uncountedTerminatedPods: pointer(8, UncountedTerminatedPods),
  ready: pointer(9, int32()),
})
export interface JobStatus extends TypeOf<typeof jobStatus> {}
export const JobStatus: Schema<JobStatus> = jobStatus
