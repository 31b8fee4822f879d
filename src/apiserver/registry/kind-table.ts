/** The kinds that are served, by the words of a path; custom resources come and go at run time. */
import type { Kind, Subresource } from '#schema/kind.ts'

type Address = { readonly group: string; readonly version: string; readonly resource: string }

export class KindTable {
  #kinds = new Map<string, Kind>()
  #listeners: (() => void)[] = []

  constructor(kinds: readonly Kind[]) {
    for (const kind of kinds) this.add(kind)
  }

  /** In the order in which they were added. */
  all(): readonly Kind[] {
    return [...this.#kinds.values()]
  }

  find({ group, version, resource }: Address): Kind | undefined {
    return this.#kinds.get(`${group}/${version}/${resource}`)
  }

  /** By `apiVersion` and `kind`, as they stand in an object. */
  byName(apiVersion: string, name: string): Kind | undefined {
    return this.all().find((kind) => kind.apiVersion === apiVersion && kind.kind === name)
  }

  add(kind: Kind): void {
    this.#kinds.set(addressOf(kind), kind)
    for (const listener of this.#listeners) listener()
  }

  remove(kind: Kind): void {
    this.#kinds.delete(addressOf(kind))
    for (const listener of this.#listeners) listener()
  }

  /** Called after each kind that came or went. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }
}

function addressOf({ group, version, plural }: Kind): string {
  return `${group}/${version}/${plural}`
}

/** What a subresource is announced as; `status` and `scale` follow from the kind, the rest it declares. */
export function subresourceOf(kind: Kind, name: string): Subresource | undefined {
  const { status, scale, subresources } = kind.def
  if (name === 'status' && status) return { kind: kind.kind, verbs: ['get', 'update', 'patch'] }
  if (name === 'scale' && scale) return { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'update', 'patch'] }
  return subresources && Object.hasOwn(subresources, name) ? subresources[name] : undefined
}
