/** What a store holds that the present encryption keys do not open: asked before a key is let go. */
import { prefixEnd, type Row, type Store } from '../store.ts'
import { fetchFor, openValue, type ProvidersOf } from './encrypted-store.ts'
import { KmsUnreachable } from './kms.ts'
import { mark, prefixOf, resourceOf } from './value-prefix.ts'

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
 * Without providers nothing can be opened but what is stored as it is. Rejects with `KmsUnreachable` where one is needed that does not answer.
 */
export async function findUnreadable(store: Store, providersOf: ProvidersOf): Promise<readonly Unreadable[]> {
  const look = new Look()
  const end = prefixEnd(registry)
  for (let key = registry; ; ) {
    const { rows, more } = await store.range({ key, end, limit: pageSize })
    for (const row of rows) if (look.isUnknown(row)) look.note(row, await canOpen(row, providersOf))
    const last = rows.at(-1)
    if (!more || !last) return look.found()
    key = `${last.key}\0`
  }
}

/** Those of a few values, one for each way in which there are some, that the present keys do not open. */
export async function unreadableOf<T extends { readonly key: string; readonly value: Uint8Array }>(
  values: readonly T[],
  providersOf: ProvidersOf,
): Promise<T[]> {
  const opens = await Promise.all(values.map((one) => canOpen(one, providersOf)))
  return values.filter((_, i) => !opens[i])
}

class Look {
  /** By resource and prefix: whether one of them was opened. */
  #opens = new Map<string, boolean>()
  #unreadable = new Map<string, { prefix: string; count: number; key: string }>()
  /** What the keys of a resource begin with whose plain values are as they may be: of most values only one byte need be looked at. */
  #plain = '\0'

  /** The first of its kind is to be tried, and noted; others are counted. */
  isUnknown(row: Row): boolean {
    const { key, value } = row
    if (value[0] !== mark[0] && key.startsWith(this.#plain)) return false
    const prefix = prefixOf(value)
    const opens = this.#opens.get(`${resourceOf(key)} ${prefix}`)
    if (opens === undefined) return true
    this.#count(key, prefix, opens)
    return false
  }

  note({ key, value }: Row, opens: boolean): void {
    const prefix = prefixOf(value)
    this.#opens.set(`${resourceOf(key)} ${prefix}`, opens)
    this.#count(key, prefix, opens)
  }

  #count(key: string, prefix: string, opens: boolean): void {
    if (opens && !prefix) this.#plain = `${registry}${resourceOf(key)}/`
    if (opens) return
    const found = this.#unreadable.get(prefix)
    if (found) found.count++
    else this.#unreadable.set(prefix, { prefix, count: 1, key })
  }

  found(): readonly Unreadable[] {
    return [...this.#unreadable.values()]
  }
}

async function canOpen({ key, value }: Pick<Row, 'key' | 'value'>, providersOf: ProvidersOf): Promise<boolean> {
  try {
    await fetchFor({ key, value }, providersOf)
    openValue(key, value, providersOf(key))
    return true
  } catch (error) {
    if (error instanceof KmsUnreachable) throw error
    return false
  }
}
