/**
 * One pod on a simulated node, from the binding to its end.
 *
 *     starting ──> running ──> ended          a deletion leads to `stopping` from everywhere
 *         ^           │ ended badly
 *         └─ backing off
 *
 * Guarantees: one write of a pod at a time, and what is written last is the newest; a pod that was found running goes on running.
 */
import { Pod } from '#api/core/v1/pod.ts'
import { hasReason } from '#schema/status-error.ts'
import { draw, type Means } from './means.ts'
import { type Activity, type PodView, statusOf } from './pod-status.ts'
import type { Room } from './room.ts'
import { type Behaviour, instantly } from './shapes.ts'
import { wishesOf } from './wishes.ts'

/** What a pod sees of its node. */
export interface Host {
  readonly address: string
  readonly behaviour: Behaviour
  readonly room: Room
  /** The node has failed: nothing happens on it until it is back. */
  readonly isDown: boolean
  takeAddress(): string
  keepAddress(address: string): void
  giveAddress(address: string): void
}

/** A wait that lasts is shown; one that does not spares a write. */
const worthTelling = 1_000
const firstPause = 10_000
const longestPause = 300_000
const retryAfter = 1_000
const usualRun = { least: 1_000, most: 1_000 }
/** Of a process that a SIGTERM ended. */
const terminatedBySignal = 143

export class PodLife {
  #host: Host
  #means: Means
  #stage: 'new' | 'starting' | 'running' | 'backingOff' | 'ended' | 'stopping' | 'gone' = 'new'
  /** As last seen. */
  #pod: Pod
  #address = ''
  #holds: Pod | undefined
  #restarts = 0
  #lastExitCode = 1
  #startedAt = 0
  #view: PodView | undefined
  #isDoomed = false
  #isWriting = false
  /** What became due while the node was down. */
  #missed: (() => void) | undefined

  constructor(pod: Pod, host: Host, means: Means) {
    this.#pod = pod
    this.#host = host
    this.#means = means
  }

  get isRunning(): boolean {
    return this.#stage === 'running'
  }

