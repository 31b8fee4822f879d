/** Pods found by the node that they are bound to. */
import { Pod } from '#api/core/v1/pod.ts'
import type { Caches, Index } from '../runtime/controller.ts'

export const podsByNode: Index = {
  kind: Pod,
  name: 'node',
  keys: ({ spec }: Pod) => (spec.nodeName ? [spec.nodeName] : []),
}

export function podsOn(caches: Caches<typeof Pod>, node: string): readonly Pod[] {
  return caches.indexed(Pod, { index: podsByNode.name, value: node })
}
