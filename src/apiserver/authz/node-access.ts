/** What a node may touch because one of its pods refers to it (upstream's graph in `plugin/pkg/auth/authorizer/node`). */
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import type { Lister } from '../admission/plugin.ts'
import { podReferences } from './pod-references.ts'

export type Vertex =
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'persistentvolumes'
  | 'volumeattachments'
  | 'serviceaccounts'
  | 'resourceclaims'
  | 'resourceslices'
  | 'pods'

export interface Target {
  readonly vertex: Vertex
  readonly namespace: string
  readonly name: string
}

/**
 * Whether there is a path from the object to the node. Walks the node's pods; what a pod refers to is worked out once per pod
 * object. Mirror pods lend the node nothing: it made them itself.
 */
export function isRelated(node: string, { vertex, namespace, name }: Target, lister: Lister): boolean {
  switch (vertex) {
    case 'pods':
      return lister.get(Pod, name, namespace)?.spec.nodeName === node
    case 'persistentvolumes':
      return isVolumeOfNode(node, name, lister)
    case 'volumeattachments':
    case 'resourceslices':
      return find(vertex, lister, name)?.spec?.nodeName === node
    default:
      if (podsOf(node, namespace, lister).some((pod) => podReferences(pod)[vertex].has(name))) return true
      return vertex === 'secrets' && isVolumeSecret(node, { namespace, name }, lister)
  }
}

function podsOf(node: string, namespace: string, lister: Lister): Pod[] {
  const bound = lister.select?.(Pod, 'spec.nodeName', node) ?? lister.list(Pod, namespace)
  return bound.filter(({ metadata, spec }) => metadata.namespace === namespace && spec.nodeName === node)
}

/** A volume belongs to the node whose pod uses the claim that it is bound to. */
function isVolumeOfNode(node: string, name: string, lister: Lister): boolean {
  const claim = find('persistentvolumes', lister, name)?.spec?.claimRef
  return claim !== undefined && isRelated(node, { vertex: 'persistentvolumeclaims', ...claim }, lister)
}

/** Secrets that a volume's driver needs on the node. */
function isVolumeSecret(node: string, { namespace, name }: { namespace: string; name: string }, lister: Lister): boolean {
  const kind = kinds.find(({ plural }) => plural === 'persistentvolumes')
  if (!kind) return false
  return lister.list(kind).some((volume: any) => {
    const { csi } = volume.spec ?? {}
    const refs = [csi?.nodePublishSecretRef, csi?.nodeStageSecretRef, csi?.nodeExpandSecretRef]
    return (
      refs.some((ref) => ref?.name === name && ref?.namespace === namespace) && isVolumeOfNode(node, volume.metadata.name, lister)
    )
  })
}

function find(plural: Vertex, lister: Lister, name: string): any {
  const kind = kinds.find((candidate) => candidate.plural === plural)
  return kind && lister.get(kind, name)
}
