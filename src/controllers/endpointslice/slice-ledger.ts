/**
 * What should stand in the slices of a Service, of one family, and what stood there when it was last looked at. It finds the part of the
 * slices that is concerned by what has changed since; `planSlices` needs to see no more.
 *
 * Invariant: a slice that is known under its resource version holds exactly what is wanted, but for endpoints that are touched.
 */
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { endpointKey, portsKey } from './endpoint.ts'
import type { Backend } from './plan.ts'

/** One endpoint among those with the same ports. */
interface Place {
  readonly group: string
  readonly key: string
}

interface Known {
  readonly version: string
  readonly group: string
  readonly keys: readonly string[]
}

export interface Work {
  /** Endpoints that stand in `slices`, or should stand somewhere and do not. */
  readonly backends: readonly Backend[]
  readonly slices: readonly EndpointSlice[]
  /** Slices that are as they should be. */
  readonly unchanged: readonly EndpointSlice[]
}

export class SliceLedger {
  /** By the pod's key. */
  #places = new Map<string, Place>()
  #wanted = new Map<string, { readonly ports: readonly EndpointPort[]; readonly endpoints: Map<string, Endpoint> }>()
  /** Endpoints that have changed since the slices were settled, by group. */
  #touched = new Map<string, Set<string>>()
  #known = new Map<string, Known>()
  /** By group and key: the name of the slice that holds the endpoint. */
  #holders = new Map<string, string>()

  /** What the pod contributes now; undefined where that is nothing. */
  set(pod: string, backend: Backend | undefined): void {
    const before = this.#places.get(pod)
    if (before) this.#remove(before)
    this.#places.delete(pod)
    if (!backend) return
    const { ports, endpoint } = backend
    const place = { group: portsKey(ports), key: endpointKey(endpoint) }
    const group = this.#wanted.get(place.group) ?? { ports, endpoints: new Map() }
    group.endpoints.set(place.key, endpoint)
    this.#wanted.set(place.group, group)
    this.#places.set(pod, place)
    this.#touch(place)
  }

  /** What there is to be done; `all` gives everything, as if nothing were known. */
  work(existing: readonly EndpointSlice[], { all }: { all: boolean }): Work {
    if (all) {
      const backends = [...this.#wanted.values()].flatMap(({ ports, endpoints }) =>
        [...endpoints.values()].map((endpoint) => ({ ports, endpoint })),
      )
      return { backends, slices: existing, unchanged: [] }
    }
    const open = this.#touchedSlices()
    const isChanged = ({ metadata }: EndpointSlice) => this.#known.get(metadata.name)?.version !== metadata.resourceVersion
    // Which of two slices keeps an endpoint that both have must not depend on who looks.
    for (const slice of existing) if (isChanged(slice)) for (const place of placesOf(slice)) open.add(this.#holders.get(place))
    const isOpen = (slice: EndpointSlice) => isChanged(slice) || open.has(slice.metadata.name)
    const unchanged = existing.filter((slice) => !isOpen(slice))
    const slices = existing.filter(isOpen).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    const settled = new Set(unchanged.map(({ metadata }) => metadata.name))
    return { backends: this.#concerned(slices, settled), slices, unchanged }
  }

  /** The slices are written: `standing` are those that were not settled, as they are now; all others but `unchanged` are gone. */
  settle(unchanged: readonly EndpointSlice[], standing: readonly EndpointSlice[]): void {
    const kept = new Set(unchanged.map(({ metadata }) => metadata.name))
    for (const name of [...this.#known.keys()]) if (!kept.has(name)) this.#forget(name)
    for (const { metadata, ports, endpoints } of standing) {
      const group = portsKey(ports ?? [])
      const keys = (endpoints ?? []).map(endpointKey)
      // An empty one stands there until there is another: that is to be judged each time.
      if (keys.length === 0) continue
      this.#known.set(metadata.name, { version: metadata.resourceVersion ?? '', group, keys })
      for (const key of keys) this.#holders.set(`${group} ${key}`, metadata.name)
    }
    this.#touched.clear()
  }

  #remove(place: Place): void {
    const group = this.#wanted.get(place.group)
    group?.endpoints.delete(place.key)
    if (group?.endpoints.size === 0) this.#wanted.delete(place.group)
    this.#touch(place)
  }

  #touch({ group, key }: Place): void {
    const keys = this.#touched.get(group) ?? new Set()
    this.#touched.set(group, keys.add(key))
  }

  #touchedSlices(): Set<string | undefined> {
    const names = new Set<string | undefined>()
    for (const [group, keys] of this.#touched) for (const key of keys) names.add(this.#holders.get(`${group} ${key}`))
    return names
  }

  /** Besides what is touched: what stands, or stood, in slices that somebody has changed or removed. */
  #concerned(slices: readonly EndpointSlice[], settled: ReadonlySet<string>): Backend[] {
    const found = new Map<Endpoint, readonly EndpointPort[]>()
    const add = (group: string, key: string) => {
      if (settled.has(this.#holders.get(`${group} ${key}`) ?? '')) return
      const wanted = this.#wanted.get(group)
      const endpoint = wanted?.endpoints.get(key)
      if (wanted && endpoint) found.set(endpoint, wanted.ports)
    }
    for (const [name, { group, keys }] of this.#known) if (!settled.has(name)) for (const key of keys) add(group, key)
    for (const { ports, endpoints } of slices) {
      const group = portsKey(ports ?? [])
      for (const endpoint of endpoints ?? []) add(group, endpointKey(endpoint))
    }
    for (const [group, keys] of this.#touched) for (const key of keys) add(group, key)
    return [...found].map(([endpoint, ports]) => ({ ports, endpoint }))
  }

  #forget(name: string): void {
    const { group, keys } = this.#known.get(name) as Known
    for (const key of keys) {
      const at = `${group} ${key}`
      if (this.#holders.get(at) === name) this.#holders.delete(at)
    }
    this.#known.delete(name)
  }
}

function placesOf({ ports, endpoints }: EndpointSlice): string[] {
  const group = portsKey(ports ?? [])
  return (endpoints ?? []).map((endpoint) => `${group} ${endpointKey(endpoint)}`)
}
