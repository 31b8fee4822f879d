/** Writes pod statuses to the API: the newest one of each pod, one write at a time, until the server has it. */
import { isDeepStrictEqual } from 'node:util'
import { Pod, type PodCondition, type PodStatus } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { ownConditions } from './conditions.ts'

export interface StatusWriterOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onError?: ((error: unknown) => void) | undefined
}

interface Entry {
  pod: Pod
  wanted: PodStatus
  /** What the server has of ours. */
  written: PodStatus
  writing: Promise<void> | undefined
  /** Of the object after our last write. */
  version: bigint
}

const firstPause = 500
const longestPause = 10_000

/**
 * Guarantees: `set` returns at once; writes of one pod come in order and may skip states; a pod that is gone, or whose name
 * another pod has taken, is never written to. Statuses that change nothing are not sent.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  readonly #entries = new Map<string, Entry>()
  /** By uid, static pods and the mirrors that the API has of them: what is said of one goes to the other. */
  readonly #mirrors = new Map<string, Pod | undefined>()

  constructor(options: StatusWriterOptions) {
    this.#options = options
  }

  /** The status last handed in, or the API's. */
  last(pod: Pod): PodStatus {
    const { uid } = pod.metadata
    return this.#entries.get(uid)?.wanted ?? this.#mirrors.get(uid)?.status ?? pod.status
  }

  /** The API has no such pod: until its mirror is seen nothing is written. */
  expectMirror(podUid: string): void {
    this.#mirrors.set(podUid, this.#mirrors.get(podUid))
  }

  mirrored(podUid: string, mirror: Pod): void {
    const known = this.#mirrors.get(podUid)
    this.#mirrors.set(podUid, mirror)
    const entry = this.#entries.get(podUid)
    const isNew = known?.metadata.uid !== mirror.metadata.uid
    if (!entry || (!isNew && (entry.writing || versionOf(mirror) <= entry.version))) return
    entry.written = mirror.status
    entry.version = versionOf(mirror)
    this.#start(entry)
  }

  set(pod: Pod, status: PodStatus): void {
    const entry = this.#entries.get(pod.metadata.uid)
    if (entry) {
      entry.pod = pod
      entry.wanted = status
      this.#start(entry)
      return
    }
    const { status: written, ...rest } = this.#targetOf(pod) ?? pod
    const fresh: Entry = { pod, wanted: status, written, writing: undefined, version: versionOf(rest) }
    this.#entries.set(pod.metadata.uid, fresh)
    this.#start(fresh)
  }

  /** The object as the API has it: what somebody else changed in it is written again (upstream: `needsReconcile`). */
  reconcile(pod: Pod): void {
    const entry = this.#entries.get(pod.metadata.uid)
    if (!entry || entry.writing || versionOf(pod) <= entry.version) return
    entry.pod = pod
    entry.written = pod.status
    entry.version = versionOf(pod)
    this.#start(entry)
  }

  /** Resolves when the server has the newest status, or will never take it. */
  async settled(podUid: string): Promise<void> {
    for (let entry = this.#entries.get(podUid); entry?.writing; entry = this.#entries.get(podUid)) await entry.writing
  }

  forget(podUid: string): void {
    this.#entries.delete(podUid)
    this.#mirrors.delete(podUid)
  }

  #start(entry: Entry): void {
    if (entry.writing || !this.#targetOf(entry.pod) || isDeepStrictEqual(entry.wanted, entry.written)) return
    entry.writing = this.#write(entry)
  }

  /** The object that the status belongs to. */
  #targetOf(pod: Pod): Pod | undefined {
    const { uid } = pod.metadata
    return this.#mirrors.has(uid) ? this.#mirrors.get(uid) : pod
  }

  async #write(entry: Entry): Promise<void> {
    const { client, clock, signal, onError } = this.#options
    let pause = firstPause
    while (!signal.aborted && !isDeepStrictEqual(entry.wanted, entry.written)) {
      const { wanted } = entry
      const pod = this.#targetOf(entry.pod)
      if (!pod) break
      try {
        const body = { metadata: { uid: pod.metadata.uid }, status: statusPatch(entry.written, wanted) }
        const after = await client.patch(Pod, pod, { type: 'strategic', body }, { subresource: 'status', signal })
        entry.written = wanted
        entry.version = versionOf(after)
        pause = firstPause
      } catch (error) {
        if (signal.aborted) return
        if (hasReason(error, 'NotFound', 'Conflict', 'Invalid')) {
          entry.written = wanted
          if (hasReason(error, 'Invalid')) onError?.(error)
          continue
        }
        onError?.(error)
        await sleep(clock, pause, signal).catch(() => {})
        pause = Math.min(pause * 2, longestPause)
      }
    }
    // In the same moment as the last comparison: what is wanted from now on begins anew.
    entry.writing = undefined
  }
}

/** Compared as numbers, which KEP-5504 allows. */
function versionOf({ metadata: { resourceVersion } }: Pick<Pod, 'metadata'>): bigint {
  return BigInt(resourceVersion || 0)
}

/**
 * The strategic merge patch from one status to the next. Conditions are merged by type, and only the agent's own are sent;
 * addresses are merged by `ip`, so those that went are deleted by name.
 */
export function statusPatch(from: PodStatus, to: PodStatus): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  const before = from as Readonly<Record<string, unknown>>
  const after = to as Readonly<Record<string, unknown>>
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (isDeepStrictEqual(before[key], after[key])) continue
    if (after[key] === undefined) patch[key] = null
    else patch[key] = after[key]
  }
  if (patch.conditions) patch.conditions = conditionPatches(from.conditions ?? [], to.conditions ?? [])
  for (const key of ['podIPs', 'hostIPs'] as const) {
    if (!Array.isArray(patch[key])) continue
    const kept = new Set(to[key]?.map(({ ip }) => ip))
    const gone = (from[key] ?? []).filter(({ ip }) => !kept.has(ip)).map(({ ip }) => ({ $patch: 'delete', ip }))
    patch[key] = [...(to[key] ?? []), ...gone]
  }
  return patch
}

/** What a condition no longer says must be taken back by name. */
function conditionPatches(from: readonly PodCondition[], to: readonly PodCondition[]): object[] {
  const own = to.filter(({ type }) => ownConditions.has(type))
  const kept = new Set(to.map(({ type }) => type))
  const gone = from.filter(({ type }) => ownConditions.has(type) && !kept.has(type))
  const set = own.map((condition) => {
    const before = from.find(({ type }) => type === condition.type)
    return {
      ...condition,
      ...(before?.reason && !condition.reason && { reason: null }),
      ...(before?.message && !condition.message && { message: null }),
    }
  })
  return [...set, ...gone.map(({ type }) => ({ $patch: 'delete', type }))]
}
