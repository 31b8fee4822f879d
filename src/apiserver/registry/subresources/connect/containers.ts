/** The pod that a connection goes to, and which of its containers (upstream `pod/strategy.go`). */
import { Pod } from '#api/core/v1/pod.ts'
import { badRequest } from '#schema/status-error.ts'
import type { Request } from '../../../request.ts'
import { getEntry } from '../../get.ts'
import type { Registry } from '../../registry.ts'

/** In its newest state, for it may have been placed a moment ago. */
export async function podOf(registry: Registry, { info }: Request, name = info.name): Promise<Pod> {
  const { object } = await getEntry(registry, Pod, { name, namespace: info.namespace })
  return object as Pod
}

/** `wanted`, or the only one; containers of every sort count. */
export function chooseContainer({ metadata, spec }: Pod, wanted: string): string {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec
  const names = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name)
  if (wanted) {
    if (names.includes(wanted)) return wanted
    throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`)
  }
  if (containers.length === 1) return (containers[0] as { name: string }).name
  const must = `a container name must be specified for pod ${metadata.name}`
  throw badRequest(containers.length === 0 ? must : `${must}, choose one of: [${names.join(' ')}]`)
}

/** Where it runs; a connection cannot wait for the scheduler. */
export function nodeNameOf({ metadata, spec }: Pod): string {
  if (spec.nodeName) return spec.nodeName
  throw badRequest(`pod ${metadata.name} does not have a host assigned`)
}
