/**
 * `runControllers`: runs a list of controllers in this process, with one informer per kind between them.
 *
 * Guarantees: those that `defineController` promises. No worker starts before the caches it reads are filled.
 * Nothing here asks for time or chance but through the clock and the source that were handed in.
 */
import type { Client } from '#client/client.ts'
import { runAsLeader } from '#client/leader-election.ts'
import type { QueueWatcher } from '#client/work-queue.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { GiveWay } from '#lib/turn.ts'
import type { Kind } from '#schema/kind.ts'
import { KindCache } from './cache.ts'
import type { Controller } from './controller.ts'
import { ControllerCluster } from './controller-cluster.ts'
import { startLoop } from './loop.ts'
import { accountOf, kindsRead } from './roles.ts'

export interface RunOptions {
  /** The client with a controller's identity, `system:serviceaccount:kube-system:<account>`. */
  readonly clientFor: (account: string) => Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Told of each failure; what failed is tried again by itself. */
  readonly onError?: ((error: unknown, about: ErrorContext) => void) | undefined
  readonly leaderElection?: LeaderElection | undefined
  /** Told of the queue of each controller, for metrics. */
  readonly watchQueue?: ((controller: Controller) => QueueWatcher) | undefined
  /** Told of each visit, for metrics. */
  readonly onVisit?: ((visit: Visit) => void) | undefined
  /** Asked between the parts of what many objects make long, such as a start; default: never. */
  readonly giveWay?: GiveWay | undefined
}

export interface ErrorContext {
  readonly controller: string
  /** The object that was being worked on. */
  readonly key?: string | undefined
}

export interface LeaderElection {
  readonly client: Client
  readonly identity: string
  /** Default `kube-system/kube-controller-manager`. */
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  /** Milliseconds; defaults as client-go's: 15, 10 and 2 seconds. */
  readonly leaseDuration?: number
  readonly renewDeadline?: number
  readonly retryPeriod?: number
  readonly onNewLeader?: ((identity: string) => void) | undefined
  readonly onLeading?: ((leads: boolean) => void) | undefined
}

export interface Visit {
  readonly controller: string
  readonly result: 'success' | 'error' | 'requeue_after'
  readonly seconds: number
}

/** Runs until the signal is aborted, or the lease is lost; resolves when all has ended and events are written. */
export async function runControllers(controllers: readonly Controller[], options: RunOptions): Promise<void> {
  const { leaderElection, signal } = options
  if (!leaderElection) return runAll(controllers, options, signal)
  const { client, namespace = 'kube-system', name = 'kube-controller-manager', onLeading, ...timing } = leaderElection
  const { clock, random, onError } = options
  const election = {
    clock,
    random,
    signal,
    ...timing,
    namespace,
    name,
    onError: (error: unknown) => onError?.(error, { controller: 'leader-election' }),
  }
  await runAsLeader(client, election, async (leading) => {
    onLeading?.(true)
    await runAll(controllers, options, leading).finally(() => onLeading?.(false))
  })
}

async function runAll(controllers: readonly Controller[], options: RunOptions, signal: AbortSignal): Promise<void> {
  const caches = new Map<Kind, KindCache<any>>()
  const clients = new Map(controllers.map((controller) => [controller, options.clientFor(accountOf(controller))]))
  for (const controller of controllers) {
    for (const kind of kindsRead(controller)) {
      if (caches.has(kind)) continue
      const onError = (error: unknown) => options.onError?.(error, { controller: `informer ${kind.plural}` })
      const { clock, random, giveWay } = options
      caches.set(kind, new KindCache(clients.get(controller) as Client, kind, { clock, random, signal, giveWay, onError }))
    }
  }
  for (const { kind, name, keys } of controllers.flatMap(({ indexes }) => indexes ?? [])) {
    caches.get(kind)?.addIndex(name, keys)
  }
  await Promise.all(
    controllers.map((controller) => runOne(controller, { options, caches, signal, client: clients.get(controller) as Client })),
  )
}

interface Surroundings {
  readonly options: RunOptions
  readonly caches: ReadonlyMap<Kind, KindCache<any>>
  readonly signal: AbortSignal
  readonly client: Client
}

async function runOne(controller: Controller, { options, caches, signal, client }: Surroundings): Promise<void> {
  const { clock, random } = options
  const onError = (error: unknown, key?: string) => options.onError?.(error, { controller: controller.name, key })
  const cluster = new ControllerCluster({
    clock,
    random,
    signal,
    client,
    caches,
    component: controller.component ?? accountOf(controller),
    onError,
  })
  try {
    await Promise.all(kindsRead(controller).map((kind) => caches.get(kind)?.informer.synced()))
  } catch (error) {
    if (signal.aborted) return
    throw error
  }
  const { onVisit, giveWay } = options
  const watcher = options.watchQueue?.(controller)
  for (let wait = giveWay?.(); wait; wait = giveWay?.()) await wait
  const loop = startLoop(controller, { cluster, caches, clock, signal, onError, onVisit, watcher, giveWay })
  await Promise.all([loop, keepRunning(controller, { cluster, clock, signal, onError })])
  await cluster.flushEvents()
}

const restartPause = 1000

/** Runs `run`, again after each throw. */
async function keepRunning(
  controller: Controller,
  {
    cluster,
    clock,
    signal,
    onError,
  }: { cluster: ControllerCluster; clock: Clock; signal: AbortSignal; onError: (error: unknown) => void },
): Promise<void> {
  while (controller.run && !signal.aborted) {
    try {
      await controller.run(cluster, signal)
      return
    } catch (error) {
      if (signal.aborted) return
      onError(error)
      await sleep(clock, restartPause, signal).catch(() => {})
    }
  }
}
