/** Fields and resources of a pod as text: the downward API of environment variables and volumes. */
import type { ResourceFieldSelector } from '#api/core/v1/env.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import { type Container, findContainer } from '../containers/pod-names.ts'

export interface Addresses {
  readonly podIps: readonly string[]
  readonly hostIps: readonly string[]
}

/** Throws with upstream's text for a path it does not know. */
export function fieldText(pod: Pod, path: string, { podIps, hostIps }: Addresses): string {
  const subscript = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/.exec(path)
  if (subscript) {
    const map = subscript[1] === 'metadata.labels' ? pod.metadata.labels : pod.metadata.annotations
    return map?.[subscript[2] ?? ''] ?? ''
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid
    case 'metadata.labels':
      return mapText(pod.metadata.labels)
    case 'metadata.annotations':
      return mapText(pod.metadata.annotations)
    case 'spec.nodeName':
      return pod.spec.nodeName ?? ''
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? ''
    case 'status.hostIP':
      return hostIps[0] ?? ''
    case 'status.hostIPs':
      return hostIps.join(',')
    case 'status.podIP':
      return podIps[0] ?? ''
    case 'status.podIPs':
      return podIps.join(',')
    default:
      throw new Error(`unsupported fieldPath: ${path}`)
  }
}

/** Lines `key="value"` in the order of the keys, as files of a downward API volume hold them. */
function mapText(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')
}

/** Rounded up to whole divisors. A limit that the container leaves open is what the node has. */
export function resourceText(
  pod: Pod,
  { containerName, resource, divisor }: ResourceFieldSelector,
  { container, allocatable }: { container?: Container; allocatable: Readonly<Record<string, string>> },
): string {
  const from = containerName ? findContainer(pod, containerName)?.container : container
  if (!from) throw new Error(`container ${containerName ?? ''} not found`)
  const [list, ...rest] = resource.split('.')
  const name = rest.join('.')
  if (!(list === 'limits' || list === 'requests') || !isExposed(name)) {
    throw new Error(`unsupported container resource : ${resource}`)
  }
  const requests = from.resources.requests?.[name] ?? from.resources.limits?.[name]
  const open = name in allocatable && !name.startsWith('hugepages-') ? allocatable[name] : undefined
  const amount = (list === 'limits' ? (from.resources.limits?.[name] ?? open) : requests) ?? '0'
  const measure = name === 'cpu' ? milliValue : quantityValue
  const unit = measure(divisor || '1') || measure('1')
  return String(Math.ceil(measure(amount) / unit))
}

function isExposed(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-')
}
