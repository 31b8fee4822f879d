/**
 * `interrupted`: a scenario in which the controllers die after each single write, and others go on.
 *
 *     await interrupted({
 *       controllers: () => [replicaSetController],
 *       scenario: async (cluster) => { ... },
 *       outcome: async (cluster) => (await cluster.list(Pod)).length,
 *     })
 *
 * Runs the scenario once undisturbed, which says how many writes it takes, and then once for each of them: the process
 * (its caches, queues and memory) ends right after that write has reached the store, before its answer is heard, and a
 * fresh one takes over. The outcome must always be that of the undisturbed run.
 */
import assert from 'node:assert/strict'
import type { Client } from '#client/client.ts'
import type { Controller } from '#controllers/runtime/controller.ts'
import { runControllers } from '#controllers/runtime/run.ts'
import { type TestCluster, testCluster } from './cluster.ts'

export interface Interrupted {
  /** Fresh ones, as a fresh process has them. */
  readonly controllers: () => readonly Controller[]
  /** Acts as users and nodes do. */
  readonly scenario: (cluster: TestCluster) => Promise<void>
  /** What must be the same however often the process has died. */
  readonly outcome: (cluster: TestCluster) => Promise<unknown>
  /** How many processes work at once; default 1. */
  readonly leaders?: number
}

/** Answers how many writes the undisturbed run took. */
export async function interrupted(options: Interrupted): Promise<number> {
  const whole = await run(options, undefined)
  for (let fatal = 1; fatal <= whole.writes; fatal++) {
    const { outcome } = await run(options, fatal)
    assert.deepEqual(outcome, whole.outcome, `stopped after write ${fatal} of ${whole.writes}: ${whole.log[fatal - 1]}`)
  }
  return whole.writes
}

/** The same scenario with several processes that all believe to lead; answers their joint outcome. */
export async function withLeaders(options: Interrupted, leaders: number): Promise<unknown> {
  return (await run({ ...options, leaders }, undefined)).outcome
}

interface Run {
  readonly outcome: unknown
  readonly writes: number
  readonly log: readonly string[]
}

async function run({ controllers, scenario, outcome, leaders = 1 }: Interrupted, fatal: number | undefined): Promise<Run> {
  await using cluster = await testCluster()
  const log: string[] = []
  const processes: Promise<void>[] = []
  const over = new AbortController()
  let alive = 0
  const start = () => {
    alive++
    const death = new AbortController()
    const end = () => death.abort()
    over.signal.addEventListener('abort', end, { once: true })
    const wrote = (what: string) => {
      log.push(what)
      if (log.length !== fatal) return
      death.abort()
      start()
    }
    const clientFor = () =>
      mortal(cluster.clientAs({ name: 'kubernetes-admin', groups: ['system:masters'] }), { signal: death.signal, wrote })
    const { clock, random } = cluster
    processes.push(runControllers(controllers(), { clock, random, signal: death.signal, clientFor, onError: () => {} }))
  }
  while (alive < leaders) start()
  await cluster.settle()
  await scenario(cluster)
  await cluster.settle()
  const result = await outcome(cluster)
  over.abort()
  await cluster.advance(60_000)
  await Promise.all(processes)
  return { outcome: result, writes: log.length, log }
}

interface Life {
  readonly signal: AbortSignal
  readonly wrote: (what: string) => void
}

/** A client that is dumb once its process is dead; what it has sent by then takes place. */
function mortal(client: Client, { signal, wrote }: Life): Client {
  const write = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted()
    const result = await act()
    // Events tell about deeds; whether one is lost changes nothing.
    if (!what.endsWith(' events') && !signal.aborted) wrote(what)
    signal.throwIfAborted()
    return result
  }
  return {
    ...client,
    create: (kind, object, options) => write(`create ${kind.plural}`, () => client.create(kind, object, options)),
    update: (kind, object, options) =>
      write(`update ${kind.plural} ${options?.subresource ?? ''}`.trim(), () => client.update(kind, object, options)),
    patch: (kind, at, patch, options) => write(`patch ${kind.plural}`, () => client.patch(kind, at, patch, options)),
    delete: (kind, at, options) => write(`delete ${kind.plural}`, () => client.delete(kind, at, options)),
  }
}
