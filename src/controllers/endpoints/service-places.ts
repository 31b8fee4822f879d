/**
 * The addresses behind a Service, as a running controller remembers them: of thousands of pods a visit looks at those that have changed.
 * Pods with the same ports are kept together, in order.
 */
import type { EndpointAddress, EndpointPort, EndpointSubset } from '#api/core/v1/endpoints.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import { isReady } from '../pod-state.ts'
import type { Cluster } from '../runtime/controller.ts'
import { isBackend, selectsPod, TriggerTimes } from '../service-backends.ts'
import { addressOf, portKey, portsOf, subsetsOf } from './plan.ts'

interface Place {
  readonly group: string
  readonly key: string
  readonly ready: boolean
}

/** Addresses in the order of their keys. */
export interface Addresses {
  readonly keys: string[]
  readonly values: EndpointAddress[]
}

export interface PortGroup {
  readonly ports: readonly EndpointPort[]
  readonly ready: Addresses
  readonly notReady: Addresses
}

export class ServicePlaces {
  #service: Service | undefined
  #places = new Map<string, Place>()
  #groups = new Map<string, PortGroup>()
  #times = new TriggerTimes()

  /** Looks at what has changed, at everything where the Service has; answers the trigger time. */
  look(service: Service, cluster: Pick<Cluster<typeof Pod, never>, 'changes'>): string | undefined {
    const { objects } = cluster.changes(Pod, service, { whole: this.#service !== service })
    if (this.#service !== service) {
      this.#places.clear()
      this.#groups.clear()
      this.#service = service
    }
    const changed = new Map<string, Pod | undefined>()
    for (const [key, pod] of objects) changed.set(key, pod && selectsPod(service, pod.metadata.labels) ? pod : undefined)
    for (const [key, pod] of changed) this.#set(key, pod, service)
    return this.#times.compute(service, changed)
  }

  /** In the order in which Endpoints have them, without bound. */
  subsets(): EndpointSubset[] {
    return subsetsOf([...this.#groups.values()])
  }

  #set(name: string, pod: Pod | undefined, service: Service): void {
    const before = this.#places.get(name)
    if (before) this.#remove(before)
    this.#places.delete(name)
    const all = Boolean(service.spec.publishNotReadyAddresses)
    if (!pod || !isBackend(pod, { terminating: all })) return
    const address = addressOf(service, pod)
    const ports = portsOf(service, pod)
    if (!address || !ports) return
    const place = {
      group: ports.map(portKey).join(','),
      key: `${address.ip}|${address.targetRef?.uid ?? ''}`,
      ready: all || isReady(pod),
    }
    const group = this.#groups.get(place.group) ?? { ports, ready: none(), notReady: none() }
    this.#groups.set(place.group, group)
    this.#places.set(name, place)
    const { keys, values } = place.ready ? group.ready : group.notReady
    const at = positionOf(keys, place.key)
    keys.splice(at, 0, place.key)
    values.splice(at, 0, address)
  }

  #remove({ group: name, key, ready }: Place): void {
    const group = this.#groups.get(name) as PortGroup
    const { keys, values } = ready ? group.ready : group.notReady
    const at = positionOf(keys, key)
    keys.splice(at, 1)
    values.splice(at, 1)
    if (group.ready.keys.length + group.notReady.keys.length === 0) this.#groups.delete(name)
  }
}

function none(): Addresses {
  return { keys: [], values: [] }
}

/** Of the first key that is not before this one. */
function positionOf(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
