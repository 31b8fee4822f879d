/** The loop of one controller: changes become keys in a queue, workers take keys and reconcile what they name. */
import type { Ref } from '#client/client.ts'
import { keyOf, refOfKey } from '#client/indexed-store.ts'
import { createWorkQueue, type QueueWatcher, type WorkQueue } from '#client/work-queue.ts'
import type { Clock } from '#lib/clock.ts'
import type { GiveWay } from '#lib/turn.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { KindCache } from './cache.ts'
import { type Again, type Change, type Controller, TerminalError, type Watch } from './controller.ts'
import type { ControllerCluster } from './controller-cluster.ts'
import type { Visit } from './run.ts'

export interface LoopOptions {
  readonly cluster: ControllerCluster
  readonly caches: ReadonlyMap<Kind, KindCache<any>>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onError: (error: unknown, key?: string) => void
  readonly onVisit?: ((visit: Visit) => void) | undefined
  readonly watcher?: QueueWatcher | undefined
  readonly giveWay?: GiveWay | undefined
}

/** Resolves when the signal was aborted and the last worker has ended. */
export async function startLoop(controller: Controller, options: LoopOptions): Promise<void> {
  if (!controller.reconcile && !controller.reconcileAbsent) return
  const queue = createWorkQueue({ clock: options.clock, watcher: options.watcher })
  const stop = () => queue.close()
  if (options.signal.aborted) return
  options.signal.addEventListener('abort', stop, { once: true })
  const unwatch = watchAll(controller, options, queue)
  for (const at of controller.starts ?? []) queue.add(keyOf(at))
  await Promise.all(Array.from({ length: controller.workers ?? usualWorkers }, () => work(controller, options, queue)))
  for (const end of unwatch) end()
  options.signal.removeEventListener('abort', stop)
}

async function work(controller: Controller, options: LoopOptions, queue: WorkQueue): Promise<void> {
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    const started = options.clock.monotonic()
    const result = await visit(controller, { options, queue, key })
    const took = options.clock.monotonic() - started
    rest(options.clock, took, () => queue.done(key))
    options.onVisit?.({ controller: controller.name, result, seconds: took / 1000 })
    for (let wait = options.giveWay?.(); wait; wait = options.giveWay?.()) await wait
  }
}

/** Visits that take longer are followed by a pause, in milliseconds. */
const briefly = 5
const longestRest = 50

/**
 * What costs much rests for a while: what happens to it meanwhile leads to one visit and one status instead of many. So no object takes
 * more than a third of the time, and thousands of pods that become ready one by one are not counted as often.
 */
function rest(clock: Clock, took: number, done: () => void): void {
  if (took < briefly) done()
  else clock.after(Math.min(2 * took, longestRest), done)
}

const usualWorkers = 32

/** So many conflicts in a row are no bad luck any more. */
const mostSilent = 5

async function visit(
  controller: Controller,
  { options, queue, key }: { options: LoopOptions; queue: WorkQueue; key: string },
): Promise<Visit['result']> {
  try {
    const again = await reconcile(controller, options.cluster, refOfKey(key))
    queue.forget(key)
    if (!again) return 'success'
    queue.addAfter(key, again.after * 1000)
    return 'requeue_after'
  } catch (error) {
    if (options.signal.aborted) return 'error'
    // That is how optimistic writers learn that their cache was behind; the next visit sees why.
    const behind = hasReason(error, 'Conflict', 'NotFound')
    if (!behind || queue.failures(key) >= mostSilent) options.onError(error, key)
    if (error instanceof TerminalError) queue.forget(key)
    else queue.addRateLimited(key)
    return 'error'
  }
}

async function reconcile(controller: Controller, cluster: ControllerCluster, at: Ref): Promise<Again | undefined | void> {
  const object = cluster.get(controller.for, at)
  if (object) return controller.reconcile?.(object, cluster)
  cluster.forgetChanges(at)
  return controller.reconcileAbsent?.(at, cluster)
}

function watchAll(controller: Controller, { caches, cluster }: LoopOptions, queue: WorkQueue): (() => void)[] {
  const add = (at: Ref) => queue.add(keyOf(at))
  const own = caches
    .get(controller.for)
    ?.addHandlers(everyState((object) => add(object.metadata), controller.when?.bind(controller)))
  const children = (controller.owns ?? []).map((kind: Kind) =>
    caches.get(kind)?.addHandlers(
      everyState((object) => {
        const owner = ownerOf(object, controller.for)
        if (owner) add(owner)
      }),
    ),
  )
  const others = (controller.watches ?? []).map((watch) =>
    caches.get(watch.kind)?.addHandlers(everyChange(watchFor(controller, watch, { cluster, add }))),
  )
  return [own, ...children, ...others].filter((end) => end !== undefined)
}

/** What to do about a change of an object that is watched. */
function watchFor(
  controller: Controller,
  { kind, visits, when, follows, touches }: Watch,
  { cluster, add }: { cluster: ControllerCluster; add: (at: Ref) => void },
): (change: Change) => void {
  const touch = (object: KubeObject) => {
    for (const touched of touches?.objects(object, cluster) ?? []) note(controller, touches?.kind as Kind, { touched, cluster })
  }
  return (change) => {
    // What follows an object finds out cheaply that a change concerns none.
    if (!follows && when && !when(change)) return
    const states = [change.old, change.object].filter((state) => state !== undefined)
    const concerned = states.flatMap((state) => visits(state, cluster))
    states.forEach(touch)
    if (concerned.length === 0) return
    const matters = !follows || !when || when(change)
    if (follows === 'all' || (follows && matters)) for (const at of concerned) cluster.noteChange(kind, at, states[0])
    if (matters) for (const at of concerned) add(at)
  }
}

function note(
  controller: Controller,
  kind: Kind,
  { touched, cluster }: { touched: KubeObject; cluster: ControllerCluster },
): void {
  for (const watch of controller.watches ?? []) {
    if (watch.kind !== kind || !watch.follows) continue
    for (const at of watch.visits(touched, cluster)) cluster.noteChange(kind, at, touched)
  }
}

/** Runs `visit` for what an object was before a change and what it is after it. */
function everyState(visit: (object: KubeObject) => void, when: (change: Change) => boolean = () => true) {
  return everyChange((change) => {
    if (!when(change)) return
    if (change.old) visit(change.old)
    if (change.object) visit(change.object)
  })
}

function everyChange(told: (change: Change<KubeObject>) => void) {
  return {
    added: (object: KubeObject) => told({ object, old: undefined }),
    updated: (object: KubeObject, old: KubeObject) => told({ object, old }),
    deleted: (object: KubeObject) => told({ object: undefined, old: object }),
  }
}

/** The controller reference of `object`, where it is to an object of `kind`. */
export function ownerOf({ metadata }: KubeObject, kind: Kind): Ref | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  if (!owner || owner.kind !== kind.kind || groupOf(owner.apiVersion) !== kind.group) return undefined
  return { name: owner.name, ...(kind.namespaced && { namespace: metadata.namespace }) }
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}
