/** Prometheus' text format. */
export class MetricText {
  #lines: string[] = []
  #name = ''

  family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string, level: 'STABLE' | 'ALPHA' | '' = 'STABLE'): void {
    this.#name = name
    this.#lines.push(`# HELP ${name} ${level && `[${level}] `}${help}`, `# TYPE ${name} ${type}`)
  }

  sample(labels: Readonly<Record<string, string>>, value: number, at?: number): void {
    this.#line(this.#name, labels, `${value}${at === undefined ? '' : ` ${Math.trunc(at)}`}`)
  }

  histogram(labels: Readonly<Record<string, string>>, { counts, sum }: Histogram): void {
    let total = 0
    for (const [index, bound] of [...buckets, '+Inf'].entries()) {
      total += counts[index] ?? 0
      this.#line(`${this.#name}_bucket`, { ...labels, le: String(bound) }, String(total))
    }
    this.#line(`${this.#name}_sum`, labels, String(sum))
    this.#line(`${this.#name}_count`, labels, String(total))
  }

  end(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #line(name: string, labels: Readonly<Record<string, string>>, value: string): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`)
    this.#lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`)
  }
}

/** Seconds; as Prometheus' client has them by default. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** How many values fell between one bound and the next, and their sum. */
export class Histogram {
  readonly counts: number[] = new Array(buckets.length + 1).fill(0)
  sum = 0

  observe(value: number): void {
    const index = buckets.findIndex((bound) => value <= bound)
    const at = index === -1 ? buckets.length : index
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.sum += value
  }
}
