/** Describes a Pod. */
import type { Json } from '../session.ts'
import { describeContainers, describeResources } from './containers.ts'
import type { Context } from './describer.ts'
import { describeEvents, eventsOf } from './events.ts'
import { describeSpread } from './pod-template.ts'
import { controllerOf, describeAnnotations, describeLabels, describeTolerations, Report, since, timeText } from './report.ts'
import { describeVolumes } from './volumes.ts'

const mirror = 'kubernetes.io/config.mirror'

export async function describePod(pod: Json, context: Context): Promise<Report> {
  const w = new Report()
  describePlace(w, pod)
  describeState(w, pod)
  describeAllContainers(w, pod)
  describeGates(w, pod)
  const { metadata, spec, status = {} } = pod
  describeVolumes(w, spec.volumes)
  w.field(0, 'QoS Class', status.qosClass)
  describeLabels(w, 'Node-Selectors', spec.nodeSelector)
  describeTolerations(w, 'Tolerations', spec.tolerations)
  describeSpread(w, spec.topologySpreadConstraints)
  const uid = metadata.annotations?.[mirror] ?? metadata.uid
  const events = await eventsOf(pod, context, { kind: '', uid })
  if (events) describeEvents(w, events)
  return w
}

function describePlace(w: Report, { metadata, spec, status = {} }: Json): void {
  w.field(0, 'Name', metadata.name)
  w.field(0, 'Namespace', metadata.namespace)
  if (spec.priority !== undefined) w.field(0, 'Priority', spec.priority)
  if (spec.priorityClassName) w.field(0, 'Priority Class Name', spec.priorityClassName)
  if (spec.runtimeClassName) w.field(0, 'Runtime Class Name', spec.runtimeClassName)
  if (spec.serviceAccountName) w.field(0, 'Service Account', spec.serviceAccountName)
  w.field(0, 'Node', spec.nodeName ? `${spec.nodeName}/${status.hostIP ?? ''}` : '<none>')
  if (status.startTime) w.field(0, 'Start Time', timeText(status.startTime))
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
}

function describeState(w: Report, pod: Json): void {
  const { metadata, spec, status = {} } = pod
  const isEnded = status.phase === 'Failed' || status.phase === 'Succeeded'
  if (metadata.deletionTimestamp && !isEnded) {
    w.field(0, 'Status', `Terminating (lasts ${since(metadata.deletionTimestamp)})`)
    w.field(0, 'Termination Grace Period', `${metadata.deletionGracePeriodSeconds ?? 0}s`)
  } else w.field(0, 'Status', status.phase)
  if (status.reason) w.field(0, 'Reason', status.reason)
  if (status.message) w.field(0, 'Message', status.message)
  const profile = spec.securityContext?.seccompProfile
  if (profile) w.field(0, 'SeccompProfile', profile.type)
  if (profile?.type === 'Localhost') w.field(0, 'LocalhostProfile', profile.localhostProfile)
  w.field(0, 'IP', status.podIP)
  w.line(0, `IPs:${status.podIPs?.length ? '' : '\t<none>'}`)
  for (const { ip } of status.podIPs ?? []) w.field(1, 'IP', ip)
  const controller = controllerOf(pod)
  if (controller) w.field(0, 'Controlled By', controller)
  if (status.nominatedNodeName) w.field(0, 'NominatedNodeName', status.nominatedNodeName)
  if (spec.resources) {
    w.line(0, 'Resources:')
    describeResources(w, spec.resources, 1)
  }
}

function describeAllContainers(w: Report, pod: Json): void {
  const { spec, status = {} } = pod
  const groups = [
    { label: 'Init Containers', containers: spec.initContainers ?? [], statuses: status.initContainerStatuses },
    { label: 'Containers', containers: spec.containers, statuses: status.containerStatuses },
    { label: 'Ephemeral Containers', containers: spec.ephemeralContainers ?? [], statuses: status.ephemeralContainerStatuses },
  ]
  for (const group of groups) {
    if (group.containers.length > 0 || group.label === 'Containers') describeContainers(w, { ...group, pod, space: '' })
  }
}

function describeGates(w: Report, { spec, status = {} }: Json): void {
  const conditions: readonly Json[] = status.conditions ?? []
  if (spec.readinessGates?.length) {
    w.line(0, 'Readiness Gates:\n  Type\tStatus')
    for (const { conditionType } of spec.readinessGates) {
      w.line(1, `${conditionType} \t${conditions.find(({ type }) => type === conditionType)?.status ?? '<none>'} `)
    }
  }
  if (conditions.length === 0) return
  w.line(0, 'Conditions:\n  Type\tStatus')
  for (const condition of conditions) w.line(1, `${condition.type} \t${condition.status} `)
}
