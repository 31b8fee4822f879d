/**
 * What the pods of a Service contribute to its slices, worked out once for each state of a pod: of thousands of pods a change concerns
 * one. Objects from caches never change, so that their identity says whether something is known.
 */
import { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { Ref } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import type { Caches } from '../runtime/controller.ts'
import { isBackend } from '../service-backends.ts'
import { type AddressType, endpointOf, portsOf } from './endpoint.ts'
import type { Backend } from './plan.ts'

/** What follows from a state of a pod, for one family and the zone of its node. */
interface Fact {
  readonly family: AddressType
  readonly zone: string | undefined
  readonly backend: Backend
}

type Facts = WeakMap<Pod, Fact[]>

export interface Backends {
  of(family: AddressType): readonly Backend[]
  /** One of the pods that are left out because their node is not known. */
  readonly lost: Pod | undefined
}

export class BackendMemory {
  /** By key of the Service. */
  #services = new Map<string, { readonly spec: Service['spec']; readonly facts: Facts }>()

  /** A pod on a node that is not known is left out, unless the Service asks for all. */
  look(service: Service, pods: readonly Pod[], caches: Caches<typeof Node>): Backends {
    const nodes = new Map<string, Node | undefined>()
    const nodeOf = ({ spec }: Pod) => {
      const name = spec.nodeName
      if (!name) return undefined
      if (!nodes.has(name)) nodes.set(name, caches.get(Node, { name }))
      return nodes.get(name)
    }
    const placed = pods.filter((pod) => isBackend(pod, { terminating: true }))
    const isLost = (pod: Pod) => Boolean(pod.spec.nodeName) && !service.spec.publishNotReadyAddresses && nodeOf(pod) === undefined
    const kept = placed.filter((pod) => !isLost(pod))
    const facts = this.#factsOf(service)
    return {
      of: (family) =>
        kept
          .map((pod) => backendOf(facts, { service, pod, node: nodeOf(pod), family }))
          .filter(({ endpoint }) => endpoint.addresses.length > 0),
      lost: placed.find(isLost),
    }
  }

  /** The Service is gone. */
  forget(at: Ref): void {
    this.#services.delete(keyOf(at))
  }

  #factsOf({ metadata, spec }: Service): Facts {
    const known = this.#services.get(keyOf(metadata))
    if (known?.spec === spec) return known.facts
    const facts: Facts = new WeakMap()
    this.#services.set(keyOf(metadata), { spec, facts })
    return facts
  }
}

interface Place {
  readonly service: Service
  readonly pod: Pod
  readonly node: Node | undefined
  readonly family: AddressType
}

function backendOf(facts: Facts, { service, pod, node, family }: Place): Backend {
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
  const known = facts.get(pod)
  const found = known?.find((fact) => fact.family === family && fact.zone === zone)
  if (found) return found.backend
  const backend = { ports: portsOf(service, pod), endpoint: endpointOf(service, pod, { node, family }) }
  facts.set(pod, [...(known ?? []), { family, zone, backend }])
  return backend
}
