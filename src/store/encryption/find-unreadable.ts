/** What a store holds that the present encryption keys do not open: asked before a key is let go. */
import { prefixEnd, type Row, type Store } from '../store.ts'
import { openValue, type ProvidersOf } from './encrypted-store.ts'

export interface Unreadable {
  /** What these values begin with: `k8s:enc:aesgcm:v1:key1:`; '' where they are stored as they are. */
  readonly prefix: string
  readonly count: number
  /** One of them. */
  readonly key: string
}

const registry = '/registry/'
const pageSize = 5_000

/**
 * Looks at the beginning of every value, and opens one of each kind below each resource: all values with one beginning have one key.
 * Without providers nothing can be opened but what is stored as it is.
 */
export async function findUnreadable(store: Store, providersOf: ProvidersOf): Promise<readonly Unreadable[]> {
  const look = new Look(providersOf)
  const end = prefixEnd(registry)
  for (let key = registry; ; ) {
    const { rows, more } = await store.range({ key, end, limit: pageSize })
    for (const row of rows) look.at(row)
    const last = rows.at(-1)
    if (!more || !last) return look.found()
    key = `${last.key}\0`
  }
}

class Look {
  #providersOf: ProvidersOf
  /** By resource and prefix: whether one of them was opened. */
  #opens = new Map<string, boolean>()
  #unreadable = new Map<string, { prefix: string; count: number; key: string }>()
  /** What the keys of a resource begin with whose plain values are as they may be: of most values only one byte need be looked at. */
  #plain = '\0'

  constructor(providersOf: ProvidersOf) {
    this.#providersOf = providersOf
  }

  at({ key, value }: Row): void {
    if (value[0] !== mark[0] && key.startsWith(this.#plain)) return
    const prefix = prefixOf(value)
    const kind = `${resourceOf(key)} ${prefix}`
    let opens = this.#opens.get(kind)
    if (opens === undefined) {
      opens = this.#canOpen(key, value)
      this.#opens.set(kind, opens)
    }
    if (opens && !prefix) this.#plain = `${registry}${resourceOf(key)}/`
    if (opens) return
    const found = this.#unreadable.get(prefix)
    if (found) found.count++
    else this.#unreadable.set(prefix, { prefix, count: 1, key })
  }

  found(): readonly Unreadable[] {
    return [...this.#unreadable.values()]
  }

  #canOpen(key: string, value: Uint8Array): boolean {
    try {
      openValue(key, value, this.#providersOf(key))
      return true
    } catch {
      return false
    }
  }
}

/** `/registry/pods` and `/registry/example.com/widgets` alike: enough to tell resources apart. */
function resourceOf(key: string): string {
  const [, , first = '', second = ''] = key.split('/')
  return first.includes('.') ? `${first}/${second}` : first
}

const mark = Buffer.from('k8s:enc:')
const colons = 5
const longest = 300

/** What an encrypted value begins with, the name of its key included: `k8s:enc:PROVIDER:VERSION:NAME:`; '' for others. */
export function prefixOf(value: Uint8Array): string {
  if (value[0] !== mark[0] || !mark.equals(value.subarray(0, mark.byteLength))) return ''
  let seen = 0
  let end = 0
  while (seen < colons && end < Math.min(value.byteLength, longest)) if (value[end++] === 58) seen++
  return Buffer.from(value.subarray(0, end)).toString('latin1')
}
