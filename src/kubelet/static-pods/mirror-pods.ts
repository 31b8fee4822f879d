/**
 * Mirror pods: what the API shows of pods that come from files of the node (upstream `pkg/kubelet/pod/mirror_client.go`). One is there for each static
 * pod, is made again when somebody deletes it, and goes with its pod; no one can change the pod through it.
 */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { staticAnnotations } from './static-annotations.ts'

export interface MirrorPodsOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly nodeName: string
  /** The mirror that a static pod now has. */
  readonly onMirror: (podUid: string, mirror: Pod) => void
  readonly onError: (error: unknown) => void
}

interface Entry {
  wanted: Pod | undefined
  mirror: Pod | undefined
  isBusy: boolean
  isDirty: boolean
}

const firstPause = 500
const longestPause = 10_000

export class MirrorPods {
  readonly #options: MirrorPodsOptions
  readonly #entries = new Map<string, Entry>()

  constructor(options: MirrorPodsOptions) {
    this.#options = options
  }

  /** The static pod of that name; undefined when it is gone. */
  want(name: string, pod: Pod | undefined): void {
    const entry = this.#entry(name)
    entry.wanted = pod
    this.#poke(name, entry)
  }

  /** What the API has; undefined when it has none. */
  seen(name: string, mirror: Pod | undefined): void {
    const entry = this.#entry(name)
    entry.mirror = mirror
    this.#poke(name, entry)
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name) ?? { wanted: undefined, mirror: undefined, isBusy: false, isDirty: false }
    this.#entries.set(name, entry)
    return entry
  }

  #poke(name: string, entry: Entry): void {
    entry.isDirty = true
    if (!entry.isBusy) void this.#run(name, entry)
  }

  async #run(name: string, entry: Entry): Promise<void> {
    const { clock, signal, onError } = this.#options
    entry.isBusy = true
    let pause = firstPause
    while (entry.isDirty && !signal.aborted) {
      entry.isDirty = false
      try {
        await this.#reconcile(entry)
        pause = firstPause
      } catch (error) {
        if (signal.aborted) break
        onError(error)
        entry.isDirty = true
        await sleep(clock, pause, signal).catch(() => {})
        pause = Math.min(2 * pause, longestPause)
      }
    }
    entry.isBusy = false
    if (!entry.wanted && !entry.mirror) this.#entries.delete(name)
  }

  async #reconcile({ wanted, mirror }: Entry): Promise<void> {
    const { client, signal, onMirror } = this.#options
    if (mirror && wanted && isMirrorOf(mirror, wanted) && !mirror.metadata.deletionTimestamp) {
      return onMirror(wanted.metadata.uid, mirror)
    }
    if (mirror) {
      const preconditions = { uid: mirror.metadata.uid }
      await client.delete(Pod, mirror, { gracePeriodSeconds: 0, preconditions, signal }).catch(unless('NotFound', 'Conflict'))
    } else if (wanted) {
      await client.create(Pod, await this.#mirrorOf(wanted), { signal }).catch(unless('AlreadyExists'))
    }
  }

  async #mirrorOf({ metadata, spec }: Pod): Promise<Pod> {
    const { client, nodeName, signal } = this.#options
    const { uid } = (await client.get(Node, { name: nodeName }, { signal, resourceVersion: '0' })).metadata
    const { name, namespace, labels, annotations } = metadata
    const hash = { [staticAnnotations.mirror]: annotations?.[staticAnnotations.hash] ?? '' }
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid, controller: true }]
    return { metadata: { name, namespace, labels, annotations: { ...annotations, ...hash }, ownerReferences }, spec } as never
  }
}

export function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[staticAnnotations.mirror] !== undefined
}

function isMirrorOf(mirror: Pod, { metadata }: Pod): boolean {
  return mirror.metadata.annotations?.[staticAnnotations.mirror] === metadata.annotations?.[staticAnnotations.hash]
}

function unless(...reasons: Parameters<typeof hasReason>[1][]): (error: unknown) => void {
  return (error) => {
    if (!hasReason(error, ...(reasons as [Parameters<typeof hasReason>[1]]))) throw error
  }
}
