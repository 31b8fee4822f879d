/** What the garbage collector does with one object: deletes it, frees it of owners that are gone, or lets it finish (`garbagecollector.go`). */
import type { Client } from '#client/client.ts'
import { Recent } from '#lib/recent.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { OwnerReference } from '#schema/object-meta.ts'
import { hasReason } from '#schema/status-error.ts'
import {
  foregroundFinalizer,
  type GraphNode,
  hasFinalizer,
  type Identity,
  identityOf,
  type OwnerGraph,
  orphanFinalizer,
  type Work,
} from './graph.ts'

export interface CollectorOptions {
  readonly client: Client
  readonly graph: OwnerGraph
  readonly kindOf: (apiVersion: string, kind: string) => Kind | undefined
  readonly onWork: (work: Work) => void
}

/** The object was found though no informer has told of it yet. */
export class NotObservedError extends Error {}

type Policy = 'Orphan' | 'Background' | 'Foreground'

export class Collector {
  #client: Client
  #graph: OwnerGraph
  #kindOf: CollectorOptions['kindOf']
  #onWork: CollectorOptions['onWork']
  /** Owners known to be gone; UIDs never come back. */
  #absent = new Recent<true>(500)

  constructor({ client, graph, kindOf, onWork }: CollectorOptions) {
    this.#client = client
    this.#graph = graph
    this.#kindOf = kindOf
    this.#onWork = onWork
  }

  /** Deletes the object if no owner is left; the live state decides, the graph only says where to look. */
  async collect(uid: string): Promise<void> {
    const node = this.#graph.get(uid)
    if (!node || (node.deleting && !node.waitsForDependents)) return
    if (!node.virtual && !node.waitsForDependents && node.owners.length === 0) return
    const latest = await this.#find(node.identity)
    if (!latest) {
      this.#onWork(this.#graph.remove(uid))
      return
    }
    if (node.virtual) throw new NotObservedError(`${node.identity.kind} ${node.identity.name} has not been observed yet`)
    if (node.waitsForDependents) return this.#finish(node, latest)
    await this.#judge(node, latest)
  }

  /** Frees the dependents of an object that leaves them behind. */
  async orphan(uid: string): Promise<void> {
    const node = this.#graph.get(uid)
    if (!node) return
    for (const dependent of this.#graph.dependentsOf(node)) {
      const latest = await this.#find(dependent.identity)
      if (latest) await this.#disown(latest, new Set([uid]))
    }
    const latest = await this.#find(node.identity)
    if (latest) await this.#removeFinalizer(latest, orphanFinalizer)
  }

