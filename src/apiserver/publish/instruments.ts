/** Counters and histograms that parts of the server fill, and `/metrics` tells: made once per server, under upstream's names. */
import { family, Histogram, type Labels, sample, samples } from './exposition.ts'

export class Instruments {
  readonly #all: { lines(): string[] }[] = []

  counter(name: string, help: string): Counter {
    return this.#kept(new Counter(name, help))
  }

  histogram(name: string, help: string, bounds: readonly number[] = defaultBounds): Histograms {
    return this.#kept(new Histograms(name, help, bounds))
  }

  /** Read when it is asked for. */
  gauge(name: string, help: string, read: () => Iterable<readonly [Labels, number]>): void {
    this.#all.push({ lines: () => samples([name, 'gauge', help], [...read()]) })
  }

  /** A counter that others keep, read when it is asked for. */
  counterOf(name: string, help: string, read: () => Iterable<readonly [Labels, number]>): void {
    this.#all.push({ lines: () => samples([name, 'counter', help], [...read()]) })
  }

  /** What others in this process count, as lines that are complete. */
  include(others: { lines(): string[] }): void {
    this.#all.push(others)
  }

  lines(): string[] {
    return this.#all.flatMap((one) => one.lines())
  }

  #kept<T extends { lines(): string[] }>(one: T): T {
    this.#all.push(one)
    return one
  }
}

/** Prometheus' own. */
const defaultBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** `prometheus.ExponentialBuckets`. */
export function exponentialBounds(start: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i)
}

/** Those who count often keep their series: nothing is looked up then. */
export interface CounterSeries {
  value: number
}

export class Counter {
  readonly #name: string
  readonly #help: string
  readonly #series = new Map<string, { readonly labels: Labels; readonly state: CounterSeries }>()

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  series(labels: Labels): CounterSeries {
    const key = keyOf(labels)
    let found = this.#series.get(key)
    if (!found) this.#series.set(key, (found = { labels, state: { value: 0 } }))
    return found.state
  }

  add(labels: Labels, by = 1): void {
    this.series(labels).value += by
  }

  lines(): string[] {
    if (this.#series.size === 0) return []
    const values = [...this.#series.values()].map(({ labels, state }) => sample(this.#name, labels, state.value))
    return [...family(this.#name, 'counter', this.#help), ...values]
  }
}

export class Histograms {
  readonly #name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, { readonly labels: Labels; readonly state: Histogram }>()

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name
    this.#help = help
    this.#bounds = bounds
  }

  series(labels: Labels): Histogram {
    const key = keyOf(labels)
    let found = this.#series.get(key)
    if (!found) this.#series.set(key, (found = { labels, state: new Histogram(this.#bounds) }))
    return found.state
  }

  observe(labels: Labels, value: number): void {
    this.series(labels).observe(value)
  }

  lines(): string[] {
    if (this.#series.size === 0) return []
    const values = [...this.#series.values()].flatMap(({ labels, state }) => state.lines(this.#name, labels))
    return [...family(this.#name, 'histogram', this.#help), ...values]
  }
}

function keyOf(labels: Labels): string {
  let key = ''
  for (const name in labels) key += `${labels[name]}\0`
  return key
}
