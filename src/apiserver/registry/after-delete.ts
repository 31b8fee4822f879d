/** What follows when an object is gone for good. */
import type { KubeObject } from '#schema/kind.ts'
import type { WriteContext } from './write-context.ts'

/** The deletion stands whatever happens here: claims that are left behind are found by their own repair loops. */
export async function afterDelete(context: WriteContext, object: KubeObject): Promise<void> {
  for (const hook of context.registry.hooks) {
    if (hook.kind !== context.kind) continue
    try {
      await hook.afterDelete?.(object, context)
    } catch (error) {
      context.registry.onError?.(error, `after deleting ${context.kind.plural} ${object.metadata.name}`)
    }
  }
}
