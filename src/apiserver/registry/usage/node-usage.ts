/**
 * What nodes and their containers use, from the node agents' summaries. Only who asks causes work: a node is looked at when somebody wants
 * to know, at most every 15 seconds. CPU use is what was added to a counter between two looks, so the first answer takes a second.
 */
import { request as httpRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, sleep } from '#lib/clock.ts'
import type { NodeDialer } from '../../dialers.ts'

/** Milliseconds. */
const fresh = 15_000
/** A longer time would average away what is asked for. */
const longestWindow = 90_000
const shortestWindow = 1_000
const patience = 10_000
/** Nodes that are asked at once; the others wait. */
const mostAtOnce = 64
const largestSummary = 64 * 1024 * 1024

interface Counters {
  readonly cpu?: { readonly usageCoreNanoSeconds?: number }
  readonly memory?: { readonly workingSetBytes?: number }
}

export interface Summary {
  readonly node: Counters
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string }
    readonly containers?: readonly (Counters & { readonly name: string; readonly startTime?: string | null })[]
  }[]
}

export interface Use {
  /** Billionths of a core. */
  readonly cpuNanos: number
  readonly memoryBytes: number
}

export interface NodeUse {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly windowMs: number
  readonly node: Use
  /** By pod UID, then by name of the container. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Use>>
}

interface Look {
  readonly at: number
  readonly summary: Summary
}

export type FetchSummary = (node: string, signal: AbortSignal) => Promise<Summary>

export class NodeUsage {
  readonly #clock: Clock
  readonly #fetch: FetchSummary
  readonly #looks = new Map<string, Look>()
  readonly #known = new Map<string, NodeUse>()
  readonly #under = new Map<string, Promise<NodeUse | undefined>>()
  /** Nodes that did not answer, and when they were last asked: they are not asked again for each who wants to know. */
  readonly #silent = new Map<string, number>()
  readonly #waiting: (() => void)[] = []
  #sweptAt = 0
  #busy = 0

  constructor(clock: Clock, fetch: FetchSummary) {
    this.#clock = clock
    this.#fetch = fetch
  }

  /** Undefined where the node does not answer. Those who ask at once share one look. */
  of(node: string): Promise<NodeUse | undefined> {
    const known = this.#known.get(node)
    if (known && this.#clock.now() - known.at < fresh) return Promise.resolve(known)
    const silentSince = this.#silent.get(node)
    if (silentSince !== undefined && this.#clock.now() - silentSince < fresh) return Promise.resolve(undefined)
    let running = this.#under.get(node)
    if (!running) {
      running = this.#inTurn(node).finally(() => this.#under.delete(node))
      this.#under.set(node, running)
    }
    return running
  }

  async #inTurn(node: string): Promise<NodeUse | undefined> {
    if (this.#busy >= mostAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#busy++
    try {
      const use = await this.#measure(node)
      this.#silent.delete(node)
      return use
    } catch {
      this.#silent.set(node, this.#clock.now())
      return undefined
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#busy--
    }
  }

  async #measure(node: string): Promise<NodeUse> {
    let before = this.#looks.get(node)
    if (!before || this.#clock.now() - before.at > longestWindow) {
      before = await this.#look(node)
      await sleep(this.#clock, shortestWindow)
    }
    const after = await this.#look(node)
    const use = useBetween(before, after)
    this.#known.set(node, use)
    this.#sweep()
    return use
  }

  /** Nodes that nobody has asked for in a while, perhaps since they are gone. */
  #sweep(): void {
    const now = this.#clock.now()
    if (now - this.#sweptAt < longestWindow) return
    this.#sweptAt = now
    for (const [name, { at }] of this.#looks) if (now - at > longestWindow) this.#looks.delete(name)
    for (const [name, { at }] of this.#known) if (now - at > longestWindow) this.#known.delete(name)
    for (const [name, at] of this.#silent) if (now - at > longestWindow) this.#silent.delete(name)
  }

  async #look(node: string): Promise<Look> {
    const summary = await this.#fetch(node, AbortSignal.timeout(patience))
    const look = { at: this.#clock.now(), summary }
    this.#looks.set(node, look)
    return look
  }
}

/** Containers that one of both does not know are left out: nothing can be said of their CPU. */
export function useBetween(before: Look, after: Look): NodeUse {
  const windowMs = Math.max(1, after.at - before.at)
  const use = (old: Counters, now: Counters): Use | undefined => {
    const added = (now.cpu?.usageCoreNanoSeconds ?? 0) - (old.cpu?.usageCoreNanoSeconds ?? 0)
    // It began anew.
    if (added < 0) return undefined
    return { cpuNanos: Math.round((added * 1000) / windowMs), memoryBytes: now.memory?.workingSetBytes ?? 0 }
  }
  const olds = new Map(before.summary.pods?.map(({ podRef, containers = [] }) => [podRef.uid, containers]))
  const pods = new Map<string, ReadonlyMap<string, Use>>()
  for (const { podRef, containers = [] } of after.summary.pods ?? []) {
    const found = new Map<string, Use>()
    for (const container of containers) {
      const old = olds
        .get(podRef.uid)
        ?.find(({ name, startTime }) => name === container.name && startTime === container.startTime)
      const one = old && use(old, container)
      if (one) found.set(container.name, one)
    }
    if (found.size > 0) pods.set(podRef.uid, found)
  }
  return { at: after.at, windowMs, node: use(before.summary.node, after.summary.node) ?? { cpuNanos: 0, memoryBytes: 0 }, pods }
}

/** Reads `/stats/summary` of a node agent. */
export function summaryOver(dialer: NodeDialer): FetchSummary {
  return async (node, signal) => {
    const socket = await dialer.dial(node, signal)
    try {
      return JSON.parse(await getText(socket, { path: '/stats/summary?only_cpu_and_memory=true', signal }))
    } finally {
      socket.destroy()
    }
  }
}

function getText(socket: Duplex, { path, signal }: { path: string; signal: AbortSignal }): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'node', connection: 'close' }
    const asked = httpRequest({ createConnection: () => socket as never, path, headers, signal }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > largestSummary) response.destroy(new Error('the summary is too large'))
        else chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'))
        else reject(new Error(`the node agent answered ${response.statusCode}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}
