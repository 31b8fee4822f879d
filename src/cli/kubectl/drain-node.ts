/** Empties one node: which pods may go, their eviction, and the wait until they are gone (kubectl `pkg/drain`). */
import { sleep, systemClock } from '#lib/clock.ts'
import { hasReason, StatusError } from '#schema/status-error.ts'
import { boolean, duration, integer, text } from './command-line.ts'
import { dryRunOf, dryRunQuery } from './result.ts'
import { cordonFlags, say } from './schedulable.ts'
import type { Json } from './session.ts'
import type { VerbCall } from './verb.ts'

export const drainFlags = {
  ...cordonFlags,
  force: boolean(),
  'ignore-daemonsets': boolean(),
  'delete-emptydir-data': boolean(),
  'grace-period': integer(-1),
  timeout: duration(),
  'pod-selector': text(),
  'disable-eviction': boolean(),
  'skip-wait-for-delete-timeout': integer(),
  'chunk-size': integer(500),
} as const

export type DrainCall = VerbCall<typeof drainFlags>

interface Verdict {
  readonly goes: boolean
  readonly warning?: string
  readonly error?: string
}

const retryDelay = 5000

/** Answers what went wrong; nothing when the node is empty. */
export async function drainNode(call: DrainCall, node: string): Promise<readonly string[]> {
  const { err, out } = call
  let found: Found
  try {
    found = await podsOn(call, node)
  } catch (error) {
    return [(error as Error).message]
  }
  if (found.errors.length > 0) return found.errors
  if (found.warnings) err(`Warning: ${found.warnings}\n`)
  if (dryRunOf(call) === 'client') {
    for (const { metadata } of found.pods) out(`evicting pod ${metadata.namespace}/${metadata.name} (dry run)\n`)
    return []
  }
  const errors = call.flags['disable-eviction'] ? await deleteAll(call, found.pods) : await evictAll(call, found.pods)
  if (errors.length > 0) await tellPending(call, node, errors)
  return errors
}

async function tellPending(call: DrainCall, node: string, errors: readonly string[]): Promise<void> {
  const { pods } = await podsOn(call, node)
  if (pods.length === 0) return
  call.err(`There are pending pods in node ${JSON.stringify(node)} when an error occurred: ${aggregateText(errors)}\n`)
  for (const { metadata } of pods) call.err(`pod/${metadata.name}\n`)
}

interface Found {
  readonly pods: readonly Json[]
  readonly warnings: string
  readonly errors: readonly string[]
}

async function podsOn(call: DrainCall, node: string): Promise<Found> {
  const query = { fieldSelector: `spec.nodeName=${node}`, labelSelector: call.flags['pod-selector'] || undefined }
  const list = await call.session.get('/api/v1/pods', { query })
  const pods: Json[] = []
  const warned = new Map<string, string[]>()
  const refused = new Map<string, string[]>()
  const add = (map: Map<string, string[]>, text: string, { metadata }: Json) =>
    map.set(text, [...(map.get(text) ?? []), `${metadata.namespace}/${metadata.name}`])
  for (const pod of list.items ?? []) {
    const { goes, warning, error } = await judge(call, pod)
    if (goes) pods.push(pod)
    if (warning) add(warned, warning, pod)
    if (error) add(refused, error, pod)
  }
  const lines = (map: Map<string, string[]>) => [...map].map(([text, names]) => `${text}: ${names.join(', ')}`)
  return { pods, warnings: lines(warned).join('; '), errors: lines(refused).map((line) => `cannot delete ${line}`) }
}

/** The first rule that keeps the pod decides, else the last one. */
async function judge(call: DrainCall, pod: Json): Promise<Verdict> {
  let verdict: Verdict = { goes: true }
  for (const rule of [isLongGone, ofDaemonSet, isMirror, hasLocalData, isUnmanaged]) {
    verdict = await rule(call, pod)
    if (!verdict.goes) break
  }
  return verdict
}

function isLongGone({ flags }: DrainCall, { metadata }: Json): Verdict {
  const limit = flags['skip-wait-for-delete-timeout']
  const since = metadata.deletionTimestamp ? systemClock.now() - Date.parse(metadata.deletionTimestamp) : 0
  return { goes: !(limit > 0 && Math.floor(since / 1000) > limit) }
}

function controllerOf({ metadata }: Json): Json | undefined {
  return (metadata.ownerReferences ?? []).find(({ controller }: Json) => controller)
}

function isFinished({ status }: Json): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

async function ofDaemonSet({ session, flags }: DrainCall, pod: Json): Promise<Verdict> {
  const owner = controllerOf(pod)
  if (owner?.kind !== 'DaemonSet' || owner.apiVersion !== 'apps/v1' || isFinished(pod)) return { goes: true }
  try {
    await session.get(
      `/apis/apps/v1/namespaces/${encodeURIComponent(pod.metadata.namespace)}/daemonsets/${encodeURIComponent(owner.name)}`,
    )
  } catch (error) {
    const { message } = error as Error
    return hasReason(error, 'NotFound') && flags.force ? { goes: true, warning: message } : { goes: false, error: message }
  }
  if (flags['ignore-daemonsets']) return { goes: false, warning: 'ignoring DaemonSet-managed Pods' }
  return { goes: false, error: 'DaemonSet-managed Pods (use --ignore-daemonsets to ignore)' }
}

