/** Describes a Node: conditions, resources, and the pods on it. */
import { milliValue, parseQuantity, quantityValue } from '#schema/quantity.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Json, Session } from '../session.ts'
import type { Context } from './describer.ts'
import { describeEvents, eventsOf } from './events.ts'
import { type Amounts, addAmounts, amountText, podAmounts } from './pod-amounts.ts'
import { describeAnnotations, describeLabels, multiline, Report, since, timeText } from './report.ts'

export async function describeNode(node: Json, context: Context): Promise<Report> {
  const { metadata, spec = {}, status = {} } = node
  const w = new Report()
  w.field(0, 'Name', metadata.name)
  w.field(0, 'Roles', rolesOf(metadata.labels).join(',') || '<none>')
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
  w.field(0, 'CreationTimestamp', timeText(metadata.creationTimestamp))
  multiline(w, 'Taints', taintsOf(spec.taints))
  w.field(0, 'Unschedulable', Boolean(spec.unschedulable))
  await describeLease(w, metadata.name, context.session)
  describeConditions(w, status.conditions)
  w.line(0, 'Addresses:')
  for (const { type, address } of status.addresses ?? []) w.field(1, type, address)
  describeList(w, 'Capacity', status.capacity)
  describeList(w, 'Allocatable', status.allocatable)
  describeSystem(w, status.nodeInfo ?? {})
  if (spec.podCIDR) w.field(0, 'PodCIDR', spec.podCIDR)
  if (spec.podCIDRs?.length) w.field(0, 'PodCIDRs', spec.podCIDRs.join(','))
  if (spec.providerID) w.field(0, 'ProviderID', spec.providerID)
  const pods = await podsOn(context.session, metadata.name)
  if (pods) describePods(w, pods, status.allocatable ?? status.capacity ?? {})
  else w.field(0, 'Pods', 'not authorized')
  const events = await eventsOf(node, context)
  // The kubelet has always used the node's name where others use its uid.
  if (events) describeEvents(w, [...events, ...((await eventsOf(node, context, { uid: metadata.name })) ?? [])])
  return w
}

function rolesOf(labels: Readonly<Record<string, string>> = {}): string[] {
  const prefix = 'node-role.kubernetes.io/'
  const roles = Object.entries(labels).flatMap(([key, value]) => {
    if (key.startsWith(prefix)) return key.length > prefix.length ? [key.slice(prefix.length)] : []
    return key === 'kubernetes.io/role' && value ? [value] : []
  })
  return [...new Set(roles)].sort()
}

function taintsOf(taints: readonly Json[] = []): string[] {
  const key = ({ effect, key }: Json) => `${effect},${key}`
  return taints
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map(({ key, value, effect }) => (effect ? `${key}${value ? `=${value}` : ''}:${effect}` : value ? `${key}=${value}:` : key))
}

async function describeLease(w: Report, name: string, session: Session): Promise<void> {
  let lease: Json
  try {
    lease = await session.get(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${encodeURIComponent(name)}`)
  } catch (error) {
    return w.field(0, 'Lease', `Failed to get lease: ${(error as Error).message}`)
  }
  const { holderIdentity, acquireTime, renewTime } = lease.spec ?? {}
  w.line(0, 'Lease:')
  w.field(1, 'HolderIdentity', holderIdentity ?? '<unset>')
  w.field(1, 'AcquireTime', acquireTime ? timeText(acquireTime) : '<unset>')
  w.field(1, 'RenewTime', renewTime ? timeText(renewTime) : '<unset>')
}

function describeConditions(w: Report, conditions: readonly Json[] = []): void {
  if (conditions.length === 0) return
  w.line(0, 'Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage')
  w.line(1, '----\t------\t-----------------\t------------------\t------\t-------')
  for (const { type, status, lastHeartbeatTime, lastTransitionTime, reason = '', message = '' } of conditions) {
    w.line(1, `${type} \t${status} \t${timeText(lastHeartbeatTime)} \t${timeText(lastTransitionTime)} \t${reason} \t${message}`)
  }
}

function describeList(w: Report, title: string, list: Readonly<Record<string, string>> = {}): void {
  const names = Object.keys(list).sort()
  if (names.length === 0) return
  w.line(0, `${title}:`)
  for (const name of names) w.field(1, name, list[name])
}

function describeSystem(w: Report, info: Json): void {
  w.line(0, 'System Info:')
  w.field(1, 'Machine ID', info.machineID)
  w.field(1, 'System UUID', info.systemUUID)
  w.field(1, 'Boot ID', info.bootID)
  w.field(1, 'Kernel Version', info.kernelVersion)
  w.field(1, 'OS Image', info.osImage)
  w.field(1, 'Operating System', info.operatingSystem)
  w.field(1, 'Architecture', info.architecture)
  w.field(1, 'Container Runtime Version', info.containerRuntimeVersion)
  w.field(1, 'Kubelet Version', info.kubeletVersion)
}

/** Undefined for those who may not list pods. */
async function podsOn(session: Session, name: string): Promise<Json[] | undefined> {
  const fieldSelector = `spec.nodeName=${name},status.phase!=Succeeded,status.phase!=Failed`
  try {
    return (await session.get('/api/v1/pods', { query: { fieldSelector } })).items ?? []
  } catch (error) {
    if (hasReason(error, 'Forbidden')) return undefined
    throw error
  }
}

function describePods(w: Report, pods: readonly Json[], allocatable: Readonly<Record<string, string>>): void {
  w.field(0, 'Non-terminated Pods', `(${pods.length} in total)`)
  w.line(1, 'Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge')
  w.line(1, '---------\t----\t\t------------\t----------\t---------------\t-------------\t---')
  const requests: Amounts = new Map()
  const limits: Amounts = new Map()
  for (const pod of pods) {
    const asked = podAmounts(pod, 'requests')
    const most = podAmounts(pod, 'limits')
    addAmounts(requests, asked)
    addAmounts(limits, most)
    const cells = ['cpu', 'memory'].flatMap((name) => [asked, most].map((amounts) => shareText(amounts, name, allocatable)))
    w.line(1, `${pod.metadata.namespace}\t${pod.metadata.name}\t\t${cells.join('\t')}\t${since(pod.metadata.creationTimestamp)}`)
  }
  w.line(0, 'Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)')
  w.line(1, 'Resource\tRequests\tLimits')
  w.line(1, '--------\t--------\t------')
  const names = Object.keys(allocatable).sort()
  const pages = names.filter((name) => name.startsWith('hugepages-'))
  for (const name of ['cpu', 'memory', 'ephemeral-storage', ...pages]) {
    w.line(1, `${name}\t${shareText(requests, name, allocatable)}\t${shareText(limits, name, allocatable)}`)
  }
  const known = new Set(['cpu', 'memory', 'ephemeral-storage', 'pods', ...pages])
  for (const name of names.filter((name) => !known.has(name))) {
    w.line(1, `${name}\t${amountText(requests, name)}\t${amountText(limits, name)}`)
  }
}

/** `100m (5%)` */
function shareText(amounts: Amounts, name: string, allocatable: Readonly<Record<string, string>>): string {
  const amountOf = name === 'cpu' ? milliValue : quantityValue
  const whole = amountOf(parseQuantity(allocatable[name] ?? '0'))
  const text = amountText(amounts, name)
  const share = whole === 0 ? 0 : Math.trunc((amountOf(parseQuantity(text)) / whole) * 100)
  return `${text} (${share}%)`
}
