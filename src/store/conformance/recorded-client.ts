/** Clients that work on a few keys at once and tell what they ask and what is answered; and the model that judges it. */
import type { Random } from '#lib/random.ts'
import type { Model, Recorded } from '#testing/linearizability.ts'
import { create, remove, type Store, update } from '../store.ts'

export type Input =
  | { readonly op: 'put'; readonly key: string; readonly value: string }
  | { readonly op: 'create'; readonly key: string; readonly value: string }
  | { readonly op: 'update'; readonly key: string; readonly value: string; readonly revision: number }
  | { readonly op: 'remove'; readonly key: string; readonly revision: number }
  | { readonly op: 'read'; readonly key: string }

export interface Output {
  readonly ok: boolean
  /** Of the write; of the row that was read or stood in the way, 0 where there was none. */
  readonly revision: number
  readonly value?: string
}

/** A line each: the number of the operation, and what is asked or answered. */
export interface Told {
  called(id: number, input: Input): void
  answered(id: number, output: Output): void
}

interface Run {
  readonly store: Store
  readonly random: Random
  readonly clients: number
  readonly each: number
  readonly keys: number
  /** What values begin with. */
  readonly label?: string
  readonly told: Told
}

/** A failure is no answer: the operation may or may not have happened. */
export async function runClients({ store, random, clients, each, keys, label = '', told }: Run): Promise<void> {
  let ids = 0
  const seen = new Map<string, number>()
  const client = async (name: number) => {
    for (let i = 0; i < each; i++) {
      const input = chosen({ random, key: `/k/${Math.floor(random.next() * keys)}`, value: `${label}${name}.${i}`, seen })
      const id = ids++
      told.called(id, input)
      const output = await perform(store, input)
      seen.set(input.key, output.revision)
      told.answered(id, output)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)))
}

function chosen({ random, key, value, seen }: { random: Random; key: string; value: string; seen: Map<string, number> }): Input {
  const revision = seen.get(key) ?? 0
  const chance = random.next()
  if (chance < 0.3) return { op: 'put', key, value }
  if (chance < 0.45) return { op: 'create', key, value }
  if (chance < 0.7) return { op: 'update', key, value, revision }
  if (chance < 0.85) return { op: 'remove', key, revision }
  return { op: 'read', key }
}

const cause = { user: 'client', time: 0, request: '' }
const bytes = (text: string) => new TextEncoder().encode(text)

export async function perform(store: Store, input: Input): Promise<Output> {
  const { key } = input
  if (input.op === 'put') {
    const { revision } = await store.txn({ compare: [], success: [{ op: 'put', key, value: bytes(input.value) }], cause })
    return { ok: true, revision }
  }
  if (input.op === 'read') {
    const [row] = (await store.range({ key })).rows
    return { ok: true, revision: row?.revision ?? 0, ...(row && { value: new TextDecoder().decode(row.value) }) }
  }
  const { ok, revision, current } = await guarded(store, input)
  if (ok) return { ok, revision }
  return { ok, revision: current?.revision ?? 0, ...(current && { value: new TextDecoder().decode(current.value) }) }
}

function guarded(store: Store, input: Exclude<Input, { op: 'read' } | { op: 'put' }>) {
  const { key } = input
  if (input.op === 'remove') return remove(store, { key, revision: input.revision }, cause)
  if (input.op === 'update') return update(store, { key, value: bytes(input.value), revision: input.revision }, cause)
  return create(store, { key, value: bytes(input.value) }, cause)
}

/** Of one key. `revision` is undefined after a write whose answer nobody heard. */
interface KeyState {
  readonly value: string | undefined
  readonly revision: number | undefined
}

export const storeModel: Model<KeyState, Input, Output> = {
  initial: { value: undefined, revision: 0 },
  step(state, input, output) {
    if (input.op === 'read') return output ? matching(state, output) : state
    if (output && !output.ok) return refused(input, state) ? matching(state, output) : undefined
    if (!output && input.op !== 'put' && !applies(input, state)) return state
    if (output && input.op !== 'put' && !applies(input, state)) return undefined
    // Revisions of a key only grow.
    if (output && state.revision !== undefined && output.revision <= state.revision && input.op !== 'remove') return undefined
    return input.op === 'remove' ? { value: undefined, revision: 0 } : { value: input.value, revision: output?.revision }
  },
  keyOf: ({ value, revision }) => `${value} ${revision}`,
  partitionOf: ({ key }) => key,
}

function applies(input: Input, { value, revision }: KeyState): boolean {
  if (input.op === 'create') return value === undefined
  if (input.op !== 'update' && input.op !== 'remove') return true
  return (
    (revision === undefined && value !== undefined) ||
    (revision === input.revision && (value !== undefined || input.revision === 0))
  )
}

function refused(input: Input, state: KeyState): boolean {
  return input.op !== 'put' && (state.revision === undefined || !applies(input, state))
}

/** The state, if it can be what was read; an unknown revision becomes known. */
function matching(state: KeyState, { revision, value }: Output): KeyState | undefined {
  if (state.value !== value) return undefined
  if (value === undefined) return state
  return state.revision === undefined || state.revision === revision ? { value, revision } : undefined
}

/** Collects what is told; the order of telling is the order of time. */
export class Recording implements Told {
  #time = 0
  #calls = new Map<number, { input: Input; called: number; answered: number; output?: Output }>()

  called(id: number, input: Input): void {
    this.#calls.set(id, { input, called: this.#time++, answered: Number.POSITIVE_INFINITY })
  }

  answered(id: number, output: Output): void {
    const call = this.#calls.get(id)
    if (call) this.#calls.set(id, { ...call, output, answered: this.#time++ })
  }

  /** It was refused, and has no effect. */
  never(id: number): void {
    this.#calls.delete(id)
  }

  /** With what was found at the end, key by key, as reads after everything. */
  history(found: readonly { readonly key: string; readonly output: Output }[] = []): Recorded<Input, Output>[] {
    const operations = [...this.#calls.values()].map((call) => ({ ...call, output: call.output }))
    const reads = found.map(({ key, output }, i) => {
      const at = this.#time + i
      return { input: { op: 'read' as const, key }, output, called: at, answered: at + 0.5 }
    })
    return [...operations, ...reads]
  }
}
