/** `/metrics/probes`. */
import type { Ending, ProbeCount } from '../probes/probe-tally.ts'
import { MetricText } from './metric-text.ts'

const endings: readonly Ending[] = ['successful', 'failed', 'unknown']

export function probeMetrics(counts: readonly ProbeCount[]): string {
  const text = new MetricText()
  const about = ({ container, namespace, pod }: ProbeCount) => ({ container, namespace, pod })
  text.family('prober_probe_duration_seconds', 'histogram', 'Duration in seconds for a probe response.', 'ALPHA')
  for (const count of counts) text.histogram({ ...about(count), probe_type: count.type }, count.seconds)
  const help = 'Cumulative number of a liveness, readiness or startup probe for a container by result.'
  text.family('prober_probe_total', 'counter', help, 'ALPHA')
  for (const count of counts) {
    for (const result of endings) {
      const times = count.endings[result]
      if (times > 0) text.sample({ ...about(count), pod_uid: count.podUid, probe_type: count.type, result }, times)
    }
  }
  return text.end()
}
