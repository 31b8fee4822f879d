/** Deletes what is in a namespace: pods first, and all else when they are gone (KEP-5080). */
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { messageOf } from '../pod-control.ts'
import type { Remains } from './conditions.ts'

export interface Sweep extends Remains {
  /** Seconds until another look is worth while; 0 when nothing is left. */
  readonly wait: number
}

/** Seconds that objects without a time of their own are given. */
const usualWait = 15

export async function sweepNamespace(client: Client, namespace: string, kinds: readonly Kind[]): Promise<Sweep> {
  const pods = await sweepKinds(
    client,
    namespace,
    kinds.filter((kind) => kind === Pod),
  )
  if (pods.wait > 0 || pods.errors.length > 0) return pods
  return sweepKinds(
    client,
    namespace,
    kinds.filter((kind) => kind !== Pod),
  )
}

/** Kinds whose objects live in namespaces and can be listed and deleted; each stored form once. */
export function sweepable(kinds: readonly Kind[]): readonly Kind[] {
  return kinds.filter(({ namespaced, def }) => {
    const verbs = def.verbs ?? ['list', 'delete']
    return namespaced && !def.virtual && !def.storedAs && verbs.includes('list') && verbs.includes('delete')
  })
}

async function sweepKinds(client: Client, namespace: string, kinds: readonly Kind[]): Promise<Sweep> {
  const objects = new Map<string, number>()
  const finalizers = new Map<string, number>()
  const errors: string[] = []
  let wait = 0
  await Promise.all(
    kinds.map(async (kind) => {
      try {
        const left = await sweepKind(client, namespace, kind)
        if (left.length === 0) return
        objects.set(`${kind.plural}.${kind.group}`, left.length)
        for (const finalizer of left.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
          finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1)
        }
        wait = Math.max(wait, waitFor(left))
      } catch (error) {
        errors.push(messageOf(error))
      }
    }),
  )
  return { objects, finalizers, errors, wait }
}

/** Answers what is left. */
async function sweepKind(client: Client, namespace: string, kind: Kind): Promise<readonly KubeObject[]> {
  const { items } = await client.list(kind, { namespace })
  if (items.length === 0) return []
  if (kind.def.verbs && !kind.def.verbs.includes('deletecollection')) {
    await Promise.all(items.map((object) => deleteOne(client, kind, object)))
  } else await client.deleteCollection(kind, { namespace }, { propagationPolicy: 'Background' })
  return (await client.list(kind, { namespace })).items
}

async function deleteOne(client: Client, kind: Kind, object: KubeObject): Promise<void> {
  try {
    await client.delete(kind, object, { propagationPolicy: 'Background' })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}

/** The longest grace of what is left. */
function waitFor(left: readonly KubeObject[]): number {
  const graces = left.map(({ metadata }) => metadata.deletionGracePeriodSeconds ?? 0)
  return Math.max(...graces.map(Number)) || usualWait
}
