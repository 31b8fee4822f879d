/** A store whose keys lie below a key of another one: for tests that write keys of their own where nothing is seen but what the API has. */
import type { Row, Store, StoreEvent } from '#store/store.ts'

export function storeBelow(below: string, store: Store): Store {
  const into = <T extends { key: string; end?: string }>(span: T): T => {
    const { key, end } = span
    return { ...span, key: `${below}${key}`, ...(end !== undefined && { end: `${below}${end}` }) }
  }
  const out = <T extends Row | undefined>(found: T): T => found && { ...found, key: found.key.slice(below.length) }
  const event = ({ row, previous, ...rest }: StoreEvent): StoreEvent => ({
    ...{ ...rest, row: out(row) },
    ...(previous && { previous: out(previous) }),
  })
  const over: Partial<Store> = {
    async range(request) {
      const { rows, ...rest } = await store.range(into(request))
      return { ...rest, rows: rows.map(out) }
    },
    async txn({ compare, success, failure = [], ...rest }) {
      const [first, second] = [success, failure].map((branch) => branch.map((one) => into(one)))
      const result = await store.txn({ ...rest, compare: compare.map(into), success: first ?? [], failure: second ?? [] })
      const results = result.results.map((one) => {
        if (one.op === 'put') return { op: one.op, ...(one.previous && { previous: out(one.previous) }) }
        return one.op === 'range' ? { ...one, rows: one.rows.map(out) } : { ...one, deleted: one.deleted.map(out) }
      })
      return { ...result, results }
    },
    watch: (request, onBatch) =>
      store.watch(into(request), (batch) =>
        onBatch(batch.type === 'events' ? { ...batch, events: batch.events.map(event) } : batch),
      ),
  }
  return new Proxy(store, {
    get(_, name) {
      const found = Reflect.get(over, name) ?? Reflect.get(store, name)
      return typeof found === 'function' ? found.bind(store) : found
    },
  })
}
