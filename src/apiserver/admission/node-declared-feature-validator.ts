/** NodeDeclaredFeatureValidator: what a bound pod is changed to must be within what its node declares (KEP-5328). */
import type { Container } from '#api/core/v1/container.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { isSidecar } from '#api/core/v1/pod-resources.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import { sameJson } from '../registry/same-json.ts'
import type { AdmissionPlugin } from './plugin.ts'
import { refuse } from './refuse.ts'

type Changes = (old: PodSpec, now: PodSpec) => boolean

/** Sorted, as upstream's `nodedeclaredfeatures` registry; its other features concern no update. */
const features: readonly (readonly [name: string, isNeeded: Changes])[] = [
  ['InPlacePodLevelResourcesVerticalScaling', (old, now) => !sameJson(old.resources, now.resources)],
  ['InPlacePodVerticalScalingInitContainers', resizesInitContainers],
]

export const nodeDeclaredFeatureValidator: AdmissionPlugin = {
  name: 'NodeDeclaredFeatureValidator',
  handles: ({ operation, kind, subresource }) =>
    operation === 'UPDATE' && kind.plural === Pod.plural && kind.group === '' && (subresource === '' || subresource === 'resize'),
  validate(request, { lister }) {
    const { spec, metadata } = request.object as Pod
    const old = request.old as Pod
    if (!spec.nodeName || metadata.generation === old.metadata.generation) return
    const needed = features.filter(([, isNeeded]) => isNeeded(old.spec, spec)).map(([name]) => name)
    if (needed.length === 0) return
    const name = JSON.stringify(spec.nodeName)
    const node = lister.get(Node, spec.nodeName)
    if (!node) throw refuse(request, `node ${name} not found`)
    const missing = needed.filter((feature) => !node.status.declaredFeatures?.includes(feature))
    if (missing.length === 0) return
    throw refuse(request, `pod update requires features ${missing.join(', ')} which are not available on node ${name}`)
  },
}

/** Sidecars run beside the containers, and are resized as those are. */
function resizesInitContainers(old: PodSpec, now: PodSpec): boolean {
  const others = now.initContainers ?? []
  return (old.initContainers ?? []).some(
    (container: Container, i) => !isSidecar(container) && !sameJson(container.resources, others[i]?.resources),
  )
}
