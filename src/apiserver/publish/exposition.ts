/** Metrics as Prometheus reads them: families, samples, histograms. */

export type Labels = Readonly<Record<string, string | number>>

export function family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

export function sample(name: string, labels: Labels, value: number): string {
  let pairs = ''
  for (const label in labels) pairs += `${pairs ? ',' : ''}${label}=${JSON.stringify(String(labels[label]))}`
  return pairs ? `${name}{${pairs}} ${value}` : `${name} ${value}`
}

/** A family with its samples; nothing where there are none. */
export function samples(
  [name, type, help]: readonly [name: string, type: 'counter' | 'gauge', help: string],
  values: readonly (readonly [Labels, number])[],
): string[] {
  if (values.length === 0) return []
  return [...family(name, type, help), ...values.map(([labels, value]) => sample(name, labels, value))]
}

/** The same, and what is to be told of the metrics themselves (upstream `component-base/metrics`). */
export function withRegistered(text: string): string {
  const counts = new Map<string, number>()
  for (const [, level = '', version = ''] of text.matchAll(/^# HELP \S+ \[(\w+)\](?: \(Deprecated since (\S+)\))?/gm)) {
    const key = `${level} ${version}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const registered = [...counts].map(([key, count]) => {
    const [stability_level = '', deprecated_version = ''] = key.split(' ')
    return [{ deprecated_version, stability_level }, count] as const
  })
  const help = '[BETA] The count of registered metrics broken by stability level and deprecation version.'
  const lines = [
    ...samples(['disabled_metrics_total', 'counter', '[BETA] The count of disabled metrics.'], [[{}, 0]]),
    ...samples(['hidden_metrics_total', 'counter', '[BETA] The count of hidden metrics.'], [[{}, 0]]),
    ...samples(['registered_metrics_total', 'counter', help], registered),
  ]
  return `${text}${lines.join('\n')}\n`
}

export class Histogram {
  readonly bounds: readonly number[]
  sum = 0
  count = 0
  /** Of each bucket alone; what is told includes the smaller ones. */
  readonly #counts: number[]

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    this.count++
    this.sum += value
    const { bounds } = this
    for (let i = 0; i < bounds.length; i++) {
      if (value > (bounds[i] as number)) continue
      this.#counts[i] = (this.#counts[i] as number) + 1
      return
    }
  }

  /** `more` were observed that had all the same value: nothing, unless `value` says otherwise. */
  lines(name: string, labels: Labels, more = 0, value = 0): string[] {
    let upTo = 0
    const buckets = this.bounds.map((le, i) => {
      upTo += this.#counts[i] as number
      return sample(`${name}_bucket`, { ...labels, le }, upTo + (value <= le ? more : 0))
    })
    return [
      ...buckets,
      sample(`${name}_bucket`, { ...labels, le: '+Inf' }, this.count + more),
      sample(`${name}_sum`, labels, this.sum + more * value),
      sample(`${name}_count`, labels, this.count + more),
    ]
  }
}
