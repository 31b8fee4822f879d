/**
 * What the pods of a Service contribute to its slices, as a running controller remembers it: of thousands of pods a visit looks at those
 * that have changed.
 */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { Cluster } from '../runtime/controller.ts'
import { isBackend, selectsPod, TriggerTimes } from '../service-backends.ts'
import { type AddressType, endpointOf, familiesOf, portsOf } from './endpoint.ts'
import { SliceLedger } from './slice-ledger.ts'

export interface Seen {
  readonly triggerTime: string | undefined
  /** One of the pods that are left out because their node is not known. */
  readonly lost: Pod | undefined
}

export class ServiceBackends {
  #service: Service | undefined
  #ledgers = new Map<AddressType, SliceLedger>()
  /** Pods that are left out because their node is not known, by key. */
  #lost = new Map<string, Pod>()
  #times = new TriggerTimes()

  /** What the pods of each family of the Service come to. */
  get ledgers(): ReadonlyMap<AddressType, SliceLedger> {
    return this.#ledgers
  }

  /** A Service that has changed is looked at anew. */
  look(service: Service, cluster: Pick<Cluster<typeof Pod | typeof Node, never>, 'changes' | 'get'>): Seen {
    const { objects } = cluster.changes(Pod, service, { whole: this.#service !== service })
    if (this.#service !== service) {
      this.#ledgers = new Map(familiesOf(service).map((family) => [family, new SliceLedger()]))
      this.#lost.clear()
      this.#service = service
    }
    const changed = new Map<string, Pod | undefined>(this.#lost)
    for (const [key, pod] of objects) changed.set(key, pod && selectsPod(service, pod.metadata.labels) ? pod : undefined)
    const triggerTime = this.#times.compute(service, changed)
    for (const [key, pod] of changed) this.#set(key, pod, { service, node: pod && nodeOf(pod, cluster) })
    const [lost] = this.#lost.values()
    return { triggerTime, lost }
  }

  /** A pod on a node that is not known is left out, unless the Service asks for all. */
  #set(key: string, pod: Pod | undefined, { service, node }: { service: Service; node: Node | undefined }): void {
    const isPlaced = pod && isBackend(pod, { terminating: true })
    const isLost = isPlaced && pod.spec.nodeName && !node && !service.spec.publishNotReadyAddresses
    if (isLost) this.#lost.set(key, pod)
    else this.#lost.delete(key)
    for (const [family, ledger] of this.#ledgers) {
      const endpoint = isPlaced && !isLost ? endpointOf(service, pod, { node, family }) : undefined
      ledger.set(key, pod && endpoint?.addresses.length ? { ports: portsOf(service, pod), endpoint } : undefined)
    }
  }
}

function nodeOf({ spec }: Pod, caches: Pick<Cluster<typeof Node, never>, 'get'>): Node | undefined {
  return spec.nodeName ? caches.get(Node, { name: spec.nodeName }) : undefined
}
