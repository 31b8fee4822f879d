/** `pods/resize`: changes the resources of running containers (KEP-1287). */
import type { Pod } from '#api/core/v1/pod.ts'
import { podPart } from './pod-parts.ts'

type Containers = { name: string; resources?: unknown; resizePolicy?: unknown }[]

export const resize = podPart((pod: Pod, sent: Pod) => {
  takeResources(pod.spec.containers, sent.spec.containers)
  takeResources(pod.spec.initContainers ?? [], sent.spec.initContainers ?? [])
})

function takeResources(containers: Containers, sent: Containers): void {
  for (const container of containers) {
    const wanted = sent.find(({ name }) => name === container.name)
    if (wanted?.resources !== undefined) container.resources = wanted.resources
    if (wanted?.resizePolicy !== undefined) container.resizePolicy = wanted.resizePolicy
  }
}
