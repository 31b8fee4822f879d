/** ReplicationController controller: the same work as for a ReplicaSet, with an older form of selector. */
import { Pod } from '#api/core/v1/pod.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { refOf } from '#client/client.ts'
import { type Caches, defineController } from '../runtime/controller.ts'
import { type Replicated, reconcileReplicas } from './replicas.ts'

export const replicationControllerController = defineController({
  name: 'replicationcontroller-controller',
  account: 'replication-controller',
  for: ReplicationController,
  owns: [Pod],
  writes: [Pod],
  watches: [{ kind: Pod, visits: (pod: Pod, caches) => selectorsOf(pod, caches as Caches<typeof ReplicationController>) }],

  async reconcile(rc, cluster) {
    return reconcileReplicas(cluster, replicated(rc), {
      related: () => [],
      report: ({ terminatingReplicas: _, ...counts }) => cluster.status(ReplicationController, rc, counts),
    })
  },
})

function replicated(rc: ReplicationController): Replicated {
  const { replicas, minReadySeconds, template } = rc.spec
  return {
    kind: ReplicationController,
    owner: rc,
    replicas: replicas ?? 1,
    minReadySeconds: minReadySeconds ?? 0,
    selector: selectorOf(rc),
    template: template as Replicated['template'],
    conditions: (rc.status.conditions ?? []) as Replicated['conditions'],
  }
}

const selectorOf = ({ spec }: ReplicationController) => ({ matchLabels: spec.selector ?? {} })

/** Who might adopt a pod that nobody controls. */
function selectorsOf({ metadata }: Pod, caches: Caches<typeof ReplicationController>) {
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return []
  return caches
    .list(ReplicationController, { namespace: metadata.namespace })
    .filter((rc) => selects(selectorOf(rc), metadata.labels))
    .map(refOf)
}
