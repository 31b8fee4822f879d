/** The points after the decision: reserve and permit at once, then, while other pods are decided on, preBind, bind and postBind. */
import type { Pod } from '#api/core/v1/pod.ts'
import { sleep } from '#lib/clock.ts'
import type { Placed } from './cycle.ts'
import type { Extender } from './extenders/extender.ts'
import type { Actor, Rejection } from './framework/plugin.ts'
import type { Run } from './run.ts'

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
    unreserve(run, node.name)
    return { rejection, by: plugin.name }
  }
  return undefined
}

/** In the opposite order. */
export function unreserve(run: Run, node: string): void {
  for (const { plugin, cycle, skipsFilter } of run.running.toReversed()) {
    if (!(skipsFilter && plugin.filter)) plugin.unreserve?.(cycle, node)
  }
}

/** The longest that some plugin wants the pod to wait, in milliseconds, or why it may not go on. */
export function permit({ run, node }: Placed): Refusal | number {
  let wait = 0
  for (const { plugin, cycle } of run.running) {
    const answer = plugin.permit?.(cycle, node)
    if (!answer) continue
    if ('wait' in answer) wait = Math.max(wait, answer.wait)
    else return { rejection: answer, by: plugin.name }
  }
  return wait
}

/** Pods that are held back by a permit plugin. */
export class Permits {
  #waiting = new Map<string, PromiseWithResolvers<string | undefined>>()

  /** Undefined when the pod was allowed, or why it was not. */
  async wait(pod: Pod, milliseconds: number, { clock, signal }: Actor): Promise<string | undefined> {
    const { uid } = pod.metadata
    const verdict = Promise.withResolvers<string | undefined>()
    this.#waiting.set(uid, verdict)
    const stop = new AbortController()
    const timeout = sleep(clock, milliseconds, AbortSignal.any([signal, stop.signal])).then(
      () => 'timeout waiting for permit',
      () => undefined,
    )
    const answer = await Promise.race([verdict.promise, timeout])
    stop.abort()
    this.#waiting.delete(uid)
    return answer
  }

  allow(uid: string): void {
    this.#waiting.get(uid)?.resolve(undefined)
  }

  /** True when the pod was waiting. */
  reject(uid: string, message: string): boolean {
    const waiting = this.#waiting.get(uid)
    waiting?.resolve(message)
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
