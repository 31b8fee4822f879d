/** Namespace controller: empties a namespace that is being deleted, then lets it go. */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import type { Client } from '#client/client.ts'
import type { Kind } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Again, type Controller, defineController } from '../runtime/controller.ts'
import { kindsOf } from '../runtime/custom-kinds.ts'
import { planConditions } from './conditions.ts'
import { sweepable, sweepNamespace } from './sweep.ts'

const finalizer = 'kubernetes'

/** Custom resources are swept besides `kinds`. */
export function namespaceController(kinds: () => readonly Kind[] = () => builtIn): Controller {
  return defineController({
    name: 'namespace-controller',
    for: Namespace,
    reads: [CustomResourceDefinition],
    workers: 10,
    grants: [
      { groups: ['*'], resources: ['*'], verbs: ['delete', 'deletecollection', 'get', 'list'] },
      { groups: [''], resources: ['namespaces/finalize', 'namespaces/status'], verbs: ['update'] },
    ],

    async reconcile(cached, cluster): Promise<Again | undefined> {
      if (!cached.metadata.deletionTimestamp) return
      const namespace = await fresh(cluster.live, cached)
      if (!namespace?.metadata.deletionTimestamp) return
      const terminating = { ...namespace.status, phase: 'Terminating' as const }
      const marked = await cluster.status(Namespace, namespace, terminating)
      if (!namespace.spec.finalizers?.length) return
      const custom = cluster.list(CustomResourceDefinition).flatMap((definition) => kindsOf(definition).slice(0, 1))
      const sweep = await sweepNamespace(cluster.live, namespace.metadata.name, sweepable([...kinds(), ...custom]))
      const conditions = planConditions(namespace.status.conditions, sweep, cluster.clock.now())
      await cluster.status(Namespace, marked, { ...terminating, conditions })
      if (sweep.errors.length > 0) throw new Error(sweep.errors.join(', '))
      if (sweep.wait > 0) return { after: Math.trunc(sweep.wait / 2) + 1 }
      await finalize(cluster.live, namespace)
    },
  })
}

async function fresh(live: Client, { metadata }: Namespace): Promise<Namespace | undefined> {
  try {
    const namespace = await live.get(Namespace, { name: metadata.name })
    return namespace.metadata.uid === metadata.uid ? namespace : undefined
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

/** The last finalizer's removal is what deletes the namespace. */
async function finalize(live: Client, { metadata }: Namespace): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const namespace = await live.get(Namespace, { name: metadata.name })
      if (namespace.metadata.uid !== metadata.uid) return
      const finalizers = namespace.spec.finalizers?.filter((name) => name !== finalizer) ?? []
      await live.update(Namespace, { ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' })
      return
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      if (!hasReason(error, 'Conflict') || tries >= 5) throw error
    }
  }
}
