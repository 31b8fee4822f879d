/**
 * ConfigMaps and Secrets that the node's pods refer to, each watched by name while a pod uses it: that is what the Node
 * authorizer allows, and how changes reach running pods.
 */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import type { Client } from '#client/client.ts'
import { type Informer, startInformer } from '#client/informer.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { type ObjectReferenceKey, referencesOf } from './object-references.ts'
import type { ObjectData, ObjectSource } from './object-source.ts'

export interface ObjectCacheOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** An object that these pods refer to came, changed or went. */
  readonly onChange: (podUids: readonly string[]) => void
  readonly onError?: ((error: unknown) => void) | undefined
}

interface Watched {
  readonly informer: Informer<KubeObject>
  readonly stop: AbortController
  readonly pods: Set<string>
}

export class ObjectCache implements ObjectSource {
  readonly #options: ObjectCacheOptions
  readonly #watched = new Map<string, Watched>()
  readonly #keysOfPod = new Map<string, Set<string>>()

  constructor(options: ObjectCacheOptions) {
    this.#options = options
  }

  /** Watches what the pod refers to; what only this pod referred to before is let go. */
  register(pod: Pod): void {
    const references = referencesOf(pod)
    const keys = new Set(references.keys())
    const { uid } = pod.metadata
    for (const [key, reference] of references) this.#watch(key, reference).pods.add(uid)
    for (const key of this.#keysOfPod.get(uid) ?? []) if (!keys.has(key)) this.#release(key, uid)
    this.#keysOfPod.set(uid, keys)
  }

  unregister(podUid: string): void {
    for (const key of this.#keysOfPod.get(podUid) ?? []) this.#release(key, podUid)
    this.#keysOfPod.delete(podUid)
  }

  async configMap(namespace: string, name: string): Promise<ObjectData | undefined> {
    const found = await this.#find('ConfigMap', ConfigMap, { namespace, name })
    if (!found) return undefined
    const binary = Object.entries(found.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const)
    const text = Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const)
    return { entries: new Map([...text, ...binary]), binary: new Set(binary.map(([key]) => key)) }
  }

  async secret(namespace: string, name: string): Promise<ObjectData | undefined> {
    const found = await this.#find('Secret', Secret, { namespace, name })
    if (!found) return undefined
    const entries = Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const)
    return { entries: new Map(entries), binary: new Set() }
  }

  /** Until the watch has its first state, and for objects nobody registered, the server is asked. */
  async #find<T extends KubeObject>(
    kindName: ObjectReferenceKey['kind'],
    kind: Kind<string, T>,
    at: { namespace: string; name: string },
  ): Promise<T | undefined> {
    const watched = this.#watched.get(keyOf({ kind: kindName, ...at }))
    if (watched?.informer.hasSynced) return watched.informer.get(at) as T | undefined
    try {
      return await this.#options.client.get(kind, at)
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  #watch(key: string, { kind, namespace, name }: ObjectReferenceKey): Watched {
    const known = this.#watched.get(key)
    if (known) return known
    const { client, clock, random, signal, onError } = this.#options
    const stop = new AbortController()
    const informer = startInformer<KubeObject>(client, (kind === 'ConfigMap' ? ConfigMap : Secret) as Kind, {
      clock,
      random,
      namespace,
      fieldSelector: `metadata.name=${name}`,
      signal: AbortSignal.any([signal, stop.signal]),
      onError,
    })
    const watched = { informer, stop, pods: new Set<string>() }
    const tell = () => this.#options.onChange([...watched.pods])
    informer.addHandlers({ added: tell, updated: tell, deleted: tell })
    this.#watched.set(key, watched)
    return watched
  }

  #release(key: string, podUid: string): void {
    const watched = this.#watched.get(key)
    watched?.pods.delete(podUid)
    if (!watched || watched.pods.size > 0) return
    watched.stop.abort()
    this.#watched.delete(key)
  }
}

function keyOf({ kind, namespace, name }: ObjectReferenceKey): string {
  return `${kind}/${namespace}/${name}`
}
