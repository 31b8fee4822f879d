/** The points after the decision: reserve and permit at once, then, while other pods are decided on, preBind, bind and postBind. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Timer } from '#lib/clock.ts'
import { formatDuration } from '#schema/go-time.ts'
import type { StatusError } from '#schema/status-error.ts'
import { histogram, type Placed, unavailable } from './cycle.ts'
import type { Extender } from './extenders/extender.ts'
import type { Actor, Rejection, WaitingPods } from './framework/plugin.ts'
import { type Run, reasonsOf } from './run.ts'

export interface Refusal {
  readonly rejection: Rejection
  readonly by: string
}

/** Takes what plugins keep count of; gives all of it back where one refuses. */
export function reserve({ run, node }: Placed): Refusal | undefined {
  for (const { plugin, cycle, skipsFilter } of run.running) {
    if (skipsFilter && plugin.filter) continue
    const rejection = plugin.reserve?.(cycle, node)
    if (!rejection) continue
    void unreserve(run, node.name)
    return refusalOn(rejection, { plugin: plugin.name, point: 'Reserve' })
  }
  return undefined
}

/** In the opposite order; with an `actor`, what was written for the pod is taken back, too. */
export async function unreserve(run: Run, node: string, actor?: Actor): Promise<void> {
  const writes = run.running.toReversed().map(({ plugin, cycle, skipsFilter }) => {
    return skipsFilter && plugin.filter ? undefined : plugin.unreserve?.(cycle, node, actor)
  })
  await Promise.all(writes)
}

/** By plugin: milliseconds that it may hold the pod back. */
export type Waits = ReadonlyMap<string, number>

/** Upstream's `maxTimeout`. */
const longestWait = 15 * 60_000

/** Who wants the pod to wait, or why it may not go on. */
export function permit({ run, node }: Placed, waiting: WaitingPods): Refusal | Waits {
  const waits = new Map<string, number>()
  for (const { plugin, cycle } of run.running) {
    const answer = plugin.permit?.(cycle, node, waiting)
    if (!answer) continue
    if ('wait' in answer) waits.set(plugin.name, Math.min(answer.wait, longestWait))
    else return refusalOn(answer, { plugin: plugin.name, point: 'Permit' })
  }
  return waits
}

/** Of the one node that was chosen, in upstream's words. */
function refusalOn(rejection: Rejection, { plugin, point }: { plugin: string; point: string }): Refusal {
  const message = rejection.error
    ? `running ${point} plugin "${plugin}": ${rejection.message}`
    : unavailable(1, histogram(new Map(reasonsOf(rejection).map((reason) => [reason, 1]))))
  return { rejection: { ...rejection, message }, by: plugin }
}

interface Waiting {
  readonly timers: Map<string, Timer>
  readonly verdict: PromiseWithResolvers<Refusal | undefined>
}

/** Pods that are held back by permit plugins. */
export class Permits implements WaitingPods {
  #waiting = new Map<string, Waiting>()

  /** Undefined when all who held the pod back allowed it, or why one did not; throws when the signal is aborted. */
  async wait({ metadata: { uid } }: Pod, waits: Waits, { clock, signal }: Actor): Promise<Refusal | undefined> {
    const verdict = Promise.withResolvers<Refusal | undefined>()
    const timers = new Map<string, Timer>()
    for (const [plugin, wait] of waits) {
      const message = `rejected due to timeout after waiting ${formatDuration(BigInt(wait) * 1_000_000n)} at plugin ${plugin}`
      timers.set(
        plugin,
        clock.after(wait, () => this.reject(uid, plugin, message)),
      )
    }
    this.#waiting.set(uid, { timers, verdict })
    const stop = () => verdict.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await verdict.promise
    } finally {
      signal.removeEventListener('abort', stop)
      for (const timer of timers.values()) timer.cancel()
      this.#waiting.delete(uid)
    }
  }

  allow(uid: string, plugin: string): void {
    const waiting = this.#waiting.get(uid)
    waiting?.timers.get(plugin)?.cancel()
    waiting?.timers.delete(plugin)
    if (waiting?.timers.size === 0) waiting.verdict.resolve(undefined)
  }

  reject(uid: string, plugin: string, message: string): boolean {
    const waiting = this.#waiting.get(uid)
    waiting?.verdict.resolve(refusalOn({ message }, { plugin, point: 'Permit' }))
    return waiting !== undefined
  }
}

/** Whether some plugin has something to do before the pod can be bound. */
export function takesTime({ run, node }: Placed): boolean {
  return run.running.some(
    ({ plugin, cycle, skipsFilter }) => !(skipsFilter && plugin.filter) && plugin.willPreBind?.(cycle, node.name) === true,
  )
}

export interface Binding extends Actor {
  /** Aborted when its room is needed for another one while it is not bound yet. */
  readonly preempted?: AbortSignal | undefined
  /** From now on it is bound, whatever comes. */
  onBinding?(): void
  /** The first that binds such pods does it in place of the plugins. */
  readonly extenders?: readonly Extender[]
}

/** Does what must be done before the pod can start, then binds it. Failures of the server are thrown. */
export async function bind(run: Run, node: string, { extenders = [], ...binding }: Binding): Promise<Refusal | undefined> {
  const { preempted, onBinding, ...actor } = binding
  const refusal = await preBind(run, node, { ...actor, preempted })
  if (refusal) return refusal
  onBinding?.()
  if (!(extenders.length > 0 && (await bindByExtender(run.pod, node, extenders)))) {
    for (const { plugin, cycle } of run.running) if (await plugin.bind?.(cycle, node, actor)) break
  }
  for (const { plugin, cycle } of run.running) plugin.postBind?.(cycle, node)
  return undefined
}

/** Whom others need the room of is as if it had not been placed, and tried again. */
async function preBind(run: Run, node: string, { preempted, ...actor }: Binding): Promise<Refusal | undefined> {
  const signal = preempted ? AbortSignal.any([actor.signal, preempted]) : actor.signal
  const because = { rejection: { message: `pod "${run.pod.metadata.name}" has been preempted` }, by: '' }
  for (const { plugin, cycle, skipsFilter } of run.running) {
    if ((skipsFilter && plugin.filter) || !plugin.preBind) continue
    try {
      const rejection = await plugin.preBind(cycle, node, { ...actor, signal })
      if (rejection && !preempted?.aborted) return { rejection, by: plugin.name }
    } catch (error) {
      if (!preempted?.aborted) throw error
    }
    if (preempted?.aborted) return because
  }
  return undefined
}

async function bindByExtender(pod: Pod, node: string, extenders: readonly Extender[]): Promise<boolean> {
  for (const extender of extenders) {
    if (!extender.binds || !extender.isInterested(pod)) continue
    try {
      await extender.bind(pod, node)
      return true
    } catch (error) {
      if (!extender.isIgnorable) throw error
    }
  }
  return false
}

/** The binding was refused since the pod is gone or has a node, not for something that it uses. */
export function isAboutPod({ details }: StatusError): boolean {
  return details?.kind === undefined || details.kind === 'pods' || details.kind === 'pods/binding'
}
