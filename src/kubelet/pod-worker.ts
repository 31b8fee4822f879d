/**
 * One pod's life on this node. A worker looks at the pod, the runtime and the probes, lets `sync-pod.ts` decide, and acts.
 *
 * States: `syncing` (it runs or is to run), `terminating` (it is being ended), `terminated` (nothing of it runs; what it
 * held is released and the API told), `gone` (the API no longer knows it and every trace is removed).
 *
 * Guarantees
 * - One step at a time; whatever happens meanwhile leads to one more step afterwards.
 * - States only go forward. A pod that is deleted, finished or evicted never starts a container again.
 * - Crash-only: a new worker for an old pod finds its sandboxes and containers in the runtime and goes on from there.
 * - The API object is deleted only after everything has ended and the final status was written.
 */
import { Pod, type PodStatus } from '#api/core/v1/pod.ts'
import type { Timer } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { findContainer } from './containers/pod-names.ts'
import { addressesOf, latest, type RuntimePod, readRuntimePod } from './containers/runtime-pod.ts'
import { carryOut, type Memory } from './lifecycle/carry-out.ts'
import { killPod } from './lifecycle/kill-pod.ts'
import type { PodMeans, Verdict } from './lifecycle/pod-means.ts'
import { isNews } from './lifecycle/pod-news.ts'
import { type ResizeRefusal, rememberResources, wantsResize } from './lifecycle/resize.ts'
import { podStatus } from './status/pod-status.ts'
import { terminationMessage } from './status/termination-message.ts'
import { type PodPlan, planPod } from './sync-pod.ts'
import { MountPace } from './volumes/mount-pace.ts'

export type WorkerState = 'syncing' | 'terminating' | 'terminated' | 'gone'

/** Without any news a pod is looked at this often. */
const resync = 60_000
/** After a failure. */
const retry = 10_000

export class PodWorker {
  readonly uid: string
  readonly #means: PodMeans
  readonly #memory: Memory = { backOff: new Map(), failures: new Map(), applied: new Map() }
  /** Container id -> last words, read once. */
  readonly #messages = new Map<string, string>()
  readonly #gone = Promise.withResolvers<void>()
  #pod: Pod
  #state: WorkerState = 'syncing'
  #removal = new AbortController()
  #verdict: Verdict | undefined
  #dirty = false
  #isStale = false
  #busy = false
  #timer: Timer | undefined
  #nextAt = Number.POSITIVE_INFINITY
  readonly #pace = new MountPace()
  #syncing = new AbortController()
  #hurry = new AbortController()
  #status: RuntimePod
  /** Why what the pod now asks for cannot be given. */
  #refused: ResizeRefusal | undefined
  #stopped = false

  constructor(pod: Pod, means: PodMeans) {
    this.uid = pod.metadata.uid
    this.#pod = pod
    this.#means = means
    this.#status = { uid: this.uid, sandboxes: [], containers: [] }
    means.objects.register(pod)
  }

  get state(): WorkerState {
    return this.#state
  }

  /** Something of it runs or may run. */
  get isActive(): boolean {
    return this.#state === 'syncing' || this.#state === 'terminating'
  }

