/** Watches everything that plugins look at, keeps the cluster's state by it, and tells what happened. */
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { Service } from '#api/core/v1/service.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { CSIStorageCapacity } from '#api/storage/v1/csi-storage-capacity.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'
import type { Client } from '#client/client.ts'
import { type Informer, type InformerOptions, startInformer } from '#client/informer.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { nodeChanges } from './changes.ts'
import type { ClusterState } from './cluster-state.ts'
import type { ClusterEvent } from './queue.ts'

/** Beside nodes and pods. */
const kinds: readonly Kind[] = [
  Namespace,
  Service,
  ReplicationController,
  ReplicaSet,
  StatefulSet,
  PodDisruptionBudget,
  PersistentVolumeClaim,
  PersistentVolume,
  StorageClass,
  CSINode,
  CSIDriver,
  CSIStorageCapacity,
  VolumeAttachment,
  ResourceClaim,
  ResourceSlice,
  DeviceClass,
]

export interface Watching extends Pick<InformerOptions, 'clock' | 'random' | 'signal' | 'onError' | 'giveWay'> {
  readonly state: ClusterState
  happened(event: ClusterEvent): void
  podSeen(pod: Pod, before?: Pod): void
  podGone(pod: Pod): void
}

/** Resolves when the state holds all there is. */
export async function watchCluster(client: Client, watching: Watching): Promise<void> {
  const { state, happened } = watching
  const { clock, random, signal, onError, giveWay } = watching
  const options = { clock, random, signal, onError, giveWay }
  const others = kinds.map((kind) => watchObjects(client, kind as Kind<string, KubeObject>, watching))
  const nodes: Informer<Node> = startInformer(client, Node, options)
  nodes.addHandlers({
    added(node) {
      state.setNode(node)
      happened({ kind: 'Node', actions: ['added'], after: node })
    },
    updated(node, before) {
      state.setNode(node)
      const actions = nodeChanges(before, node)
      if (actions.length > 0) happened({ kind: 'Node', actions, before, after: node })
    },
    deleted(node) {
      state.deleteNode(node.metadata.name)
      happened({ kind: 'Node', actions: ['deleted'], before: node })
    },
  })
  const pods: Informer<Pod> = startInformer(client, Pod, {
    ...options,
    fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
  })
  pods.addHandlers({
    added: (pod) => watching.podSeen(pod),
    updated: (pod, before) => watching.podSeen(pod, before),
    deleted: (pod) => watching.podGone(pod),
  })
  await Promise.all([...others, nodes.synced(), pods.synced()])
}

/** A server that does not serve the kind has none of it. */
function watchObjects(client: Client, kind: Kind<string, KubeObject>, watching: Watching): Promise<void> {
  const { clock, random, signal, state, happened } = watching
  const absent = Promise.withResolvers<void>()
  const informer = startInformer(client, kind, {
    ...{ clock, random, signal },
    onError(error) {
      if (hasReason(error, 'NotFound')) absent.resolve()
      else watching.onError?.(error)
    },
  })
  informer.addHandlers({
    added(object) {
      state.objects.set(kind, object)
      happened({ kind: kind.kind, actions: ['added'], after: object })
    },
    updated(object, before) {
      state.objects.set(kind, object)
      if (kind.kind === 'Namespace') state.counts.forgetNamespaceSelections()
      happened({ kind: kind.kind, actions: ['updated'], before, after: object })
    },
    deleted(object) {
      state.objects.delete(kind, object.metadata)
      happened({ kind: kind.kind, actions: ['deleted'], before: object })
    },
  })
  return Promise.race([informer.synced(), absent.promise])
}
