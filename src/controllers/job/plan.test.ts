import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '#api/batch/v1/job.ts'
import type { JobStatus } from '#api/batch/v1/job-status.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { formatTime } from '#lib/clock.ts'
import { type Dice, diceOf, holdsForAll } from '#testing/property.ts'
import { backoffAfter, noBackoff, pauseLeft } from './backoff.ts'
import { completed, type Ending, isFinished } from './conditions.ts'
import { Indexes, indexKey, indexOf } from './indexes.ts'
import { planJob, type View } from './plan.ts'
import { isIndexed, isTracked, jobPod, trackingFinalizer } from './pods.ts'
import { judge, successMessage } from './policies.ts'
import { countLost, finished, planTracking } from './tracking.ts'

interface Recipe {
  indexed: boolean
  completions: number
  parallelism: number
  perIndex: boolean
  waits: boolean
  /** Chance in percent that a pod fails, and that the process dies before a write. */
  failing: number
  dying: number
  dice: number
}

function make({ upTo, chance }: Dice): Recipe {
  return {
    indexed: chance(0.6),
    completions: 1 + upTo(6),
    parallelism: 1 + upTo(5),
    perIndex: chance(0.4),
    waits: chance(0.3),
    failing: upTo(60),
    dying: upTo(50),
    dice: upTo(1e6),
  }
}

/** A Job, its pods and its status as the API would keep them; everything that happens is by the dice. */
class World {
  now = Date.UTC(2026, 0)
  pods: Pod[] = []
  status: JobStatus = {}
  /** How each pod really ended. */
  readonly ends = new Map<string, 'Succeeded' | 'Failed'>()
  readonly #recipe: Recipe
  readonly #dice: Dice
  #made = 0

  constructor(recipe: Recipe) {
    this.#recipe = recipe
    this.#dice = diceOf(recipe.dice)
  }

  get job(): Job {
    const { indexed, completions, parallelism, perIndex, waits } = this.#recipe
    return {
      metadata: { name: 'sum', namespace: 'default', uid: 'job' },
      spec: {
        completions,
        parallelism,
        backoffLimit: 8,
        completionMode: indexed ? 'Indexed' : 'NonIndexed',
        ...(indexed && perIndex && { backoffLimit: 2 ** 31 - 1, backoffLimitPerIndex: 1 }),
        ...(waits && { podReplacementPolicy: 'Failed' }),
        template: { metadata: {}, spec: { containers: [], restartPolicy: 'Never' } },
      },
      status: this.status,
    } as unknown as Job
  }