  get #isRemoved(): boolean {
    return this.#removal.signal.aborted
  }

  get pod(): Pod {
    return this.#pod
  }

  /** As last read from the runtime. */
  get runtimePod(): RuntimePod {
    return this.#status
  }

  get status(): PodStatus {
    return this.#means.status.last(this.#pod)
  }

  /** Resolves when the state is `gone`. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  /** The pod as the API has it now. */
  update(pod: Pod): void {
    const old = this.#pod
    const before = old.metadata.deletionGracePeriodSeconds
    this.#pod = pod
    this.#means.objects.register(pod)
    this.#means.status.reconcile(pod)
    if (pod.metadata.deletionTimestamp) this.#end()
    const after = pod.metadata.deletionGracePeriodSeconds
    if (after !== undefined && (before === undefined || after < before)) this.#shorten()
    if (isNews(pod, old)) this.poke()
  }

  /** The API no longer has the pod. */
  removed(): void {
    this.#removal.abort()
    this.#end()
    this.#shorten()
    this.poke()
  }

  evict(verdict: Verdict): void {
    if (this.#state !== 'syncing' || this.#verdict) return
    this.#verdict = verdict
    this.#means.record(this.#pod, { type: 'Warning', reason: verdict.reason, message: verdict.message })
    this.#end()
    this.poke()
  }

  /** Something may have changed. */
  poke(): void {
    this.#dirty = true
    this.#wake()
  }

  /** Something changed in the runtime. Unlike `poke` it is done with once the runtime has been read again. */
  runtimeChanged(): void {
    this.#isStale = true
    this.#wake()
  }

  #wake(): void {
    if (!this.#busy && !this.#stopped) void this.#run()
  }

  /** The agent ends; the pod goes on without it. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#syncing.abort()
  }

  #end(): void {
    if (this.#state !== 'syncing') return
    this.#state = 'terminating'
    this.#syncing.abort()
  }

  /** A kill that is under way begins again with the smaller grace. */
  #shorten(): void {
    this.#hurry.abort()
    this.#hurry = new AbortController()
  }

  async #run(): Promise<void> {
    this.#busy = true
    this.#timer?.cancel()
    const { clock, random } = this.#means
    this.#nextAt = clock.now() + resync * (0.9 + 0.2 * random.next())
    while ((this.#dirty || this.#isStale) && !this.#stopped && this.#state !== 'gone') {
      this.#dirty = false
      try {
        await this.#step()
      } catch (error) {
        if (error === this.#syncing.signal.reason) continue
        this.#means.onError(error)
        this.#wakeIn(retry * (0.9 + 0.2 * random.next()))
      }
    }
    this.#busy = false
    if (this.#stopped || this.#state === 'gone') return
    if (this.#dirty || this.#isStale) return void this.#run()
    this.#timer = clock.after(Math.max(0, this.#nextAt - clock.now()), () => this.poke())
  }

  #wakeIn(delay: number): void {
    this.#nextAt = Math.min(this.#nextAt, this.#means.clock.now() + delay)
  }

  async #step(): Promise<void> {
    await this.#read()
    if (this.#state === 'syncing') await this.#sync()
    else if (this.#state === 'terminating') await this.#terminate()
    else await this.#release()
  }

  async #sync(): Promise<void> {
    const means = this.#means
    const pod = this.#pod
    const { signal } = this.#syncing
    this.#checkDeadline()
    this.#refused = wantsResize(pod, this.#status, this.#memory.applied) ? means.refuseResize(pod) : undefined
    if (this.#refused) this.#wakeIn(retry)
    this.#probe()
    const reported = await this.#report({ isTerminal: false })
    if (pod.metadata.deletionTimestamp || this.#verdict || reported.phase === 'Succeeded' || reported.phase === 'Failed') {
      this.#state = 'terminating'
      this.#dirty = true
      return
    }
    await means.files.prepare(pod)
    const cgroupParent = (await means.cgroups?.ensure(pod)) ?? ''
    if (!(await this.#mount())) return
    signal.throwIfAborted()
    const [plan, status] = [this.#plan(), this.#status]
    const failed = await carryOut(means, { pod, status, plan, memory: this.#memory, cgroupParent, signal })
    if (plan.nextAt !== undefined) this.#wakeIn(plan.nextAt - means.clock.now())
    if (failed) this.#wakeIn(retry * (0.9 + 0.2 * means.random.next()))
    await this.#afterActing()
    await means.cgroups?.settle(pod)
  }

  async #read(): Promise<void> {
    this.#isStale = false
    this.#status = await readRuntimePod(this.#means.runtime, this.uid)
    rememberResources(this.#memory.applied, { pod: this.#pod, status: this.#status, last: this.status })
  }

  #plan(): PodPlan {
    const { probes, clock } = this.#means
    const results = {
      startup: (id: string) => probes.result('startup', id),
      liveness: (id: string) => probes.result('liveness', id),
    }
    const { backOff, applied } = this.#memory
    return planPod({
      pod: this.#pod,
      status: this.#status,
      probes: results,
      backOff,
      now: clock.now(),
      ...(!this.#refused && { applied: (id: string) => applied.get(id) }),
    })
  }

  /**
   * What was done shows in the status at once. If there is already more to do, the next step follows; what has just failed
   * waits for its time.
   */
  async #afterActing(): Promise<void> {
    await this.#read()
    this.#probe()
    const { phase } = await this.#report({ isTerminal: false })
    const { killPod, createSandbox, kill, ephemeral, init, containers } = this.#plan()
    const isNew = [...ephemeral, ...init, ...containers].some(({ name }) => !this.#memory.failures.has(name))
    const isOver = phase === 'Succeeded' || phase === 'Failed'
    if (isOver || (killPod && !createSandbox) || kill.length > 0 || (isNew && !createSandbox)) this.#dirty = true
  }

  #checkDeadline(): void {
    const { activeDeadlineSeconds } = this.#pod.spec
    const { startTime } = this.status
    if (activeDeadlineSeconds === undefined || !startTime || this.#verdict) return
    const left = Date.parse(startTime) + activeDeadlineSeconds * 1000 - this.#means.clock.now()
    if (left > 0) return this.#wakeIn(left)
    const message = 'Pod was active on the node longer than the specified deadline'
    this.#verdict = { reason: 'DeadlineExceeded', message }
    this.#means.record(this.#pod, { type: 'Normal', ...this.#verdict })
  }

  #probe(): void {
    const running = this.#status.containers.flatMap((run) => {
      const container = findContainer(this.#pod, run.name)?.container
      return container && run.state === 'running' && latest(this.#status, run.name) === run
        ? [{ container, id: run.id, startedAt: run.startedAt }]
        : []
    })
    const ips = this.#pod.spec.hostNetwork ? this.#means.facts.hostIps : addressesOf(this.#status)
    this.#means.probes.update(this.#pod, ips[0] ?? '', running)
  }

  /** Answers whether the containers may start. Failures of volumes that were mounted before stop nobody. */
  async #mount(): Promise<boolean> {
    const means = this.#means
    const { volumes, clock, facts } = means
    const pod = this.#pod
    const podIps = pod.spec.hostNetwork ? facts.hostIps : addressesOf(this.#status)
    const failures = await volumes.setUp(pod, { podIps, hostIps: facts.hostIps })
    for (const message of this.#pace.note(failures, clock.now())) {
      means.record(pod, { type: 'Warning', reason: 'FailedMount', message })
    }
    if (failures.length > 0) this.#wakeIn(this.#pace.nextAt - clock.now())
    const renewAt = volumes.renewAt(pod)
    if (renewAt !== undefined) this.#wakeIn(Math.max(1000, renewAt - clock.now()))
    return volumes.isReady(pod)
  }

  async #report({ isTerminal }: { isTerminal: boolean }): Promise<PodStatus> {
    const means = this.#means
    const pod = this.#pod
    await this.#readMessages()
    const status = podStatus({
      pod,
      status: this.#status,
      old: means.status.last(pod),
      failures: this.#memory.failures,
      messages: this.#messages,
      applied: this.#memory.applied,
      refused: this.#refused,
      runtimeName: means.runtimeName,
      result: (type, id) => means.probes.result(type, id),
      hostIps: means.facts.hostIps,
      now: means.clock.now(),
      isTerminal,
      verdict: this.#verdict,
    })
    if (!this.#isRemoved) means.status.set(pod, status)
    return status
  }

  async #readMessages(): Promise<void> {
    const present = new Set(this.#status.containers.map(({ id }) => id))
    for (const id of this.#messages.keys()) if (!present.has(id)) this.#messages.delete(id)
    for (const run of this.#status.containers) {
      if (run.state !== 'exited' || this.#messages.has(run.id)) continue
      this.#messages.set(run.id, await terminationMessage(this.#pod, run, this.#means.files))
    }
  }

  async #terminate(): Promise<void> {
    const means = this.#means
    means.probes.stopKilling(this.uid)
    await this.#report({ isTerminal: false })
    const hurry = this.#hurry.signal
    const kill = killPod(means, this.#pod, this.#status, { hurry, grace: this.#verdict?.grace })
    await Promise.race([kill, aborted(hurry)])
    if (hurry.aborted) {
      kill.catch(() => {})
      this.#dirty = true
      return
    }
    await this.#read()
    const still = this.#status.containers.filter(({ state }) => state === 'running')
    if (still.length > 0)
      throw new Error(
        `detected running containers after a successful KillPod, CRI violation: [${still.map(({ name }) => name).join(' ')}]`,
      )
    means.probes.remove(this.uid)
    await means.claims?.release(this.uid)
    await this.#report({ isTerminal: true })
    this.#state = 'terminated'
    this.#dirty = true
  }

  async #release(): Promise<void> {
    const { volumes, cgroups, status } = this.#means
    await this.#report({ isTerminal: true })
    await volumes.release(this.uid)
    await cgroups?.remove(this.#pod)
    if (this.#isRemoved) return await this.#vanish()
    this.#memory.failures.clear()
    if (!this.#pod.metadata.deletionTimestamp) return
    await Promise.race([status.settled(this.uid), aborted(this.#removal.signal)])
    if (!this.#isRemoved && this.#pod.metadata.deletionTimestamp) await this.#deleteObject()
  }

  /** The last word on a deleted pod: nothing of it runs any more. With finalizers it is said once, and the object stays. */
  async #deleteObject(): Promise<void> {
    const { finalizers, deletionGracePeriodSeconds } = this.#pod.metadata
    if (finalizers?.length && deletionGracePeriodSeconds === 0) return
    try {
      await this.#means.client.delete(Pod, this.#pod, { gracePeriodSeconds: 0, preconditions: { uid: this.uid } })
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error
    }
  }

  async #vanish(): Promise<void> {
    const { runtime, volumes, files, objects, status } = this.#means
    for (const { id } of this.#status.containers) await runtime.removeContainer(id)
    for (const { id } of this.#status.sandboxes) {
      await runtime.stopPodSandbox(id)
      await runtime.removePodSandbox(id)
    }
    await volumes.tearDown(this.uid)
    const { name, namespace = '' } = this.#pod.metadata
    await files.removeLogs({ name, namespace, uid: this.uid })
    objects.unregister(this.uid)
    status.forget(this.uid)
    this.#state = 'gone'
    this.#timer?.cancel()
    this.#gone.resolve()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
