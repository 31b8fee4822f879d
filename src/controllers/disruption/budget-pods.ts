/**
 * The pods under a PodDisruptionBudget, as a running controller remembers them: a change of one pod costs a look at one, however many
 * the budget covers.
 */
import { Pod } from '#api/core/v1/pod.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import type { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import type { KubeObject } from '#schema/kind.ts'
import { isReady } from '../pod-state.ts'
import type { Cluster } from '../runtime/controller.ts'

export type OwnerReference = NonNullable<KubeObject['metadata']['ownerReferences']>[number]

/** Pods that one object controls. */
export interface Controlled {
  readonly owner: OwnerReference
  /** Their names. */
  readonly pods: ReadonlySet<string>
}

export class BudgetPods {
  #selector: unknown
  #pods = new Map<string, Pod>()
  #healthy = new Set<string>()
  /** By UID of the controller. */
  #controlled = new Map<string, { readonly owner: OwnerReference; readonly pods: Set<string> }>()
  #unmanaged = new Set<string>()

  get size(): number {
    return this.#pods.size
  }

  /** Names of those that are ready and not being deleted. */
  get healthy(): ReadonlySet<string> {
    return this.#healthy
  }

  get controlled(): readonly Controlled[] {
    return [...this.#controlled.values()]
  }

  /** Names of those that nobody controls. */
  get unmanaged(): ReadonlySet<string> {
    return this.#unmanaged
  }

  get(name: string): Pod | undefined {
    return this.#pods.get(name)
  }

  /** Looks at what has changed; at everything where the selector has. */
  look(budget: PodDisruptionBudget, cluster: Pick<Cluster<typeof Pod, never>, 'changes'>): void {
    const { selector } = budget.spec
    const asked = JSON.stringify(selector)
    const anew = this.#selector !== asked
    const { objects } = cluster.changes(Pod, budget, { whole: anew })
    if (anew) for (const pod of [...this.#pods.values()]) this.#remove(pod)
    this.#selector = asked
    for (const [key, pod] of objects) {
      const name = key.slice(key.indexOf('/') + 1)
      const before = this.#pods.get(name)
      if (before) this.#remove(before)
      if (pod && selects(selector, pod.metadata.labels)) this.#add(pod)
    }
  }

  #add(pod: Pod): void {
    const { name, deletionTimestamp } = pod.metadata
    this.#pods.set(name, pod)
    if (!deletionTimestamp && isReady(pod)) this.#healthy.add(name)
    const owner = ownerOf(pod)
    if (!owner) {
      this.#unmanaged.add(name)
      return
    }
    const known = this.#controlled.get(owner.uid) ?? { owner, pods: new Set() }
    known.pods.add(name)
    this.#controlled.set(owner.uid, known)
  }

  #remove(pod: Pod): void {
    const { name } = pod.metadata
    this.#pods.delete(name)
    this.#healthy.delete(name)
    this.#unmanaged.delete(name)
    const { uid = '' } = ownerOf(pod) ?? {}
    const known = this.#controlled.get(uid)
    known?.pods.delete(name)
    if (known?.pods.size === 0) this.#controlled.delete(uid)
  }
}

function ownerOf({ metadata }: Pod): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)
}
