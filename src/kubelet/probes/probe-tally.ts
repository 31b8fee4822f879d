/** How often the node's probes ended how, and how long they took; a pod's count goes with the pod (upstream `kubelet/prober/metrics.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { Histogram } from '../server/metric-text.ts'

export type Ending = 'successful' | 'failed' | 'unknown'

export interface ProbeCount {
  /** `Liveness`, `Readiness` or `Startup`. */
  readonly type: string
  readonly container: string
  readonly pod: string
  readonly namespace: string
  readonly podUid: string
  readonly endings: Record<Ending, number>
  readonly seconds: Histogram
}

export class ProbeTally {
  readonly #counts = new Map<string, Map<string, ProbeCount>>()

  note(
    { metadata }: Pod,
    { type, container }: { type: string; container: string },
    ended: { ending: Ending; seconds: number },
  ): void {
    const own = this.#counts.get(metadata.uid) ?? new Map<string, ProbeCount>()
    this.#counts.set(metadata.uid, own)
    const key = `${type}/${container}`
    const count = own.get(key) ?? {
      ...{ type, container, pod: metadata.name, namespace: metadata.namespace ?? '', podUid: metadata.uid },
      endings: { successful: 0, failed: 0, unknown: 0 },
      seconds: new Histogram(),
    }
    own.set(key, count)
    count.endings[ended.ending]++
    count.seconds.observe(ended.seconds)
  }

  remove(podUid: string): void {
    this.#counts.delete(podUid)
  }

  counts(): readonly ProbeCount[] {
    return [...this.#counts.values()].flatMap((own) => [...own.values()])
  }
}
