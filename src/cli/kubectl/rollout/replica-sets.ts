/** The ReplicaSets of a Deployment by revision: its history. */
import { labelSelectorText } from '#schema/selector.ts'
import { pathOf } from '../discovery.ts'
import type { Json, Session } from '../session.ts'

export const revisionAnnotation = 'deployment.kubernetes.io/revision'

export async function replicaSetsOf(session: Session, deployment: Json): Promise<Map<number, Json>> {
  const resource = await session.discovery.find('replicasets.apps')
  const query = { labelSelector: labelSelectorText(deployment.spec.selector) }
  const list = await session.get(pathOf(resource, { namespace: deployment.metadata.namespace }), { query })
  const owned = list.items.filter(({ metadata }: Json) =>
    metadata.ownerReferences?.some(({ uid, controller }: Json) => controller && uid === deployment.metadata.uid),
  )
  const revisions = new Map<number, Json>()
  for (const one of owned as Json[]) revisions.set(Number(one.metadata.annotations?.[revisionAnnotation] ?? 0), one)
  return new Map([...revisions].sort(([a], [b]) => a - b))
}
