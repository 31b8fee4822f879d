/**
 * Whether a history of concurrent operations could have happened one after the other, each at an instant between its call and its
 * answer: the search of Wing and Gong with Lowe's memo, as Porcupine does it.
 */

export interface Recorded<I, O> {
  readonly input: I
  /** Undefined where no answer came: it took effect at some instant after the call, or never. */
  readonly output: O | undefined
  /** Numbers that order calls and answers. */
  readonly called: number
  readonly answered: number
}

export interface Model<S, I, O> {
  readonly initial: S
  /** The state after the operation; undefined where it cannot have had this output in this state. */
  step(state: S, input: I, output: O | undefined): S | undefined
  /** Equal for equal states. */
  keyOf(state: S): string
  /** Operations with different answers do not concern each other, and are looked at apart. */
  partitionOf?(input: I): string
}

export type Verdict<I, O> =
  | { readonly ok: true }
  /** `longest`: as far as an order was found; `stuck`: what then could not follow. */
  | { readonly ok: false; readonly longest: readonly Recorded<I, O>[]; readonly stuck: readonly Recorded<I, O>[] }

export function checkLinearizable<S, I, O>(model: Model<S, I, O>, history: readonly Recorded<I, O>[]): Verdict<I, O> {
  const parts = Map.groupBy(history, ({ input }) => model.partitionOf?.(input) ?? '')
  for (const part of parts.values()) {
    const verdict = new Search(model, part).run()
    if (!verdict.ok) return verdict
  }
  return { ok: true }
}

/** A call or an answer in the order of time, in a list that operations are lifted out of and put back into. */
interface Mark {
  readonly operation: number
  readonly isCall: boolean
  before: Mark | undefined
  after: Mark | undefined
}

class Search<S, I, O> {
  #model: Model<S, I, O>
  #operations: readonly Recorded<I, O>[]
  #head: Mark = { operation: -1, isCall: false, before: undefined, after: undefined }
  #answers: (Mark | undefined)[] = []
  #answersLeft = 0

  constructor(model: Model<S, I, O>, operations: readonly Recorded<I, O>[]) {
    this.#model = model
    this.#operations = operations
    const marks = operations.flatMap(({ called, answered, output }, operation) => [
      { operation, isCall: true, at: called },
      ...(output === undefined ? [] : [{ operation, isCall: false, at: answered }]),
    ])
    marks.sort((a, b) => a.at - b.at || Number(b.isCall) - Number(a.isCall))
    let last = this.#head
    for (const { operation, isCall } of marks) {
      const mark: Mark = { operation, isCall, before: last, after: undefined }
      last.after = mark
      last = mark
      if (isCall) continue
      this.#answers[operation] = mark
      this.#answersLeft++
    }
  }

  run(): Verdict<I, O> {
    const model = this.#model
    const seen = new Set<string>()
    const done: { mark: Mark; state: S }[] = []
    const taken = new Uint8Array(Math.ceil(this.#operations.length / 8))
    let state = model.initial
    let longest: number[] = []
    let mark = this.#head.after
    while (this.#answersLeft > 0) {
      if (mark?.isCall) {
        const { input, output } = this.#operations[mark.operation] as Recorded<I, O>
        const next = model.step(state, input, output)
        flip(taken, mark.operation)
        const place = next === undefined ? '' : `${Buffer.from(taken).toString('latin1')}\0${model.keyOf(next)}`
        if (next !== undefined && !seen.has(place)) {
          seen.add(place)
          done.push({ mark, state })
          state = next
          this.#lift(mark)
          if (done.length > longest.length) longest = done.map((one) => one.mark.operation)
          mark = this.#head.after
          continue
        }
        flip(taken, mark.operation)
        mark = mark.after
        continue
      }
      // An answer is reached whose call could not be placed, or the end: the last choice was wrong.
      const last = done.pop()
      if (!last) return this.#failed(longest)
      flip(taken, last.mark.operation)
      state = last.state
      this.#putBack(last.mark)
      mark = last.mark.after
    }
    return { ok: true }
  }

  #failed(longest: readonly number[]): Verdict<I, O> {
    const of = (numbers: readonly number[]) => numbers.map((i) => this.#operations[i] as Recorded<I, O>)
    const others = this.#operations.map((_, i) => i).filter((i) => !longest.includes(i))
    return { ok: false, longest: of(longest), stuck: of(others).slice(0, 10) }
  }

  #lift(call: Mark): void {
    unlink(call)
    const answer = this.#answers[call.operation]
    if (!answer) return
    unlink(answer)
    this.#answersLeft--
  }

  #putBack(call: Mark): void {
    const answer = this.#answers[call.operation]
    if (answer) {
      relink(answer)
      this.#answersLeft++
    }
    relink(call)
  }
}

function unlink(mark: Mark): void {
  if (mark.before) mark.before.after = mark.after
  if (mark.after) mark.after.before = mark.before
}

function relink(mark: Mark): void {
  if (mark.before) mark.before.after = mark
  if (mark.after) mark.after.before = mark
}

function flip(bits: Uint8Array, at: number): void {
  bits[at >> 3]! ^= 1 << (at & 7)
}
