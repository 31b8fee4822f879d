/**
 * Who owns whom: a graph over all objects of a cluster, as far as the informers have told (`graph_builder.go`).
 *
 * Invariant: a node lists as dependents exactly those nodes that name it among their owners. An owner that nobody has seen
 * yet is a virtual node; it becomes real when it is seen, or goes when it turns out not to exist.
 */

import type { KubeObject } from '#schema/kind.ts'
import type { OwnerReference } from '#schema/object-meta.ts'

export const foregroundFinalizer = 'foregroundDeletion'
export const orphanFinalizer = 'orphan'

export interface Identity {
  readonly apiVersion: string
  readonly kind: string
  /** Of a virtual node, that of the dependent which named it. */
  readonly namespace: string | undefined
  readonly name: string
  readonly uid: string
}

export interface GraphNode {
  identity: Identity
  owners: readonly OwnerReference[]
  readonly dependents: Set<string>
  deleting: boolean
  /** Being deleted in the foreground: its dependents go first. */
  waitsForDependents: boolean
  orphansDependents: boolean
  virtual: boolean
}

/** UIDs to look at after a change. */
export interface Work {
  readonly collect: readonly string[]
  readonly orphan: readonly string[]
}

export class OwnerGraph {
  #nodes = new Map<string, GraphNode>()

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid)
  }

  get size(): number {
    return this.#nodes.size
  }

  dependentsOf(node: GraphNode): readonly GraphNode[] {
    return [...node.dependents].map((uid) => this.#nodes.get(uid)).filter((dependent) => dependent !== undefined)
  }

  /** An object as it is now. */
  set(object: KubeObject): Work {
    const { metadata } = object
    const node = this.#nodes.get(metadata.uid)
    const before = node && { ...node }
    const current = node ?? create(identityOf(object))
    this.#nodes.set(metadata.uid, current)
    current.identity = identityOf(object)
    current.virtual = false
    current.deleting = Boolean(metadata.deletionTimestamp)
    // Once waiting it stays so: the finalizer's removal is this collector's own doing.
    current.waitsForDependents ||= current.deleting && hasFinalizer(object, foregroundFinalizer)
    current.orphansDependents = current.deleting && hasFinalizer(object, orphanFinalizer)
    const collect = this.#reown(current, metadata.ownerReferences ?? [])
    if (current.waitsForDependents && !before?.waitsForDependents) collect.push(...current.dependents, metadata.uid)
    const orphan = current.orphansDependents && !before?.orphansDependents ? [metadata.uid] : []
    return { collect, orphan }
  }

  /** The object is gone: its dependents may have to go too, and owners that waited for it may go on. */
  remove(uid: string): Work {
    const node = this.#nodes.get(uid)
    if (!node) return { collect: [], orphan: [] }
    this.#nodes.delete(uid)
    const waiting = node.owners.filter((owner) => this.#nodes.get(owner.uid)?.waitsForDependents)
    for (const owner of node.owners) this.#detach(owner.uid, uid)
    return { collect: [...node.dependents, ...waiting.map((owner) => owner.uid)], orphan: [] }
  }

  /** Answers owners to look at: new ones that nobody has seen, and waiting ones that this node blocks no more. */
  #reown(node: GraphNode, owners: readonly OwnerReference[]): string[] {
    const { uid, namespace } = node.identity
    const collect: string[] = []
    for (const old of node.owners) {
      const now = owners.find((owner) => owner.uid === old.uid)
      const unblocked = old.blockOwnerDeletion && !now?.blockOwnerDeletion
      if (unblocked && this.#nodes.get(old.uid)?.waitsForDependents) collect.push(old.uid)
      if (!now) this.#detach(old.uid, uid)
    }
    for (const owner of owners) {
      let above = this.#nodes.get(owner.uid)
      if (!above) {
        const { apiVersion, kind, name } = owner
        above = { ...create({ apiVersion, kind, name, namespace, uid: owner.uid }), virtual: true }
        this.#nodes.set(owner.uid, above)
        collect.push(owner.uid)
      }
      above.dependents.add(uid)
      // An owner that is already waiting has not told this dependent to go.
      if (above.waitsForDependents && !node.owners.some((old) => old.uid === owner.uid)) collect.push(uid)
    }
    node.owners = owners
    return collect
  }

  /** A virtual owner that nobody names any more is forgotten. */
  #detach(owner: string, dependent: string): void {
    const above = this.#nodes.get(owner)
    above?.dependents.delete(dependent)
    if (above?.virtual && above.dependents.size === 0) this.#nodes.delete(owner)
  }
}

function create(identity: Identity): GraphNode {
  return {
    identity,
    owners: [],
    dependents: new Set(),
    deleting: false,
    waitsForDependents: false,
    orphansDependents: false,
    virtual: false,
  }
}

export function identityOf({ apiVersion, kind, metadata }: KubeObject): Identity {
  const { namespace, name, uid } = metadata
  return { apiVersion, kind, namespace, name, uid }
}

export function hasFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false
}
