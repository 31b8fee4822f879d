/** Builders of objects for tests: the least that is valid, with what the test is about laid over it. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Draft } from '#schema/words.ts'

/** A pod of one container. */
export function pod(
  name: string,
  over: { namespace?: string; labels?: Record<string, string>; spec?: Draft<Pod['spec']> } = {},
): Draft<Pod> {
  return {
    metadata: { name, namespace: over.namespace ?? 'default', ...(over.labels && { labels: over.labels }) },
    spec: { containers: [{ name: 'main', image: 'example/app:1' }], ...over.spec },
  }
}

/** A ready node with room for 110 pods. */
export function node(
  name: string,
  over: { labels?: Record<string, string>; spec?: Draft<Node['spec']>; cpu?: string; memory?: string; pods?: string } = {},
): Draft<Node> {
  const allocatable = {
    cpu: over.cpu ?? '4',
    memory: over.memory ?? '16Gi',
    pods: over.pods ?? '110',
    'ephemeral-storage': '100Gi',
  }
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...over.labels } },
    ...(over.spec && { spec: over.spec }),
    status: { capacity: allocatable, allocatable, conditions: [{ type: 'Ready', status: 'True' }] },
  }
}
