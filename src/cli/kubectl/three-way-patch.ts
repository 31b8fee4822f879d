/** The patch that `apply` sends: strategic for the kinds that Kubernetes defines, a JSON merge patch for custom resources. */
import { kinds } from '#api/kinds.ts'
import type { Kind } from '#schema/kind.ts'
import { mergePatch, strategicMerge, threeWayMergePatch, threeWayPatch } from '#schema/merge.ts'
import { lastApplied } from './last-applied.ts'
import type { Json } from './session.ts'

export interface ApplyPatch {
  readonly body: Json
  readonly contentType: string
  /** What the object becomes, without a server. */
  applied(): Json
}

export function applyPatch(current: Json, modified: Json): ApplyPatch {
  const original: Json = JSON.parse(current.metadata?.annotations?.[lastApplied] ?? '{}')
  const kind = kindOf(current)
  if (kind) {
    const body = threeWayPatch(kind.schema, { original, modified, current }) as Json
    return {
      body,
      contentType: 'application/strategic-merge-patch+json',
      applied: () => strategicMerge(kind.schema, current, body) as Json,
    }
  }
  const body = threeWayMergePatch({ original, modified, current }) as Json
  return { body, contentType: 'application/merge-patch+json', applied: () => mergePatch(current, body) as Json }
}

/** The built-in kind, where it is one. */
export function kindOf({ apiVersion, kind }: Json): Kind | undefined {
  return kinds.find((one) => one.apiVersion === apiVersion && one.kind === kind)
}
