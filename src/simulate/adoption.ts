/** What has to be patched so that a node that is there looks as its shape wants it: what an earlier shape put there goes, what others put there stays. */
import type { Node } from '#api/core/v1/node.ts'
import type { Draft } from '#schema/words.ts'
import { nodeConditions } from './node-object.ts'
import { type Own, ownAnnotation } from './shapes.ts'

type Taint = NonNullable<Node['spec']['taints']>[number]

/** Strategic merge patches. The first is refused where somebody else has changed the taints meanwhile. */
export function adoption(found: Node, wanted: Draft<Node>, now: number): { readonly node: object; readonly status: object } {
  const own = ownOf(found)
  const { labels = {}, annotations = {} } = (wanted.metadata ?? {}) as Node['metadata']
  const before = found.spec.taints ?? []
  const taints = taintsFor(before, (wanted.spec?.taints ?? []) as readonly Taint[], own.taints ?? [])
  const { capacity, allocatable, addresses = [], ...status } = (wanted.status ?? {}) as Node['status']
  return {
    node: {
      metadata: {
        labels: without(own.labels, labels),
        annotations: without([...(own.annotations ?? []), ownAnnotation], annotations),
        ...(taints && { resourceVersion: found.metadata.resourceVersion }),
      },
      ...(taints && { spec: { taints: taints.length > 0 ? taints : null } }),
    },
    status: {
      status: {
        ...status,
        capacity: without(Object.keys(found.status.capacity ?? {}), capacity),
        allocatable: without(Object.keys(found.status.allocatable ?? {}), allocatable),
        conditions: nodeConditions(now, found.status.conditions),
        addresses: [...addresses, { $patch: 'replace' }],
      },
    },
  }
}

function ownOf({ metadata }: Node): Own {
  try {
    return JSON.parse(metadata.annotations?.[ownAnnotation] ?? '{}') as Own
  } catch {
    // Whoever wrote that does not want to be told what was there before.
    return {}
  }
}

/** A patch takes out by null. */
function without(names: readonly string[] = [], wanted: Readonly<Record<string, string>> = {}) {
  return { ...Object.fromEntries(names.map((name) => [name, null])), ...wanted }
}

const nameOf = ({ key, effect }: Taint) => `${key}:${effect}`

/** Undefined where they are as they should be, so that nobody who adds one is in the way. */
function taintsFor(found: readonly Taint[], wanted: readonly Taint[], own: readonly string[]): readonly Taint[] | undefined {
  const gone = new Set([...own, ...wanted.map(nameOf)])
  const taints = [...found.filter((taint) => !gone.has(nameOf(taint))), ...wanted]
  const text = (taint: Taint) => `${nameOf(taint)}=${taint.value ?? ''}`
  const same = new Set(found.map(text)).symmetricDifference(new Set(taints.map(text))).size === 0
  return same ? undefined : taints
}
