/** Two lists of tolerations as one, without those that others include (upstream `pkg/util/tolerations`). */
import type { Toleration } from '#api/core/v1/taint.ts'
import { semanticEqual } from '#schema/equal.ts'

export function mergeTolerations(first: readonly Toleration[] = [], second: readonly Toleration[] = []): Toleration[] {
  const all = [...first, ...second]
  const merged: Toleration[] = []
  for (const [index, toleration] of all.entries()) {
    const isKnown = merged.some((other) => includes(other, toleration))
    const comes = all.slice(index + 1).some((other) => !semanticEqual(other, toleration) && includes(other, toleration))
    if (!isKnown && !comes) merged.push(toleration)
  }
  return merged
}

/** Whether everything that the second tolerates, the first does. */
export function includes(whole: Toleration, part: Toleration): boolean {
  if (semanticEqual(whole, part)) return true
  const hasAllKeys = !whole.key && whole.operator === 'Exists'
  if (whole.key !== part.key && !hasAllKeys) return false
  if (whole.effect && whole.effect !== part.effect) return false
  if (whole.effect === 'NoExecute' && whole.tolerationSeconds !== undefined) {
    if (part.tolerationSeconds === undefined || part.tolerationSeconds > whole.tolerationSeconds) return false
  }
  if (whole.operator === 'Exists') return true
  return (
    (whole.operator ?? 'Equal') === 'Equal' &&
    (part.operator ?? 'Equal') === 'Equal' &&
    (whole.value ?? '') === (part.value ?? '')
  )
}