  /** Nodes run pods, some of which fail; what is being deleted goes when nothing holds it. */
  live(): void {
    this.now += 60_000
    this.pods = this.pods.map((pod) => {
      if (this.ends.has(pod.metadata.uid) || this.#dice.chance(0.4)) return pod
      const phase = this.#dice.upTo(99) < this.#recipe.failing ? 'Failed' : 'Succeeded'
      this.ends.set(pod.metadata.uid, phase)
      return { ...pod, status: { ...pod.status, phase } }
    })
    this.pods = this.pods.filter((pod) => !pod.metadata.deletionTimestamp || isTracked(pod))
  }

  /** Answers false when the process has died before the write. */
  survives(): boolean {
    return this.#dice.upTo(99) >= this.#recipe.dying
  }

  add(index: number | undefined): void {
    const draft = jobPod(this.job, index) as unknown as Pod
    const uid = `p${this.#made++}`
    const metadata = { ...draft.metadata, name: uid, uid, namespace: 'default', creationTimestamp: formatTime(this.now) }
    this.pods.push({ ...draft, metadata, status: { phase: 'Running' } } as Pod)
  }

  change(uid: string, change: (metadata: Pod['metadata']) => Pod['metadata']): void {
    this.pods = this.pods.map((pod) => (pod.metadata.uid === uid ? { ...pod, metadata: change(pod.metadata) } : pod))
  }

  untrack = (pod: Pod) =>
    this.change(pod.metadata.uid, (metadata) => ({
      ...metadata,
      finalizers: metadata.finalizers?.filter((one) => one !== trackingFinalizer),
    }))

  remove = (pod: Pod) => this.change(pod.metadata.uid, (metadata) => ({ ...metadata, deletionTimestamp: formatTime(this.now) }))
}

/** One visit in the order of `job.ts`; the process may die before each of its writes. */
function visit(world: World): void {
  const { now } = world
  const job = { ...world.job, status: { ...world.status, startTime: world.status.startTime ?? formatTime(now) } }
  const view: View = { job, pods: world.pods, backoff: noBackoff, now }
  const plan = planJob(view)
  const steps: (() => void)[] = [
    ...(plan.uncounted ? plan.remove.map((pod) => () => world.untrack(pod)) : []),
    ...plan.remove.map((pod) => () => world.remove(pod)),
    ...plan.create.map((index) => () => world.add(index)),
  ]
  for (const step of steps)
    if (!world.survives()) return
    else step()
  const active = plan.facts.active.length + plan.create.length - plan.remove.length
  const isDone = plan.facts.succeeded >= (job.spec.completions ?? 0) && active === 0
  const ending: Ending | undefined = plan.ending ?? (isDone ? completed : undefined)
  const terminating = plan.facts.terminating + plan.remove.length
  const tracking = planTracking({ ...view, job: { ...job, status: { ...job.status, active, terminating } } }, plan.facts, ending)
  if (!world.survives()) return
  world.status = tracking.status
  for (const pod of tracking.release) {
    if (!world.survives()) return
    world.untrack(pod)
  }
  const left = new Set(world.pods.filter(isTracked).map(({ metadata }) => metadata.uid))
  const counted = countLost(tracking.status, left)
  if (world.survives()) world.status = finished(counted, ending, now) ?? counted
}

function check(world: World, recipe: Recipe): void {
  const { succeeded = 0, failed = 0, uncountedTerminatedPods: waiting } = world.status
  const running = world.pods.filter((pod) => !world.ends.has(pod.metadata.uid) && !pod.metadata.deletionTimestamp)
  assert.ok(running.length <= recipe.parallelism, `${running.length} pods run`)
  const indexes = running.map(indexOf).filter((index) => index !== undefined)
  assert.equal(new Set(indexes).size, indexes.length, 'two pods of one index')
  const really = [...world.ends.values()]
  const good = really.filter((end) => end === 'Succeeded').length
  assert.ok(succeeded + (waiting?.succeeded?.length ?? 0) <= good, 'more successes than pods that succeeded')
  // When a Job has failed, pods that ran until then count as failed.
  const most = isFinished(world.status) || world.status.conditions ? world.pods.length + really.length : really.length - good
  assert.ok(failed + (waiting?.failed?.length ?? 0) <= most, 'more failures than pods that failed')
}

test('planJob() and planTracking() count each pod once, however often the process dies', () => {
  holdsForAll({ make, runs: 1500 }, (recipe) => {
    const world = new World(recipe)
    for (let rounds = 0; rounds < 40 && !isFinished(world.status); rounds++) {
      visit(world)
      check(world, recipe)
      world.live()
    }
  })
})

test('planJob() ends every Job, with every pod counted and let go', () => {
  holdsForAll({ make, runs: 1500 }, (recipe) => {
    const world = new World({ ...recipe, dying: Math.min(recipe.dying, 20) })
    for (let rounds = 0; rounds < 400 && !isFinished(world.status); rounds++) {
      visit(world)
      world.live()
    }
    const { status } = world
    assert.ok(isFinished(status), 'still not finished')
    if (!status.conditions?.some(({ type }) => type === 'Complete')) return
    const good = new Set([...world.ends].filter(([, end]) => end === 'Succeeded').map(([uid]) => uid))
    assert.equal(status.succeeded, isIndexed(world.job) ? recipe.completions : good.size)
    assert.equal(status.failed ?? 0, world.ends.size - good.size)
    assert.ok(!world.pods.some(isTracked))
  })
})

const texts = [
  { text: '', completions: 5, size: 0, shown: '' },
  { text: '0,2-4,7', completions: 9, size: 5, shown: '0,2-4,7' },
  { text: '0,2-4,7', completions: 4, size: 3, shown: '0,2,3' },
  { text: '0,1,x,3', completions: 9, size: 3, shown: '0,1,3' },
]
for (const { text, completions, size, shown } of texts) {
  test(`Indexes.parse(${text}) of ${completions}`, () => {
    const indexes = Indexes.parse(text, completions)
    assert.deepEqual([indexes.size, String(indexes)], [size, shown])
  })
}

test('Indexes are sets', () => {
  holdsForAll({ make: ({ some, upTo }) => ({ a: some(12, () => upTo(15)), b: some(12, () => upTo(15)) }) }, ({ a, b }) => {
    const [x, y, both] = [new Set(a), new Set(b), new Set([...a, ...b])]
    const merged = Indexes.of(a).with(b)
    assert.equal(merged.size, both.size)
    assert.equal(Indexes.of(a).overlap(Indexes.of(b)), x.intersection(y).size)
    assert.equal(String(Indexes.parse(String(merged), 99)), String(merged))
    for (let index = 0; index < 18; index++) assert.equal(merged.has(index), both.has(index))
    const free = Array.from({ length: 18 }, (_, index) => index).filter((index) => !both.has(index))
    assert.deepEqual(merged.missing(3, 18), free.slice(0, 3))
  })
})

test('pauseLeft() doubles from ten seconds to ten minutes', () => {
  const left = [1, 2, 3, 6, 7, 50].map((failures) => pauseLeft({ failures, lastFailure: 0 }, 0) / 1000)
  assert.deepEqual(left, [10, 20, 40, 320, 600, 600])
  assert.equal(pauseLeft(noBackoff, 0), 0)
})

test('backoffAfter() counts failures since the last success', () => {
  const pod = (seconds: number) =>
    ({ metadata: { creationTimestamp: formatTime(seconds * 1000) }, spec: {}, status: {} }) as unknown as Pod
  assert.deepEqual(backoffAfter(noBackoff, [], [pod(1), pod(2)]), { failures: 2, lastFailure: 2000 })
  assert.deepEqual(backoffAfter({ failures: 5, lastFailure: 0 }, [pod(3)], [pod(1), pod(4)]), { failures: 1, lastFailure: 4000 })
  assert.deepEqual(backoffAfter({ failures: 5, lastFailure: 0 }, [pod(3)], []), noBackoff)
})

const failedPod = (code: number, condition?: string) =>
  ({
    metadata: { name: 'p', namespace: 'n', annotations: { [indexKey]: '0' } },
    status: {
      containerStatuses: [{ name: 'main', state: { terminated: { exitCode: code } } }],
      conditions: condition ? [{ type: condition, status: 'True' }] : [],
    },
  }) as unknown as Pod
const onCode = (action: string, operator: string, values: number[]) => ({ action, onExitCodes: { operator, values } })
const onDisruption = { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }
const verdicts = [
  { it: 'no rule', rules: [], pod: failedPod(1), verdict: { counts: true } },
  {
    it: 'the first rule that fits',
    rules: [onCode('Count', 'In', [1]), onCode('Ignore', 'In', [1])],
    pod: failedPod(1),
    verdict: { action: 'Count', counts: true },
  },
  {
    it: 'all codes but some',
    rules: [onCode('Ignore', 'NotIn', [2])],
    pod: failedPod(1),
    verdict: { action: 'Ignore', counts: false },
  },
  { it: 'no code where it succeeded', rules: [onCode('Ignore', 'NotIn', [2])], pod: failedPod(0), verdict: { counts: true } },
  {
    it: 'a disruption',
    rules: [onDisruption],
    pod: failedPod(137, 'DisruptionTarget'),
    verdict: { action: 'Ignore', counts: false },
  },
  {
    it: 'an end of the whole job',
    rules: [{ ...onDisruption, action: 'FailJob' }],
    pod: failedPod(1, 'DisruptionTarget'),
    verdict: {
      action: 'FailJob',
      counts: true,
      message: 'Pod n/p has condition DisruptionTarget matching FailJob rule at index 0',
    },
  },
]
for (const { it, rules, pod, verdict } of verdicts) {
  test(`judge() finds ${it}`, () => assert.deepEqual(judge({ podFailurePolicy: { rules } } as never, pod), verdict))
}

const successes = [
  { rules: [{ succeededIndexes: '0-2' }], done: '0-2', message: 'Matched rules at index 0' },
  { rules: [{ succeededIndexes: '0-2' }], done: '0,1', message: undefined },
  { rules: [{ succeededIndexes: '0-2', succeededCount: 2 }], done: '0,1', message: 'Matched rules at index 0' },
  { rules: [{ succeededCount: 3 }, { succeededCount: 2 }], done: '4,5', message: 'Matched rules at index 1' },
  { rules: [{ succeededCount: 0 }], done: '', message: undefined },
]
for (const { rules, done, message } of successes) {
  test(`successMessage() of ${JSON.stringify(rules)} with ${done}`, () => {
    assert.equal(successMessage({ completions: 6, successPolicy: { rules } } as never, Indexes.parse(done, 6)), message)
  })
}
