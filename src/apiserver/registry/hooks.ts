/** Hooks: what must happen together with the writes of one kind, such as claiming a Service's address. */
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { WriteContext } from './write-context.ts'

/** What `beforeWrite` did in advance, to be undone when the write did not come about. */
export interface Claim {
  rollback(): Promise<void>
  /** Gives up what the object held before and no longer does. Errors are for a later repair: the write stands. */
  commit?(): Promise<void>
}

export interface RegistryHook<T extends KubeObject = any> {
  readonly kind: Kind<string, T>
  /** Which writes it is about; default: of the object itself. */
  readonly part?: 'main' | 'status'
  /**
   * Runs after mutating admission and before validation, again on each retry; may change `object`. `old` is absent on create.
   * What it claimed is rolled back when validation, admission or the store refuses.
   */
  beforeWrite?(object: T, old: T | undefined, context: WriteContext): Promise<void | Claim>
  /** After the object is gone for good; its errors are reported and change nothing. */
  afterDelete?(object: T, context: WriteContext): Promise<void>
}

/** Those that are about this kind, whichever version of it the client speaks. */
export function hooksFor(hooks: readonly RegistryHook[], kind: Kind, part: string): readonly RegistryHook[] {
  return hooks.filter(
    (hook) => (hook.part ?? 'main') === part && hook.kind.plural === kind.plural && hook.kind.group === kind.group,
  )
}

/** Runs `body` between the claims of the kind's hooks and their rollback. */
export async function withHooks<R>(
  hooks: readonly RegistryHook[],
  { object, old, context }: { object: KubeObject; old: KubeObject | undefined; context: WriteContext },
  body: () => Promise<{ done: boolean; result: R }>,
): Promise<R> {
  const claims: Claim[] = []
  let done = false
  try {
    for (const hook of hooks) {
      const claim = await hook.beforeWrite?.(object, old, context)
      if (claim) claims.push(claim)
    }
    const outcome = await body()
    done = outcome.done
    return outcome.result
  } finally {
    for (const claim of claims.reverse()) await (done ? claim.commit?.() : claim.rollback())
  }
}
