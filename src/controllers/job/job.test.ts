import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Job } from '#api/batch/v1/job.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import { formatTime } from '#lib/clock.ts'
import type { Draft } from '#schema/words.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { job } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { garbageCollector } from '../garbage-collector/garbage-collector.ts'
import { indexOf } from './indexes.ts'
import { jobController } from './job.ts'
import { jobOrphanPodsController } from './orphan-pods.ts'
import { isTracked } from './pods.ts'

const at = { name: 'sum', namespace: 'default' }
const start = () =>
  testCluster({ controllers: [jobController(), jobOrphanPodsController, garbageCollector(kinds)], policy: true })
const create = (cluster: TestCluster, spec: Draft<Job['spec']> = {}) => cluster.client.create(Job, job('sum', { spec }))
const get = (cluster: TestCluster) => cluster.client.get(Job, at)
const running = async (cluster: TestCluster) =>
  (await cluster.list(Pod)).filter(
    ({ metadata, status }) => !metadata.deletionTimestamp && !/Succeeded|Failed/.test(status.phase ?? ''),
  )

/** Ends pods as the node agent would; `exitCode` decides how. */
async function end(cluster: TestCluster, pods: readonly Pod[], exitCode = 0): Promise<void> {
  const finishedAt = formatTime(cluster.clock.now())
  for (const pod of pods) {
    const terminated = { exitCode, finishedAt, startedAt: finishedAt }
    const containerStatuses = [
      { name: 'main', state: { terminated }, ready: false, restartCount: 0, image: 'x', imageID: 'x', lastState: {} },
    ]
    const status = { ...pod.status, phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses }
    await cluster.client.update(Pod, { ...pod, status } as Pod, { subresource: 'status' })
  }
  await cluster.settle()
}

