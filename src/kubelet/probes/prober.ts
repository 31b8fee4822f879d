/** The probes of the node's containers: each runs by its own period and keeps its result for the pod worker and the status. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Probe } from '#api/core/v1/probe.ts'
import type { Timer } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Container } from '../containers/pod-names.ts'
import type { ProbeResult } from '../sync-pod.ts'
import { type ProbeCount, ProbeTally } from './probe-tally.ts'
import { type Attempt, type ProbeMeans, runProbe } from './run-probe.ts'

/** Milliseconds. */
const firstKnock = 20

export type ProbeType = 'startup' | 'liveness' | 'readiness'

export interface RunningContainer {
  readonly container: Container
  readonly id: string
  readonly startedAt: number
}

export interface ProbesOptions extends ProbeMeans {
  readonly random: Random
  /** A result changed; the pod is to be looked at. */
  readonly onResult: (podUid: string) => void
  readonly record: (pod: Pod, container: string, event: { reason: string; message: string }) => void
}

/** What stands while a probe has not decided yet. */
const initial: Readonly<Record<ProbeType, ProbeResult>> = { startup: 'unknown', liveness: 'success', readiness: 'failure' }
const fields = { startup: 'startupProbe', liveness: 'livenessProbe', readiness: 'readinessProbe' } as const
const endings = { success: 'successful', warning: 'successful', failure: 'failed', error: 'unknown' } as const
const titles = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const

/**
 * Guarantees: liveness and readiness wait for the startup probe's success; after a failure of startup or liveness that reached
 * its threshold a container is not probed again by them, since it is going to be killed.
 */
export class Probes {
  readonly #options: ProbesOptions
  /** Pod uid -> probes. */
  readonly #pods = new Map<string, ProbeRun[]>()
  /** `<type>/<container id>` -> probe. */
  readonly #runs = new Map<string, ProbeRun>()
  readonly #startedAt: number
  readonly #tally = new ProbeTally()

  constructor(options: ProbesOptions) {
    this.#options = options
    this.#startedAt = options.clock.now()
  }

  /** Begins probing what runs and forgets what does not. Called with every look at the pod. */
  update(pod: Pod, podIp: string, running: readonly RunningContainer[]): void {
    const { uid } = pod.metadata
    const ids = new Set(running.map(({ id }) => id))
    const kept = (this.#pods.get(uid) ?? []).filter((run) => {
      if (ids.has(run.target.containerId)) return true
      this.#drop(run)
      return false
    })
    for (const { container, id, startedAt } of running) {
      for (const type of Object.keys(fields) as ProbeType[]) {
        const probe = container[fields[type]]
        const known = this.#runs.get(`${type}/${id}`)
        if (known) known.target = { ...known.target, pod, container, podIp }
        if (!probe || known) continue
        const run = new ProbeRun(type, probe, { pod, container, containerId: id, podIp })
        if (startedAt < this.#startedAt) run.result = reported(type, pod, id) ?? run.result
        this.#runs.set(`${type}/${id}`, run)
        kept.push(run)
        this.#begin(run, startedAt)
      }
    }
    if (kept.length > 0) this.#pods.set(uid, kept)
    else this.#pods.delete(uid)
  }

  /** Undefined: there is no such probe. */
  result(type: ProbeType, containerId: string): ProbeResult | undefined {
    return this.#runs.get(`${type}/${containerId}`)?.result
  }

