/** Lets go of pods that were counted for a Job which is gone or finished, so that they can be deleted (`syncOrphanPod`). */
import { Job } from '#api/batch/v1/job.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { refOf } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Caches, defineController } from '../runtime/controller.ts'
import { isFinished } from './conditions.ts'
import { isElsewhere, release } from './job.ts'
import { isTracked } from './pods.ts'

export const jobOrphanPodsController = defineController({
  // The second loop of the same controller.
  name: 'job-controller',
  for: Pod,
  when: ({ object }) => object !== undefined && isTracked(object),
  reads: [Job],
  writes: [Pod],
  watches: [
    {
      kind: Job,
      when: ({ object }) => object === undefined || isFinished(object.status),
      visits: (job: Job, caches) => (caches as Caches<typeof Pod>).owned(Pod, job).filter(isTracked).map(refOf),
    },
  ],

  async reconcile(pod, cluster) {
    if (!isTracked(pod)) return
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller)
    if (owner && (owner.kind !== 'Job' || owner.apiVersion !== Job.apiVersion)) return
    const named = owner && cluster.get(Job, { name: owner.name, namespace: pod.metadata.namespace })
    const job = named?.metadata.uid === owner?.uid ? named : undefined
    if (job && (isElsewhere(job) || !isFinished(job.status))) return
    if (owner && !job && (await isAlive(owner))) return
    await release(cluster, pod)

    /** A pod may be seen before the Job that made it, as the caches are filled one by one. */
    async function isAlive({ name, uid }: { name: string; uid: string }): Promise<boolean> {
      const fresh = await cluster.live.get(Job, { name, namespace: pod.metadata.namespace }).catch(unlessAbsent)
      return fresh?.metadata.uid === uid && !isFinished(fresh.status)
    }
  },
})

function unlessAbsent(error: unknown): undefined {
  if (!hasReason(error, 'NotFound')) throw error
}