const conditions = async (cluster: TestCluster) =>
  (await get(cluster)).status.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`)

test('Job controller runs pods to completion, counts each once and lets go of it', async () => {
  await using cluster = await start()
  await create(cluster, { completions: 3, parallelism: 2 })
  await runPods(cluster)
  const { status } = await get(cluster)
  assert.deepEqual([status.active, status.ready, status.terminating], [2, 2, 0])
  assert.equal(status.startTime, formatTime(cluster.clock.now()))
  assert.ok((await cluster.list(Pod)).every(isTracked))
  await end(cluster, await running(cluster))
  assert.equal((await running(cluster)).length, 1)
  await end(cluster, await running(cluster))
  const done = (await get(cluster)).status
  assert.deepEqual([done.succeeded, done.active, done.failed], [3, undefined, undefined])
  assert.deepEqual(await conditions(cluster), ['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached'])
  assert.equal(done.completionTime, formatTime(cluster.clock.now()))
  assert.ok(!(await cluster.list(Pod)).some(isTracked))
  const events = (await eventsOf(cluster, 'sum')).map((line) => line.replace(/sum-\w+/, '<pod>'))
  assert.deepEqual(events, [...Array(3).fill('SuccessfulCreate: Created pod: <pod>'), 'Completed: Job completed'])
  assert.deepEqual(cluster.errors, [])
})

test('Job controller waits longer after each failure, and fails at the back-off limit', async () => {
  await using cluster = await start()
  await create(cluster, { backoffLimit: 2 })
  await cluster.settle()
  const seen: number[] = []
  for (const pause of [10, 20]) {
    await end(cluster, await running(cluster), 1)
    await cluster.advance((pause - 1) * 1000)
    seen.push((await running(cluster)).length)
    await cluster.advance(1000)
    seen.push((await running(cluster)).length)
  }
  assert.deepEqual(seen, [0, 1, 0, 1])
  await end(cluster, await running(cluster), 1)
  assert.equal((await get(cluster)).status.failed, 3)
  assert.deepEqual(await conditions(cluster), ['FailureTarget=True BackoffLimitExceeded', 'Failed=True BackoffLimitExceeded'])
  assert.equal((await eventsOf(cluster, 'sum')).at(-1), 'BackoffLimitExceeded: Job has reached the specified backoff limit')
  assert.deepEqual(cluster.errors, [])
})

test('Job controller gives every index its pod, and knows which have succeeded', async () => {
  await using cluster = await start()
  await create(cluster, { completions: 4, parallelism: 3, completionMode: 'Indexed' })
  await cluster.settle()
  const pods = await running(cluster)
  assert.deepEqual(pods.map(indexOf).sort(), [0, 1, 2])
  const first = pods.find((pod) => indexOf(pod) === 0)
  assert.match(first?.metadata.name ?? '', /^sum-0-\w{5}$/)
  assert.equal(first?.spec.hostname, 'sum-0')
  assert.equal(first?.metadata.labels?.['batch.kubernetes.io/job-completion-index'], '0')
  const env = first?.spec.containers[0]?.env?.[0]
  assert.deepEqual(
    [env?.name, env?.valueFrom?.fieldRef?.fieldPath],
    ['JOB_COMPLETION_INDEX', "metadata.labels['batch.kubernetes.io/job-completion-index']"],
  )
  await end(
    cluster,
    pods.filter((pod) => indexOf(pod) !== 1),
  )
  assert.equal((await get(cluster)).status.completedIndexes, '0,2')
  assert.deepEqual((await running(cluster)).map(indexOf).sort(), [1, 3])
  await end(cluster, await running(cluster))
  assert.deepEqual([(await get(cluster)).status.completedIndexes, (await get(cluster)).status.succeeded], ['0-3', 4])
})

test('Job controller limits failures of each index by itself', async () => {
  await using cluster = await start()
  await create(cluster, { completions: 2, parallelism: 2, completionMode: 'Indexed', backoffLimitPerIndex: 1 })
  await cluster.settle()
  const broken = async () => (await running(cluster)).filter((pod) => indexOf(pod) === 1)
  await end(
    cluster,
    (await running(cluster)).filter((pod) => indexOf(pod) === 0),
  )
  await end(cluster, await broken(), 1)
  await cluster.advance(10_000)
  assert.equal((await broken())[0]?.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1')
  await end(cluster, await broken(), 1)
  const { status } = await get(cluster)
  assert.deepEqual([status.completedIndexes, status.failedIndexes, status.failed, status.succeeded], ['0', '1', 2, 1])
  assert.deepEqual(await conditions(cluster), ['FailureTarget=True FailedIndexes', 'Failed=True FailedIndexes'])
  assert.ok(!(await cluster.list(Pod)).some(isTracked))
  assert.deepEqual(cluster.errors, [])
})

test('Job controller heeds the failure policy: Ignore, FailIndex and FailJob', async () => {
  await using cluster = await start()
  const rule = (action: 'Ignore' | 'FailIndex' | 'FailJob', code: number) => ({
    action,
    onExitCodes: { operator: 'In' as const, values: [code] },
  })
  await create(cluster, {
    completions: 3,
    parallelism: 3,
    completionMode: 'Indexed',
    backoffLimitPerIndex: 5,
    podFailurePolicy: { rules: [rule('Ignore', 3), rule('FailIndex', 4), rule('FailJob', 5)] },
  })
  await cluster.settle()
  const of = async (index: number) => (await running(cluster)).filter((pod) => indexOf(pod) === index)
  await end(cluster, await of(0), 3)
  await cluster.advance(10_000)
  assert.equal((await get(cluster)).status.failed, undefined)
  assert.equal((await of(0))[0]?.metadata.annotations?.['batch.kubernetes.io/job-index-ignored-failure-count'], '1')
  await end(cluster, await of(1), 4)
  assert.equal((await get(cluster)).status.failedIndexes, '1')
  await end(cluster, await of(2), 5)
  const failed = (await get(cluster)).status.conditions?.find(({ type }) => type === 'FailureTarget')
  assert.match(
    failed?.message ?? '',
    /^Container main for pod default\/sum-2-\w+ failed with exit code 5 matching FailJob rule at index 2$/,
  )
  assert.equal(failed?.reason, 'PodFailurePolicy')
  await runPods(cluster)
  assert.equal((await conditions(cluster))?.at(-1), 'Failed=True PodFailurePolicy')
})

test('Job controller ends by the success policy and removes what still runs', async () => {
  await using cluster = await start()
  await create(cluster, {
    completions: 3,
    parallelism: 3,
    completionMode: 'Indexed',
    successPolicy: { rules: [{ succeededIndexes: '0,2', succeededCount: 1 }] },
  })
  await cluster.settle()
  await end(
    cluster,
    (await running(cluster)).filter((pod) => indexOf(pod) === 2),
  )
  await runPods(cluster)
  assert.deepEqual(await conditions(cluster), ['SuccessCriteriaMet=True SuccessPolicy', 'Complete=True SuccessPolicy'])
  const { status } = await get(cluster)
  assert.deepEqual([status.succeeded, status.failed, status.completedIndexes], [1, undefined, '2'])
})

test('Job controller removes pods while suspended without blame, and starts the clock anew when resumed', async () => {
  await using cluster = await start()
  await create(cluster, { parallelism: 2, completions: 2 })
  await runPods(cluster)
  const suspend = (value: boolean) => cluster.client.patch(Job, at, { type: 'merge', body: { spec: { suspend: value } } })
  await suspend(true)
  await runPods(cluster)
  assert.equal((await cluster.list(Pod)).length, 0)
  assert.deepEqual(await conditions(cluster), ['Suspended=True JobSuspended'])
  await cluster.advance(60_000)
  await suspend(false)
  await runPods(cluster)
  const { status } = await get(cluster)
  assert.deepEqual([status.active, status.failed, status.startTime], [2, undefined, formatTime(cluster.clock.now())])
  assert.deepEqual(await conditions(cluster), ['Suspended=False JobResumed'])
  const events = (await eventsOf(cluster, 'sum')).filter((line) => !line.startsWith('Successful'))
  assert.deepEqual(events, ['Suspended: Job suspended', 'Resumed: Job resumed'])
  assert.deepEqual(cluster.errors, [])
})

test('Job controller fails a job at its deadline', async () => {
  await using cluster = await start()
  await create(cluster, { activeDeadlineSeconds: 30 })
  await runPods(cluster)
  await cluster.advance(30_000)
  await runPods(cluster)
  assert.deepEqual(await conditions(cluster), ['FailureTarget=True DeadlineExceeded', 'Failed=True DeadlineExceeded'])
  assert.deepEqual([(await get(cluster)).status.failed, (await cluster.list(Pod)).length], [1, 0])
})

test('Job controller replaces a pod only when it has ended, where the job says so', async () => {
  await using cluster = await start()
  await create(cluster, { podReplacementPolicy: 'Failed' })
  await runPods(cluster)
  const [pod] = await cluster.list(Pod)
  await cluster.client.patch(Pod, pod as Pod, {
    type: 'merge',
    body: { metadata: { finalizers: ['test/x', ...(pod?.metadata.finalizers ?? [])] } },
  })
  await cluster.client.delete(Pod, pod as Pod)
  await cluster.advance(20_000)
  assert.deepEqual([(await get(cluster)).status.terminating, (await running(cluster)).length], [1, 0])
  await end(cluster, await cluster.list(Pod), 1)
  await cluster.advance(20_000)
  assert.deepEqual([(await get(cluster)).status.terminating, (await running(cluster)).length], [0, 1])
})

test('Job controller follows an Indexed job whose completions change, and leaves jobs of others alone', async () => {
  await using cluster = await start()
  await create(cluster, { completions: 3, parallelism: 3, completionMode: 'Indexed' })
  await cluster.client.create(Job, job('other', { spec: { managedBy: 'example.com/queue' } }))
  await runPods(cluster)
  assert.equal((await cluster.list(Pod)).length, 3)
  await cluster.client.patch(Job, at, { type: 'merge', body: { spec: { completions: 2, parallelism: 2 } } })
  await runPods(cluster)
  assert.deepEqual((await running(cluster)).map(indexOf).sort(), [0, 1])
  await end(cluster, await running(cluster))
  assert.equal((await conditions(cluster))?.at(-1), 'Complete=True CompletionsReached')
})

test('deleting a Job leaves its pods by default, and takes them along in the background; neither gets stuck', async () => {
  for (const propagationPolicy of [undefined, 'Background'] as const) {
    await using cluster = await start()
    await create(cluster)
    await runPods(cluster)
    await cluster.client.delete(Job, at, propagationPolicy && { propagationPolicy })
    await runPods(cluster)
    const pods = await cluster.list(Pod)
    assert.equal(pods.length, propagationPolicy ? 0 : 1)
    assert.ok(!pods.some(isTracked))
    assert.deepEqual(cluster.errors, [])
  }
})