  /** A pod that is ending is no longer killed for being unhealthy; readiness goes on. */
  stopKilling(podUid: string): void {
    for (const run of this.#pods.get(podUid) ?? []) if (run.type !== 'readiness') run.stop()
  }

  remove(podUid: string): void {
    for (const run of this.#pods.get(podUid) ?? []) this.#drop(run)
    this.#pods.delete(podUid)
    this.#tally.remove(podUid)
  }

  counts(): readonly ProbeCount[] {
    return this.#tally.counts()
  }

  #drop(run: ProbeRun): void {
    run.stop()
    this.#runs.delete(`${run.type}/${run.target.containerId}`)
  }

  /** Containers that were there before the agent are spread over a period. */
  #begin(run: ProbeRun, startedAt: number): void {
    const { clock, random } = this.#options
    const period = (run.probe.periodSeconds ?? 10) * 1000
    const due = startedAt + (run.probe.initialDelaySeconds ?? 0) * 1000
    const adopted = startedAt < this.#startedAt
    const delay = Math.max(0, due - clock.now()) + (adopted ? random.next() * period : 0)
    run.timer = clock.after(delay, () => void this.#tick(run, period))
  }

  async #tick(run: ProbeRun, period: number): Promise<void> {
    if (run.stopped) return
    const { clock } = this.#options
    const began = clock.monotonic()
    const next = () => began + period - clock.monotonic()
    if (!this.#isHeld(run)) {
      const attempt = await this.#attempt(run)
      if (attempt.isRefused && !run.stopped && run.isAwaited) return this.#knock(run, { period, next, pause: firstKnock })
    }
    if (run.stopped) return
    run.timer = clock.after(Math.max(0, next()), () => void this.#tick(run, period))
  }

  /**
   * A program that is starting does not listen yet. It is not left unready for the rest of the period: between two attempts the port is
   * tried at growing distances, of which only a success counts.
   */
  #knock(run: ProbeRun, { period, next, pause }: { period: number; next: () => number; pause: number }): void {
    const { clock } = this.#options
    if (pause >= next()) {
      run.timer = clock.after(Math.max(0, next()), () => void this.#tick(run, period))
      return
    }
    run.timer = clock.after(pause, async () => {
      const attempt = await this.#probe(run)
      if (run.stopped) return
      if (attempt.isRefused) return this.#knock(run, { period, next, pause: pause * 1.5 })
      if (attempt.result === 'success') this.#take(run, attempt)
      run.timer = clock.after(attempt.result === 'success' ? period : Math.max(0, next()), () => void this.#tick(run, period))
    })
  }

  #isHeld({ type, result, target }: ProbeRun): boolean {
    if (type === 'startup') return result !== 'unknown'
    if (type === 'liveness' && result === 'failure') return true
    const startup = this.result('startup', target.containerId)
    return startup !== undefined && startup !== 'success'
  }

  async #attempt(run: ProbeRun): Promise<Attempt> {
    const { clock } = this.#options
    const began = clock.monotonic()
    const attempt = await this.#probe(run)
    if (run.stopped) return attempt
    const about = { type: titles[run.type], container: run.target.container.name }
    const ending = endings[attempt.result]
    this.#tally.note(run.target.pod, about, { ending, seconds: (clock.monotonic() - began) / 1000 })
    this.#take(run, attempt)
    return attempt
  }

  #probe(run: ProbeRun): Promise<Attempt> {
    return runProbe(run.probe, run.target, this.#options).catch(
      (error: unknown): Attempt => ({ result: 'error', output: error instanceof Error ? error.message : String(error) }),
    )
  }

  #take(run: ProbeRun, attempt: Attempt): void {
    this.#report(run, attempt)
    if (attempt.result === 'error' || !run.note(attempt.result === 'failure' ? 'failure' : 'success')) return
    const { uid } = run.target.pod.metadata
    this.#options.onResult(uid)
    if (run.type === 'startup' && run.result === 'success') this.#hurry(uid, run.target.containerId)
  }

  /** Once a container has started, the other probes need not wait for the rest of their period. */
  #hurry(podUid: string, containerId: string): void {
    for (const run of this.#pods.get(podUid) ?? []) {
      if (run.type === 'startup' || run.target.containerId !== containerId || run.stopped) continue
      run.timer?.cancel()
      const period = (run.probe.periodSeconds ?? 10) * 1000
      run.timer = this.#options.clock.after(0, () => void this.#tick(run, period))
    }
  }

  #report({ type, target }: ProbeRun, { result, output }: Attempt): void {
    if (result === 'success') return
    const message =
      result === 'failure'
        ? `${titles[type]} probe failed: ${output}`
        : result === 'warning'
          ? `${titles[type]} probe warning: ${output}`
          : `${titles[type]} probe errored and resulted in unknown state: ${output}`
    this.#options.record(target.pod, target.container.name, {
      reason: result === 'warning' ? 'ProbeWarning' : 'Unhealthy',
      message,
    })
  }
}

/** A restart of the agent is no reason to call a container unready that was ready (KEP-4781): its first probe decides. */
function reported(type: ProbeType, { status }: Pod, containerId: string): ProbeResult | undefined {
  const known = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].find(({ containerID }) =>
    containerID?.endsWith(`//${containerId}`),
  )
  const isGood = type === 'readiness' ? known?.ready : type === 'startup' ? known?.started : undefined
  return isGood ? 'success' : undefined
}

class ProbeRun {
  readonly type: ProbeType
  readonly probe: Probe
  target: { pod: Pod; container: Container; containerId: string; podIp: string }
  result: ProbeResult
  timer: Timer | undefined
  stopped = false
  #last: 'success' | 'failure' | undefined
  #times = 0

  constructor(type: ProbeType, probe: Probe, target: ProbeRun['target']) {
    this.type = type
    this.probe = probe
    this.target = target
    this.result = initial[type]
  }

  /** Who waits for a success that has not come yet: what a failing liveness probe is for, is not hurried. */
  get isAwaited(): boolean {
    return this.type !== 'liveness' && this.result !== 'success' && this.#last !== 'success'
  }

  /** Counts an outcome; true when the result changed by it. */
  note(outcome: 'success' | 'failure'): boolean {
    this.#times = outcome === this.#last ? this.#times + 1 : 1
    this.#last = outcome
    const threshold = outcome === 'failure' ? (this.probe.failureThreshold ?? 3) : (this.probe.successThreshold ?? 1)
    if (this.#times < threshold || outcome === this.result) return false
    this.result = outcome
    return true
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }
}
