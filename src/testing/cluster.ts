/**
 * `testCluster`: a whole control plane inside a test, on the memory store and a virtual clock.
 *
 *     await using cluster = await testCluster({ controllers: [replicaSetController] })
 *     await cluster.client.create(ReplicaSet, replicaSet('web', { replicas: 2 }))
 *     await cluster.settle()
 *     assert.equal((await cluster.list(Pod)).length, 2)
 *
 * Guarantees: nothing happens by itself as time stands still; `settle` runs every queue dry at the present instant; `advance`
 * lets time pass, timer by timer, settling between. Nothing outlives `await using`. Two runs are identical.
 */
import type { Client } from '#client/client.ts'
import type { Controller } from '#controllers/runtime/controller.ts'
import type { VirtualClock } from '#lib/virtual-clock.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'

export interface TestClusterOptions {
  /** Default: none run. */
  readonly controllers?: readonly Controller[]
  /** 'https' sends every call of `client` over a loopback socket; default in-process. */
  readonly transport?: 'in-process' | 'https'
  /** Seed of all chance. */
  readonly seed?: number
}

export interface TestCluster extends AsyncDisposable {
  /** As `system:masters`. */
  readonly client: Client
  readonly clock: VirtualClock
  /** A client with another identity. */
  clientAs(user: { readonly name: string; readonly groups?: readonly string[] }): Client
  list<T extends KubeObject>(kind: Kind<string, T>, namespace?: string): Promise<readonly T[]>
  settle(): Promise<void>
  /** Milliseconds. */
  advance(milliseconds: number): Promise<void>
}
