/** TTL-after-finished controller: deletes Jobs a while after they have ended. */
import { Job } from '#api/batch/v1/job.ts'
import { isFinished } from './job/conditions.ts'
import { defineController } from './runtime/controller.ts'

export const ttlAfterFinishedController = defineController({
  name: 'ttl-after-finished-controller',
  for: Job,
  writes: [Job],

  async reconcile(job, cluster) {
    const left = planLeft(job, cluster.clock.now())
    if (left === undefined) return
    if (left > 0) return { after: left / 1000 }
    // Somebody may have given the job more time, which the cache does not show yet.
    const fresh = await cluster.live.get(Job, job)
    const stillLeft = fresh.metadata.uid === job.metadata.uid ? planLeft(fresh, cluster.clock.now()) : undefined
    if (stillLeft === undefined) return
    if (stillLeft > 0) return { after: stillLeft / 1000 }
    const { resourceVersion } = fresh.metadata
    await cluster.delete(Job, fresh, { propagationPolicy: 'Foreground', preconditions: { resourceVersion } })
  },
})

/** Milliseconds until the job is to be deleted; undefined for one that is to stay. */
export function planLeft({ metadata, spec, status }: Job, now: number): number | undefined {
  if (spec.ttlSecondsAfterFinished === undefined || metadata.deletionTimestamp || !isFinished(status)) return undefined
  const end = status.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')
  if (!end?.lastTransitionTime) return undefined
  return Date.parse(end.lastTransitionTime) + spec.ttlSecondsAfterFinished * 1000 - now
}
