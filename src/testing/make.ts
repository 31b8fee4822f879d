/** Builders of objects for tests: the least that is valid, with what the test is about laid over it. */
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
