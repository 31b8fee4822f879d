/** What `/metrics` tells beside requests: seats and queues, objects in the store, the version. Read when it is asked for. */
import type { FlowControl } from '../flowcontrol/flow-control.ts'
import type { Registry } from '../registry/registry.ts'
import { samples } from './exposition.ts'
import { flowControlLines } from './flow-metrics.ts'

export interface MeasuredServer {
  readonly registry: Registry
  readonly flowControl?: FlowControl | undefined
}

export function serverMetrics({ registry, flowControl }: MeasuredServer): string[] {
  return [...storedObjects(registry), ...(flowControl ? flowControlLines(flowControl) : [])]
}

export function buildInfo(gitVersion: string, platform: string): string[] {
  const labels = { build_date: '', compiler: 'node', git_commit: '', git_tree_state: 'clean', git_version: gitVersion }
  const all = { ...labels, go_version: '', major: '1', minor: '36', platform }
  return samples(
    [
      'kubernetes_build_info',
      'gauge',
      "[BETA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
    ],
    [[all, 1]],
  )
}

function storedObjects({ kinds, storage }: Registry): string[] {
  const seen = new Set<unknown>()
  const counts: [{ group: string; resource: string }, number][] = []
  const sizes: typeof counts = []
  for (const kind of kinds.all()) {
    if (kind.def.virtual || kind.def.storedAs) continue
    const key = `${kind.group}/${kind.plural}`
    const opened = seen.has(key) ? undefined : storage(kind)
    seen.add(key)
    if (!opened || opened instanceof Promise) continue
    const labels = { group: kind.group, resource: kind.plural }
    counts.push([labels, opened.cache.size])
    sizes.push([labels, opened.cache.byteSize])
  }
  const old = counts.map(
    ([{ group, resource }, count]) => [{ resource: group ? `${resource}.${group}` : resource }, count] as const,
  )
  return [
    ...samples(
      [
        'apiserver_storage_objects',
        'gauge',
        '[STABLE] (Deprecated since 1.34.0) [DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.',
      ],
      old,
    ),
    ...samples(
      [
        'apiserver_resource_objects',
        'gauge',
        '[ALPHA] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.',
      ],
      counts,
    ),
    ...samples(
      [
        'apiserver_resource_size_estimate_bytes',
        'gauge',
        '[ALPHA] Estimated size of stored objects in database. Estimate is based on sum of last observed sizes of serialized objects. In case of a fetching error, the value will be -1.',
      ],
      sizes,
    ),
  ]
}
