/** What a running controller remembers about each object of `for`, for as long as that object is the same one. */
import type { Ref } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import type { KubeObject } from '#schema/kind.ts'

export class Memory<T> {
  #running = new WeakMap<object, Map<string, { readonly uid: string; readonly value: T }>>()
  #make: () => T

  constructor(make: () => T) {
    this.#make = make
  }

  /** `cluster` is what the controller was handed: another one running beside it remembers for itself. */
  of(cluster: object, { metadata }: KubeObject): T {
    let known = this.#running.get(cluster)
    if (!known) this.#running.set(cluster, (known = new Map()))
    const found = known.get(keyOf(metadata))
    if (found?.uid === metadata.uid) return found.value
    const value = this.#make()
    known.set(keyOf(metadata), { uid: metadata.uid, value })
    return value
  }

  forget(cluster: object, at: Ref): void {
    this.#running.get(cluster)?.delete(keyOf(at))
  }
}
