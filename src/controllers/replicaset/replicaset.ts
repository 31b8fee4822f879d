/** ReplicaSet controller: keeps as many active pods alive as `spec.replicas` says. */
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { refOf } from '#client/client.ts'
import { isActive } from '../pod-state.ts'
import { type Caches, defineController } from '../runtime/controller.ts'
import { type Replicated, reconcileReplicas } from './replicas.ts'

export const replicaSetController = defineController({
  name: 'replicaset-controller',
  for: ReplicaSet,
  owns: [Pod],
  writes: [Pod],
  watches: [{ kind: Pod, visits: (pod: Pod, caches) => selectorsOf(pod, caches as Caches<typeof ReplicaSet>) }],

  async reconcile(rs, cluster) {
    return reconcileReplicas(cluster, replicated(rs), {
      related: () =>
        siblings(rs, cluster.list(ReplicaSet, { namespace: rs.metadata.namespace })).flatMap((sibling) =>
          cluster.owned(Pod, sibling).filter(isActive),
        ),
      report: (counts) => cluster.status(ReplicaSet, rs, counts),
    })
  },
})

function replicated(rs: ReplicaSet): Replicated {
  const { replicas, minReadySeconds, selector, template } = rs.spec
  return {
    kind: ReplicaSet,
    owner: rs,
    replicas: replicas ?? 1,
    minReadySeconds: minReadySeconds ?? 0,
    selector: selector ?? {},
    template,
    conditions: rs.status.conditions ?? [],
  }
}

/** ReplicaSets of the same Deployment. */
function siblings({ metadata }: ReplicaSet, all: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)?.uid
  if (!owner) return []
  return all.filter((rs) => rs.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === owner))
}

/** Who might adopt a pod that nobody controls. */
function selectorsOf({ metadata }: Pod, caches: Caches<typeof ReplicaSet>) {
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return []
  return caches
    .list(ReplicaSet, { namespace: metadata.namespace })
    .filter(({ spec }) => selects(spec.selector, metadata.labels))
    .map(refOf)
}
