/** OpenAPI documents of what is served. */
import type { Kind } from '#schema/kind.ts'
import type { Stage } from '../request.ts'

export function openApiStages(_kinds: () => readonly Kind[]): readonly Stage[] {
  return []
}
