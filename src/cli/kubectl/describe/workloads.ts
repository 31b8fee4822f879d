/** Describes Deployments, ReplicaSets and ReplicationControllers. */
import { isDeepStrictEqual } from 'node:util'
import { formatLabelSelector, labelSelectorText } from '#schema/selector.ts'
import type { Json, Session } from '../session.ts'
import type { Context } from './describer.ts'
import { describeEventsOf } from './events.ts'
import { describePodTemplate } from './pod-template.ts'
import {
  controllerOf,
  describeAnnotations,
  describeConditions,
  describeLabels,
  formatLabels,
  Report,
  timeText,
} from './report.ts'

export async function describeDeployment(deployment: Json, context: Context): Promise<Report> {
  const { metadata, spec, status = {} } = deployment
  const w = new Report()
  w.field(0, 'Name', metadata.name)
  w.field(0, 'Namespace', metadata.namespace)
  w.field(0, 'CreationTimestamp', timeText(metadata.creationTimestamp))
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
  w.field(0, 'Selector', labelSelectorText(spec.selector))
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, unavailableReplicas = 0 } = status
  const counts = `${updatedReplicas} updated | ${replicas} total | ${availableReplicas} available | ${unavailableReplicas} unavailable`
  w.field(0, 'Replicas', `${spec.replicas ?? 0} desired | ${counts}`)
  w.field(0, 'StrategyType', spec.strategy?.type)
  w.field(0, 'MinReadySeconds', spec.minReadySeconds ?? 0)
  const rolling = spec.strategy?.rollingUpdate
  if (rolling) w.field(0, 'RollingUpdateStrategy', `${rolling.maxUnavailable} max unavailable, ${rolling.maxSurge} max surge`)
  describePodTemplate(w, spec.template)
  describeConditions(w, status.conditions)
  const { old, current } = await replicaSetsOf(context.session, deployment)
  if (old.length > 0 || current) {
    w.field(0, 'OldReplicaSets', replicaSetsText(old))
    w.field(0, 'NewReplicaSet', replicaSetsText(current ? [current] : []))
  }
  await describeEventsOf(w, deployment, context)
  return w
}

async function replicaSetsOf(session: Session, { metadata, spec }: Json): Promise<{ old: readonly Json[]; current?: Json }> {
  const query = { labelSelector: labelSelectorText(spec.selector) }
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(metadata.namespace)}/replicasets`
  const list = await session.get(path, { query }).catch(() => undefined)
  const owned: Json[] = (list?.items ?? []).filter((one: Json) =>
    one.metadata.ownerReferences?.some(({ uid, controller }: Json) => controller && uid === metadata.uid),
  )
  const age = ({ metadata }: Json) => Date.parse(metadata.creationTimestamp)
  const current = owned
    .toSorted((a, b) => age(a) - age(b))
    .find((one) => isDeepStrictEqual(withoutHash(one.spec.template), withoutHash(spec.template)))
  return { old: owned.filter((one) => one !== current), ...(current && { current }) }
}

function withoutHash({ metadata = {}, ...template }: Json): Json {
  const { 'pod-template-hash': _, ...labels } = metadata.labels ?? {}
  return { ...template, metadata: { ...metadata, labels } }
}

function replicaSetsText(all: readonly Json[]): string {
  const texts = all.map(
    ({ metadata, spec, status }) => `${metadata.name} (${status?.replicas ?? 0}/${spec.replicas ?? 0} replicas created)`,
  )
  return texts.join(', ') || '<none>'
}

export async function describeReplicaSet(object: Json, context: Context): Promise<Report> {
  const { metadata, spec, status = {} } = object
  const w = new Report()
  describeSelected(w, object, formatLabelSelector(spec.selector))
  const controller = controllerOf(object)
  if (controller) w.field(0, 'Controlled By', controller)
  w.field(0, 'Replicas', `${status.replicas ?? 0} current / ${spec.replicas ?? 0} desired`)
  w.write(0, 'Pods Status:\t')
  const selector = labelSelectorText(spec.selector)
  const pods = await podsText(context.session, metadata, selector).catch((error) => `error in fetching pods: ${error.message}`)
  w.line(0, pods)
  describePodTemplate(w, spec.template)
  describeConditions(w, status.conditions)
  await describeEventsOf(w, object, context)
  return w
}

export async function describeReplicationController(object: Json, context: Context): Promise<Report> {
  const { metadata, spec, status = {} } = object
  const w = new Report()
  describeSelected(w, object, formatLabels(spec.selector))
  w.field(0, 'Replicas', `${status.replicas ?? 0} current / ${spec.replicas ?? 0} desired`)
  const selector = labelSelectorText({ matchLabels: spec.selector })
  w.field(0, 'Pods Status', await podsText(context.session, metadata, selector))
  describePodTemplate(w, spec.template)
  describeConditions(w, status.conditions)
  await describeEventsOf(w, object, context)
  return w
}

function describeSelected(w: Report, { metadata }: Json, selector: string): void {
  w.field(0, 'Name', metadata.name)
  w.field(0, 'Namespace', metadata.namespace)
  w.field(0, 'Selector', selector)
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
}

async function podsText(session: Session, { namespace, uid }: Json, labelSelector: string): Promise<string> {
  const list = await session.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, { query: { labelSelector } })
  const counts: Record<string, number> = {}
  for (const { metadata, status } of list.items ?? []) {
    if (!metadata.ownerReferences?.some((owner: Json) => owner.controller && owner.uid === uid)) continue
    counts[status.phase] = (counts[status.phase] ?? 0) + 1
  }
  const { Running = 0, Pending = 0, Succeeded = 0, Failed = 0 } = counts
  return `${Running} Running / ${Pending} Waiting / ${Succeeded} Succeeded / ${Failed} Failed`
}