  async #judge(node: GraphNode, latest: KubeObject): Promise<void> {
    const owners = latest.metadata.ownerReferences ?? []
    if (owners.length === 0) return
    const { solid, dangling, waiting } = await this.#classify(owners, latest)
    if (solid > 0) {
      const left = new Set([...dangling, ...waiting])
      if (left.size > 0) await this.#disown(latest, left)
      return
    }
    if (waiting.length > 0 && node.dependents.size > 0) {
      // Two that wait for each other would wait for ever: this one blocks nobody any more.
      const circular = this.#graph.dependentsOf(node).some((dependent) => dependent.waitsForDependents)
      const current = circular ? await this.#unblock(latest) : latest
      return this.#delete(current, 'Foreground')
    }
    await this.#delete(latest, policyOf(latest))
  }

  async #finish(node: GraphNode, latest: KubeObject): Promise<void> {
    const { uid } = node.identity
    const blocking = this.#graph
      .dependentsOf(node)
      .filter(({ owners }) => owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion))
    if (blocking.length === 0) return this.#removeFinalizer(latest, foregroundFinalizer)
    const collect = blocking.filter((dependent) => !dependent.waitsForDependents).map(({ identity }) => identity.uid)
    this.#onWork({ collect, orphan: [] })
  }

  async #classify(owners: readonly OwnerReference[], { metadata }: KubeObject) {
    const dangling: string[] = []
    const waiting: string[] = []
    let solid = 0
    for (const owner of owners) {
      const found = await this.#owner(owner, metadata.namespace)
      if (found === 'absent') dangling.push(owner.uid)
      else if (found === 'waiting') waiting.push(owner.uid)
      else solid++
    }
    return { solid, dangling, waiting }
  }

  async #owner(owner: OwnerReference, namespace: string | undefined): Promise<'absent' | 'waiting' | 'solid'> {
    const key = `${namespace ?? ''}/${owner.uid}`
    if (this.#absent.get(key)) return 'absent'
    const { apiVersion, kind, name, uid } = owner
    const found = await this.#find({ apiVersion, kind, name, uid, namespace })
    if (found === undefined) {
      this.#absent.set(key, true)
      return 'absent'
    }
    return found.metadata.deletionTimestamp && hasFinalizer(found, foregroundFinalizer) ? 'waiting' : 'solid'
  }

  /** Undefined where it is gone, or another of the same name has come. */
  async #find({ apiVersion, kind: name, namespace, name: objectName, uid }: Identity): Promise<KubeObject | undefined> {
    const kind = this.#kind(apiVersion, name)
    // A cluster's object cannot be owned from within a namespace: that owner does not exist for it.
    if (kind.namespaced && !namespace) throw new Error(`cluster-scoped object names the namespaced owner ${name} ${objectName}`)
    try {
      const found = await this.#client.get(kind, { name: objectName, ...(kind.namespaced && { namespace }) })
      return found.metadata.uid === uid ? found : undefined
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  #kind(apiVersion: string, name: string): Kind {
    const kind = this.#kindOf(apiVersion, name)
    if (!kind) throw new Error(`no matches for kind "${name}" in version "${apiVersion}"`)
    return kind
  }

  async #delete(latest: KubeObject, propagationPolicy: Policy): Promise<void> {
    const { uid, resourceVersion } = latest.metadata
    const kind = this.#kind(latest.apiVersion, latest.kind)
    try {
      await this.#client.delete(kind, latest, { propagationPolicy, preconditions: { uid, resourceVersion } })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
  }

  #disown(latest: KubeObject, owners: ReadonlySet<string>): Promise<KubeObject | undefined> {
    return this.#patch(latest, ({ ownerReferences = [] }) => {
      const left = ownerReferences.filter(({ uid }) => !owners.has(uid))
      return { ownerReferences: left.length > 0 ? left : null }
    })
  }

  async #unblock(latest: KubeObject): Promise<KubeObject> {
    const unblocked = await this.#patch(latest, ({ ownerReferences = [] }) => ({
      ownerReferences: ownerReferences.map((owner) =>
        owner.blockOwnerDeletion ? { ...owner, blockOwnerDeletion: false } : owner,
      ),
    }))
    return unblocked ?? latest
  }

  async #removeFinalizer(latest: KubeObject, finalizer: string): Promise<void> {
    if (!hasFinalizer(latest, finalizer)) return
    await this.#patch(latest, ({ finalizers = [] }) => {
      const left = finalizers.filter((name) => name !== finalizer)
      return { finalizers: left.length > 0 ? left : null }
    })
  }

  /** Somebody else's write in between is no obstacle: the change is made anew on what it left. */
  async #patch(latest: KubeObject, change: (metadata: KubeObject['metadata']) => object): Promise<KubeObject | undefined> {
    const kind = this.#kind(latest.apiVersion, latest.kind)
    let current: KubeObject | undefined = latest
    for (let tries = 0; current; tries++) {
      const { uid, resourceVersion } = current.metadata
      const body = { metadata: { uid, resourceVersion, ...change(current.metadata) } }
      try {
        return await this.#client.patch(kind, current, { type: 'merge', body })
      } catch (error) {
        if (hasReason(error, 'NotFound')) return undefined
        if (!hasReason(error, 'Conflict') || tries >= mostTries) throw error
        current = await this.#find(identityOf(latest))
      }
    }
    return undefined
  }
}

const mostTries = 5

/** An object that is deleted for want of owners passes on what its finalizers say about its own dependents. */
function policyOf(object: KubeObject): Policy {
  if (hasFinalizer(object, orphanFinalizer)) return 'Orphan'
  return hasFinalizer(object, foregroundFinalizer) ? 'Foreground' : 'Background'
}