function isMirror(_: DrainCall, { metadata }: Json): Verdict {
  return { goes: metadata.annotations?.['kubernetes.io/config.mirror'] === undefined }
}

function hasLocalData({ flags }: DrainCall, pod: Json): Verdict {
  if (!(pod.spec.volumes ?? []).some(({ emptyDir }: Json) => emptyDir) || isFinished(pod)) return { goes: true }
  if (flags['delete-emptydir-data']) return { goes: true, warning: 'deleting Pods with local storage' }
  return { goes: false, error: 'Pods with local storage (use --delete-emptydir-data to override)' }
}

function isUnmanaged({ flags }: DrainCall, pod: Json): Verdict {
  if (isFinished(pod) || controllerOf(pod)) return { goes: true }
  if (flags.force) return { goes: true, warning: 'deleting Pods that declare no controller' }
  return { goes: false, error: 'Pods that declare no controller (use --force to override)' }
}

function podPathOf({ metadata }: Json): string {
  return `/api/v1/namespaces/${encodeURIComponent(metadata.namespace)}/pods/${encodeURIComponent(metadata.name)}`
}

function deleteOptions(call: DrainCall): Json {
  const grace = call.flags['grace-period']
  return { ...(grace >= 0 && { gracePeriodSeconds: grace }), ...(dryRunOf(call) === 'server' && { dryRun: ['All'] }) }
}

async function evictAll(call: DrainCall, pods: readonly Json[]): Promise<string[]> {
  const { timeout } = call.flags
  const end = timeout > 0 ? systemClock.monotonic() + timeout : Number.POSITIVE_INFINITY
  const results = await Promise.all(pods.map((pod) => evict(call, pod, end)))
  return results.filter((result) => result !== undefined)
}

/** Tries until the pod may go, then waits for it to be gone. Answers what went wrong. */
async function evict(call: DrainCall, pod: Json, end: number): Promise<string | undefined> {
  const { session, err, out, flags, terminal } = call
  const { namespace, name } = pod.metadata
  const title = `pods/${JSON.stringify(name)} -n ${JSON.stringify(namespace)}`
  const isServerDry = dryRunOf(call) === 'server'
  for (;;) {
    out(`evicting pod ${namespace}/${name}${isServerDry ? ' (server dry run)' : ''}\n`)
    if (systemClock.monotonic() >= end) {
      return `error when evicting ${title}: global timeout reached: ${flags.timeout / 1000}s`
    }
    try {
      const body = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace },
        deleteOptions: deleteOptions(call),
      }
      await session.request('POST', `${podPathOf(pod)}/eviction`, { body, query: dryRunQuery(dryRunOf(call)) })
      break
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      const message = (error as Error).message
      const isEnding = isTerminating(error)
      if (isEnding && pod.metadata.deletionTimestamp) break
      if (!isEnding && (error as StatusError).code !== 429) return `error when evicting ${title}: ${message}`
      err(
        isEnding
          ? `error when evicting pod ${JSON.stringify(name)} from terminating namespace ${JSON.stringify(namespace)} (will retry after 5s): ${message}\n`
          : `error when evicting ${title} (will retry after 5s): ${message}\n`,
      )
      await sleep(systemClock, retryDelay, terminal.signal)
    }
  }
  if (isServerDry) return undefined
  const failure = await waitGone(call, [pod], { end, done: 'evicted' })
  return (
    failure &&
    `error when waiting for pod ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)} to terminate: ${failure}`
  )
}

function isTerminating(error: unknown): boolean {
  if (!(error instanceof StatusError) || error.reason !== 'Forbidden') return false
  return (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
}

async function deleteAll(call: DrainCall, pods: readonly Json[]): Promise<string[]> {
  const { timeout } = call.flags
  for (const pod of pods) {
    try {
      await call.session.request('DELETE', podPathOf(pod), { body: deleteOptions(call), query: dryRunQuery(dryRunOf(call)) })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) return [(error as Error).message]
    }
  }
  const end = timeout > 0 ? systemClock.monotonic() + timeout : Number.POSITIVE_INFINITY
  const failure = await waitGone(call, pods, { end, done: 'deleted' })
  return failure ? [failure] : []
}

async function waitGone(
  call: DrainCall,
  pods: readonly Json[],
  { end, done }: { end: number; done: string },
): Promise<string | undefined> {
  let left = pods
  for (;;) {
    const pending: Json[] = []
    for (const pod of left) {
      const current = await call.session.get(podPathOf(pod)).catch((error) => {
        if (!hasReason(error, 'NotFound')) throw error
        return undefined
      })
      const limit = call.flags['skip-wait-for-delete-timeout']
      if (!current || current.metadata.uid !== pod.metadata.uid) say(call, `pod/${pod.metadata.name} ${done}`)
      else if (isLongGone(call, current).goes) pending.push(pod)
      else call.out(`pod ${pod.metadata.name} has DeletionTimestamp older than ${limit} seconds, skipping\n`)
    }
    left = pending
    if (left.length === 0) return undefined
    if (systemClock.monotonic() >= end) return 'context deadline exceeded'
    await sleep(systemClock, 1000, call.terminal.signal)
  }
}

/** As Go words several errors in one. */
export function aggregateText(errors: readonly string[]): string {
  const [first = ''] = errors
  return errors.length === 1 ? first : `[${errors.join(', ')}]`
}
