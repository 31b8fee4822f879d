/** The pod that a command is about: named itself, or one of a workload's; and the container in it. */
import { watchEvents } from '#client/watch-lines.ts'
import { labelSelectorText } from '#schema/selector.ts'
import { pathOf, type Resource } from './discovery.ts'
import { KubectlError } from './errors.ts'
import { fetchObjects, findTargets } from './resources.ts'
import { collect, type Json, type Session, statusError } from './session.ts'

/** `web`, `pod/web` or `deployment/web`: a bare name is a pod's. */
export async function objectOf(session: Session, argument: string): Promise<Json> {
  const args = argument.includes('/') ? [argument] : ['pods', argument]
  const { items } = await findTargets(session, { args })
  const [target] = items
  if (!target || items.length > 1) throw new KubectlError('expected a resource')
  for await (const { object } of fetchObjects(session, target)) return object
  throw new KubectlError('expected a resource')
}

/** The labels of the pods that belong to the object; undefined for kinds that have none. */
export function selectorOf({ kind, spec }: Json): string | undefined {
  switch (kind) {
    case 'Deployment':
    case 'ReplicaSet':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'Job':
      return labelSelectorText(spec.selector)
    case 'ReplicationController':
    case 'Service':
      return spec.selector && Object.keys(spec.selector).length > 0
        ? labelSelectorText({ matchLabels: spec.selector })
        : undefined
    default:
      return undefined
  }
}

export interface PodsOptions {
  readonly namespace: string
  readonly selector: string
  /** Milliseconds to wait for a first pod. */
  readonly timeout: number
  /** For logs, of two pods alike the one that restarted more comes first; otherwise the other. */
  readonly forLogs?: boolean
}

/** All pods, the most useful first; waits until there is one. */
export async function podsOf(session: Session, { namespace, selector, timeout, forLogs = false }: PodsOptions): Promise<Json[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`
  const list = await session.get(path, { query: { labelSelector: selector } })
  const pods: Json[] = list.items ?? []
  if (pods.length > 0) return pods.sort((a, b) => usefulness(a, b, forLogs))
  const signal = AbortSignal.timeout(Math.max(Math.ceil(timeout), 1))
  try {
    const query = { labelSelector: selector, watch: 'true', resourceVersion: list.metadata?.resourceVersion }
    const answer = await session.raw('GET', path, { query, signal })
    if (answer.status >= 300) throw statusError(answer.status, await collect(answer.body))
    for await (const events of watchEvents(answer.body)) {
      const found = events.find(({ type }) => type === 'ADDED' || type === 'MODIFIED')
      if (found) return [found.object]
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  throw new KubectlError('timed out waiting for the condition')
}

/** One pod of the object, for exec and port-forward. */
export async function attachablePod(
  session: Session,
  object: Json,
  { timeout, doing }: { timeout: number; doing: string },
): Promise<Json> {
  if (object.kind === 'Pod') return object
  const selector = selectorOf(object)
  if (selector === undefined)
    throw new KubectlError(`cannot ${doing} ${goType(object)}: selector for ${goType(object)} not implemented`)
  const [pod] = await podsOf(session, { namespace: object.metadata.namespace, selector, timeout })
  return pod as Json
}

/** The type's name in Go, as errors have it. */
export function goType({ apiVersion = '', kind = '' }: Json): string {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  return `*${group ? group.split('.')[0] : ''}${version}.${kind}`.replace('*apps', '*')
}

/** Assigned, running, ready, ready for long, old: in this order (kubectl `podutils`). */
function usefulness(a: Json, b: Json, forLogs: boolean): number {
  const phases: Record<string, number> = { Running: 0, Unknown: 1, Pending: 2 }
  const readySince = (pod: Json) => {
    const ready = (pod.status?.conditions ?? []).find(({ type }: Json) => type === 'Ready')
    return ready?.status === 'True'
      ? Date.parse(ready.lastTransitionTime ?? '') || Number.MAX_SAFE_INTEGER
      : Number.POSITIVE_INFINITY
  }
  const restarts = (pod: Json) => Math.max(0, ...(pod.status?.containerStatuses ?? []).map((one: Json) => one.restartCount ?? 0))
  const born = (pod: Json) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0
  const phase = (pod: Json) => phases[pod.status?.phase] ?? 0
  return (
    Number(!a.spec.nodeName) - Number(!b.spec.nodeName) ||
    phase(a) - phase(b) ||
    difference(readySince(a), readySince(b)) ||
    (forLogs ? restarts(b) - restarts(a) : restarts(a) - restarts(b)) ||
    born(a) - born(b)
  )
}

function difference(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}

const defaultAnnotation = 'kubectl.kubernetes.io/default-container'

/** The container that was named, or the pod's default; says on `err` which one where there are several. */
export function containerOf(pod: Json, wanted: string, err?: (text: string) => void): string {
  const name = wanted || pod.metadata.annotations?.[defaultAnnotation] || ''
  if (name) {
    if (containersOf(pod).some((container) => container.name === name)) return name
    throw new KubectlError(`container ${name} is not valid for pod ${pod.metadata.name} out of: ${containerNames(pod)}`)
  }
  const first: string = pod.spec.containers[0].name
  if (containersOf(pod).length > 1) err?.(`Defaulted container ${JSON.stringify(first)} out of: ${containerNames(pod)}\n`)
  return first
}

/** Init containers first, as they run. */
export function containersOf({ spec }: Json): Json[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
}

function containerNames({ spec }: Json): string {
  const names = (list: readonly Json[] | undefined, mark: string) => (list ?? []).map(({ name }) => name + mark)
  return [
    ...names(spec.containers, ''),
    ...names(spec.ephemeralContainers, ' (ephem)'),
    ...names(spec.initContainers, ' (init)'),
  ].join(', ')
}

export function podPath({ metadata }: Json, subresource: string): string {
  const pods = { group: '', version: 'v1', plural: 'pods', namespaced: true } as Resource
  return pathOf(pods, { namespace: metadata.namespace, name: metadata.name, subresource })
}
