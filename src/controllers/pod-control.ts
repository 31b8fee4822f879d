/** Creating and deleting the pods of a controller, with the Events that upstream's `RealPodControl` records. */
import { Pod } from '#api/core/v1/pod.ts'
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import type { KubeObject } from '#schema/kind.ts'
import { StatusError } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { Cluster } from './runtime/controller.ts'
import { slowStart } from './runtime/slow-start.ts'

export type PodCluster = Cluster<typeof Pod, typeof Pod>

/** The pod that a template asks for; the name is the server's to make. */
export function podFromTemplate({ metadata, spec }: Draft<PodTemplateSpec>): Draft<Pod> {
  return {
    metadata: {
      ...(metadata?.labels && { labels: metadata.labels }),
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.finalizers && { finalizers: metadata.finalizers }),
    },
    spec: spec as Draft<Pod>['spec'],
  }
}

/** In batches of 1, 2, 4, ...; throws the first failure. In a namespace that is going away there is nothing to do. */
export async function createPods(cluster: PodCluster, owner: KubeObject, drafts: readonly Draft<Pod>[]): Promise<void> {
  const { error } = await slowStart(drafts, async (draft) => {
    try {
      const { metadata } = await cluster.create(Pod, draft, owner)
      cluster.event(owner, { type: 'Normal', reason: 'SuccessfulCreate', message: `Created pod: ${metadata.name}` })
    } catch (failure) {
      if (isNamespaceTerminating(failure)) return
      cluster.event(owner, { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${messageOf(failure)}` })
      throw failure
    }
  })
  if (error) throw error
}

/** All at once; throws the first failure when all have been tried. */
export async function deletePods(cluster: PodCluster, owner: KubeObject, pods: readonly Pod[]): Promise<void> {
  const results = await Promise.allSettled(
    pods.map(async (pod) => {
      try {
        await cluster.delete(Pod, pod)
        cluster.event(owner, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${pod.metadata.name}` })
      } catch (failure) {
        cluster.event(owner, { type: 'Warning', reason: 'FailedDelete', message: `Error deleting: ${messageOf(failure)}` })
        throw failure
      }
    }),
  )
  const failure = results.find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
}

export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof StatusError && (error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
