/** Tells pod workers that something of theirs changed in the runtime: from its events at once, and from a list now and then. */
import { type Clock, sleep } from '#lib/clock.ts'
import { labels, type Runtime } from '../cri/runtime.ts'

export interface RuntimeWatchOptions {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds between lists. */
  readonly relistPeriod: number
  readonly onChange: (podUid: string) => void
  readonly onError: (error: unknown) => void
}

const reconnect = 1000

/** Runs until the signal is aborted. */
export async function watchRuntime(options: RuntimeWatchOptions): Promise<void> {
  const lister = new RuntimeLister(options)
  await Promise.all([followEvents(lister, options), relist(lister, options)])
}

async function followEvents(
  lister: RuntimeLister,
  { runtime, clock, signal, onChange, onError }: RuntimeWatchOptions,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of runtime.events(signal)) {
        if (event.type === 'resync') await lister.compare()
        else {
          const uid = await lister.podOf(event.containerId)
          if (uid) onChange(uid)
        }
      }
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
    await sleep(clock, reconnect, signal).catch(() => {})
  }
}

async function relist(lister: RuntimeLister, { clock, signal, relistPeriod, onError }: RuntimeWatchOptions): Promise<void> {
  while (!signal.aborted) {
    await lister.compare().catch((error: unknown) => {
      if (!signal.aborted) onError(error)
    })
    await sleep(clock, relistPeriod, signal).catch(() => {})
  }
}

class RuntimeLister {
  readonly #options: RuntimeWatchOptions
  /** Container or sandbox id -> pod uid. */
  readonly #pods = new Map<string, string>()
  /** Pod uid -> what was there at the last list. */
  #seen = new Map<string, string>()

  constructor(options: RuntimeWatchOptions) {
    this.#options = options
  }

  async podOf(id: string): Promise<string | undefined> {
    const known = this.#pods.get(id)
    if (known) return known
    const { runtime } = this.#options
    const found = (await runtime.containerStatus(id)) ?? (await runtime.podSandboxStatus(id))
    const uid = found?.labels[labels.podUid]
    if (uid) this.#pods.set(id, uid)
    return uid
  }

  /** Tells of every pod that does not look as it did the last time. */
  async compare(): Promise<void> {
    const { runtime, onChange } = this.#options
    const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(), runtime.listContainers()])
    const parts = new Map<string, string[]>()
    const ids = new Set<string>()
    for (const { id, state, labels: own } of [...sandboxes, ...containers]) {
      const uid = own[labels.podUid]
      if (!uid) continue
      ids.add(id)
      this.#pods.set(id, uid)
      const list = parts.get(uid) ?? []
      list.push(`${id}=${state}`)
      parts.set(uid, list)
    }
    for (const id of this.#pods.keys()) if (!ids.has(id)) this.#pods.delete(id)
    const now = new Map([...parts].map(([uid, list]) => [uid, list.sort().join(' ')]))
    const before = this.#seen
    this.#seen = now
    for (const uid of new Set([...before.keys(), ...now.keys()])) if (before.get(uid) !== now.get(uid)) onChange(uid)
  }
}