  update(pod: Pod): void {
    this.#pod = pod
    if (this.#host.isDown || this.#stage === 'gone') return
    const { phase } = pod.status
    if (pod.metadata.deletionTimestamp) this.#stop()
    else if (phase === 'Succeeded' || phase === 'Failed') this.#settle('ended')
    else if (this.#stage === 'new') this.#begin()
    else if (this.#stage === 'running' && isStale(pod)) this.#tell({ state: 'running' })
  }

  /** The node is back. */
  resume(): void {
    const missed = this.#missed
    this.#missed = undefined
    missed?.()
    this.update(this.#pod)
  }

  /** The API no longer knows the pod. */
  gone(): void {
    this.#settle('gone')
    this.#view = undefined
    this.#isDoomed = false
  }

  #begin(): void {
    const pod = this.#pod
    const { podIP } = pod.status
    if (pod.status.phase === 'Running' && podIP) return this.#adopt(podIP)
    const verdict = this.#host.room.take(pod)
    if (verdict) return this.#end(1, verdict)
    this.#hold(pod)
    this.#address = pod.spec.hostNetwork ? this.#host.address : this.#host.takeAddress()
    this.#stage = 'starting'
    this.#startedAt = this.#means.clock.now()
    const delay = draw(this.#means, wishesOf(pod).start ?? this.#host.behaviour.start ?? instantly)
    if (delay >= worthTelling) this.#tell({ state: 'creating' })
    this.#limit(pod)
    this.#later(delay, 'starting', () => this.#run())
  }

  #adopt(address: string): void {
    const [container] = this.#pod.status.containerStatuses ?? []
    this.#host.room.keep(this.#pod)
    this.#hold(this.#pod)
    if (!this.#pod.spec.hostNetwork) this.#host.keepAddress(address)
    this.#address = address
    this.#restarts = container?.restartCount ?? 0
    this.#startedAt = Date.parse(container?.state.running?.startedAt ?? '') || this.#means.clock.now()
    this.#limit(this.#pod)
    if (container?.state.waiting) {
      this.#stage = 'backingOff'
      return this.#later(firstPause, 'backingOff', () => this.#again())
    }
    this.#stage = 'running'
    this.#planEnd()
    if (isStale(this.#pod)) this.#tell({ state: 'running' })
  }

  #run(): void {
    this.#stage = 'running'
    this.#startedAt = this.#means.clock.now()
    this.#tell({ state: 'running' })
    this.#planEnd()
  }

  #planEnd(): void {
    const { podFailures, run } = this.#host.behaviour
    const wishes = wishesOf(this.#pod)
    const fails = podFailures && wishes.exitCode === undefined && this.#means.random.next() < podFailures.share
    if (fails) {
      const code = podFailures.exitCode ?? 1
      return this.#later(draw(this.#means, podFailures.after ?? instantly), 'running', () => this.#fail(code))
    }
    if (this.#pod.spec.restartPolicy === 'Always' && !wishes.run && wishes.exitCode === undefined) return
    const code = wishes.exitCode ?? 0
    const delay = draw(this.#means, wishes.run ?? run ?? usualRun)
    this.#later(delay, 'running', () => (this.#restartsAfter(code) ? this.#fail(code) : this.#end(code)))
  }

  #restartsAfter(code: number): boolean {
    const { restartPolicy } = this.#pod.spec
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && code !== 0)
  }

  #fail(exitCode: number): void {
    if (!this.#restartsAfter(exitCode)) return this.#end(exitCode)
    const pause = Math.min(firstPause * 2 ** this.#restarts, longestPause)
    this.#stage = 'backingOff'
    this.#tell({ state: 'backingOff', exitCode, pause })
    this.#lastExitCode = exitCode
    this.#later(pause, 'backingOff', () => this.#again())
  }

  #again(): void {
    this.#restarts++
    this.#run()
  }

  #end(exitCode: number, verdict?: PodView['verdict']): void {
    this.#tell({ state: 'ended', exitCode }, verdict)
    this.#settle('ended')
  }

  /** `activeDeadlineSeconds` ends a pod whatever it does. */
  #limit({ spec, status }: Pod): void {
    const seconds = spec.activeDeadlineSeconds
    if (!seconds) return
    const began = Date.parse(status.startTime ?? '') || this.#means.clock.now()
    const message = 'Pod was active on the node longer than the specified deadline'
    const end = () => this.#end(terminatedBySignal, { reason: 'DeadlineExceeded', message })
    this.#later(Math.max(0, began + seconds * 1000 - this.#means.clock.now()), 'any', end)
  }

  #stop(): void {
    if (this.#stage === 'stopping') return
    const hasRun = this.#stage === 'running' || this.#stage === 'backingOff'
    const grace = (this.#pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000
    const delay = Math.min(grace, draw(this.#means, this.#host.behaviour.stop ?? instantly))
    this.#stage = 'stopping'
    this.#later(delay, 'stopping', () => {
      // Whoever holds the pod back by a finalizer wants to know how it ended.
      if (hasRun && this.#pod.metadata.finalizers?.length) this.#tell({ state: 'ended', exitCode: terminatedBySignal })
      this.#isDoomed = true
      this.#free()
      this.#write()
    })
  }

  #settle(stage: 'ended' | 'gone'): void {
    if (this.#stage !== 'stopping' || stage === 'gone') this.#stage = stage
    this.#free()
  }

  #hold(pod: Pod): void {
    this.#holds = pod
  }

  #free(): void {
    if (!this.#holds) return
    this.#host.room.give(this.#holds)
    this.#holds = undefined
    if (this.#address && !this.#pod.spec.hostNetwork) this.#host.giveAddress(this.#address)
  }

  /** Unless the pod is in another stage by then. */
  #later(delay: number, stage: string, act: () => void): void {
    const run = this.#startedAt
    const due = () => {
      const isOver = this.#stage === 'gone' || this.#stage === 'ended' || (this.#stage === 'stopping' && stage !== 'stopping')
      if (isOver || (stage !== 'any' && (this.#stage !== stage || run !== this.#startedAt))) return
      if (this.#host.isDown) this.#missed = due
      else act()
    }
    if (delay <= 0) due()
    else this.#means.wheel.after(delay, due)
  }

  #tell(activity: Activity, verdict?: PodView['verdict']): void {
    this.#view = {
      ...{ activity, verdict },
      hostAddress: this.#host.address,
      address: this.#address,
      restarts: this.#restarts,
      lastExitCode: this.#lastExitCode,
      startedAt: this.#startedAt || this.#means.clock.now(),
      now: this.#means.clock.now(),
    }
    this.#write()
  }

  #write(): void {
    if (this.#isWriting || !(this.#view || this.#isDoomed)) return
    this.#isWriting = true
    this.#means.writes.add(() => this.#send())
  }

  async #send(): Promise<void> {
    const view = this.#view
    this.#view = undefined
    try {
      if (view) await this.#patch(view)
      else if (this.#isDoomed) await this.#delete()
    } catch (error) {
      if (!this.#means.signal.aborted && !hasReason(error, 'NotFound', 'Conflict')) {
        this.#means.onError(error)
        if (view) this.#view ??= view
        return this.#means.wheel.after(retryAfter, () => this.#continue())
      }
      if (!view) this.#isDoomed = false
    }
    this.#continue()
  }

  #continue(): void {
    this.#isWriting = false
    this.#write()
  }

  async #patch(view: PodView): Promise<void> {
    const { client, signal } = this.#means
    const body = { metadata: { uid: this.#pod.metadata.uid }, status: statusOf(this.#pod, view) }
    await client.patch(Pod, this.#pod, { type: 'strategic', body }, { subresource: 'status', signal })
  }

  async #delete(): Promise<void> {
    const { client, signal } = this.#means
    const { uid } = this.#pod.metadata
    await client.delete(Pod, this.#pod, { gracePeriodSeconds: 0, preconditions: { uid }, signal })
    this.#isDoomed = false
  }
}

/** Somebody changed the pod, or opened or closed one of its readiness gates, and its status does not say so yet. */
function isStale({ metadata, spec, status }: Pod): boolean {
  const seen = status.observedGeneration ?? metadata.generation
  if (metadata.generation !== seen) return true
  const holds = (wanted: string) => status.conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false
  return (
    holds('ContainersReady') && (spec.readinessGates ?? []).every(({ conditionType }) => holds(conditionType)) !== holds('Ready')
  )
}
