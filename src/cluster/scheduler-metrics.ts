/** Metrics of the scheduler, under upstream's names (`pkg/scheduler/metrics`). */
import { family, Histogram, samples } from '#apiserver/publish/exposition.ts'
import type { SchedulerWatcher } from '#scheduler/scheduler.ts'

export interface SchedulerMetrics {
  readonly watcher: SchedulerWatcher
  leading(lease: string, leads: boolean): void
  text(): string
}

const attemptBuckets = Array.from({ length: 15 }, (_, exponent) => 0.001 * 2 ** exponent)
const sliBuckets = Array.from({ length: 20 }, (_, exponent) => 0.01 * 2 ** exponent)
const victimBuckets = [1, 2, 4, 8, 16, 32, 64]
const triesBuckets = [1, 2, 4, 8, 16]

export function schedulerMetrics(): SchedulerMetrics {
  const attempts = new Map<string, { labels: { profile: string; result: string }; durations: Histogram }>()
  const sli = new Map<string, Histogram>()
  const tries = new Histogram(triesBuckets)
  const victims = new Histogram(victimBuckets)
  const leases = new Map<string, boolean>()
  let pending: Parameters<SchedulerWatcher['started']>[0] = () => ({ active: 0, backoff: 0, unschedulable: 0, gated: 0 })
  const watcher: SchedulerWatcher = {
    started: (count) => void (pending = count),
    decided({ profile, result, took }) {
      const key = `${profile} ${result}`
      const known = attempts.get(key) ?? { labels: { profile, result }, durations: new Histogram(attemptBuckets) }
      attempts.set(key, known)
      known.durations.observe(took / 1000)
    },
    bound(binding) {
      const label = String(Math.min(binding.attempts, 16))
      const known = sli.get(label) ?? new Histogram(sliBuckets)
      sli.set(label, known)
      known.observe(binding.since / 1000)
      tries.observe(binding.attempts)
    },
    preempting: (count) => victims.observe(count),
  }
  const text = () =>
    [
      ...samples(
        ['leader_election_master_status', 'gauge', 'Whether this process holds the lease, by its name.'],
        [...leases].map(([name, leads]) => [{ name }, leads ? 1 : 0] as const),
      ),
      ...samples(
        ['scheduler_schedule_attempts_total', 'counter', 'Attempts to schedule pods, by result.'],
        [...attempts.values()].map(({ labels, durations }) => [labels, durations.count] as const),
      ),
      ...family('scheduler_scheduling_attempt_duration_seconds', 'histogram', 'How long an attempt took.'),
      ...[...attempts.values()].flatMap(({ labels, durations }) =>
        durations.lines('scheduler_scheduling_attempt_duration_seconds', labels),
      ),
      ...family('scheduler_pod_scheduling_sli_duration_seconds', 'histogram', 'From the first attempt to the binding.'),
      ...[...sli].flatMap(([label, histogram]) =>
        histogram.lines('scheduler_pod_scheduling_sli_duration_seconds', { attempts: label }),
      ),
      ...family('scheduler_pod_scheduling_attempts', 'histogram', 'Attempts until a pod was scheduled.'),
      ...tries.lines('scheduler_pod_scheduling_attempts', {}),
      ...family('scheduler_preemption_victims', 'histogram', 'Pods that had to go at once.'),
      ...victims.lines('scheduler_preemption_victims', {}),
      ...samples(['scheduler_preemption_attempts_total', 'counter', 'How often pods had to go.'], [[{}, victims.count]]),
      ...samples(
        ['scheduler_pending_pods', 'gauge', 'Pods that wait, by queue.'],
        Object.entries(pending()).map(([queue, count]) => [{ queue }, count] as const),
      ),
      '',
    ].join('\n')
  return { watcher, text, leading: (lease, leads) => void leases.set(lease, leads) }
}
