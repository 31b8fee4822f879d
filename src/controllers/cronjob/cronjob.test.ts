import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { formatTime } from '#lib/clock.ts'
import type { Draft } from '#schema/words.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { cronJob } from '#testing/make.ts'
import { eventsOf } from '#testing/transcript.ts'
import { cronJobController } from './cronjob.ts'
import { planDue, planNext } from './plan.ts'
import { parseSchedule } from './schedule.ts'

const at = { name: 'tick', namespace: 'default' }
const start = () => testCluster({ controllers: [cronJobController], policy: true })
const create = (cluster: TestCluster, spec: Draft<CronJob['spec']> = {}) =>
  cluster.client.create(CronJob, cronJob('tick', { spec }))
const names = async (cluster: TestCluster) => (await cluster.list(Job)).map(({ metadata }) => metadata.name)
const minute = 60_000

async function finish(cluster: TestCluster, name: string, type: 'Complete' | 'Failed' = 'Complete'): Promise<void> {
  const job = await cluster.client.get(Job, { name, namespace: 'default' })
  const time = formatTime(cluster.clock.now())
  const before = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'
  const conditions = [before, type].map((type) => ({ type, status: 'True', lastProbeTime: time, lastTransitionTime: time }))
  const status = { ...job.status, startTime: time, conditions, ...(type === 'Complete' && { completionTime: time }) }
  await cluster.client.update(Job, { ...job, status }, { subresource: 'status' })
  await cluster.settle()
}

test('CronJob controller makes a job each time, named by the minute, and keeps those that the limits say', async () => {
  await using cluster = await start()
  await create(cluster, { successfulJobsHistoryLimit: 1, timeZone: 'Europe/Berlin' })
  await cluster.advance(200)
  const first = Math.floor(cluster.clock.now() / minute) + 1
  for (let runs = 0; runs < 3; runs++) {
    await cluster.advance(minute)
    await finish(cluster, `tick-${first + runs}`)
  }
  assert.deepEqual(await names(cluster), [`tick-${first + 2}`])
  const { status } = await cluster.client.get(CronJob, at)
  assert.equal(status.lastScheduleTime, formatTime((first + 2) * minute))
  assert.equal(status.lastSuccessfulTime, formatTime(cluster.clock.now()))
  assert.equal(status.active, undefined)
  const [job] = await cluster.list(Job)
  assert.equal(job?.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'], '2026-01-01T01:03:00+01:00')
  assert.equal(job?.metadata.ownerReferences?.[0]?.controller, true)
  const events = (await eventsOf(cluster, 'tick')).slice(0, 3)
  assert.deepEqual(events, [
    `SuccessfulCreate: Created job tick-${first}`,
    `SawCompletedJob: Saw completed job: tick-${first}, condition: Complete`,
    `SuccessfulCreate: Created job tick-${first + 1}`,
  ])
  assert.deepEqual(cluster.errors, [])
})

test('CronJob controller lets jobs overlap, or forbids it, or replaces the one that runs', async () => {
  for (const [concurrencyPolicy, count] of [
    ['Allow', 3],
    ['Forbid', 1],
    ['Replace', 1],
  ] as const) {
    await using cluster = await start()
    await create(cluster, { concurrencyPolicy })
    await cluster.settle()
    await cluster.advance(3 * minute + 1000)
    const jobs = (await cluster.list(Job)).filter(({ metadata }) => !metadata.deletionTimestamp)
    assert.equal(jobs.length, count, concurrencyPolicy)
    const { status } = await cluster.client.get(CronJob, at)
    assert.deepEqual(
      status.active?.map(({ name }) => name),
      jobs.map(({ metadata }) => metadata.name),
    )
    assert.deepEqual(cluster.errors, [])
  }
})

test('CronJob controller rests while suspended, and then makes up for the last time only', async () => {
  await using cluster = await start()
  await create(cluster, { suspend: true })
  await cluster.advance(10 * minute + 30_000)
  assert.deepEqual(await names(cluster), [])
  await cluster.client.patch(CronJob, at, { type: 'merge', body: { spec: { suspend: false } } })
  await cluster.settle()
  assert.deepEqual(await names(cluster), [`tick-${Math.floor(cluster.clock.now() / minute)}`])
})

test('CronJob controller does not start too late, and says so', async () => {
  await using cluster = await start()
  await create(cluster, { schedule: '0 * * * *', startingDeadlineSeconds: 30, suspend: true })
  await cluster.advance(61 * minute)
  await cluster.client.patch(CronJob, at, { type: 'merge', body: { spec: { suspend: false } } })
  await cluster.settle()
  assert.deepEqual(await names(cluster), [])
  await cluster.advance(59 * minute + 200)
  assert.equal((await names(cluster)).length, 1)
})

test('CronJob controller ends a schedule that never comes in an event, not in a loop', async () => {
  await using cluster = await start()
  await create(cluster, { schedule: '59 23 31 2 *' })
  assert.deepEqual(await eventsOf(cluster, 'tick'), [
    'InvalidSchedule: invalid schedule: 59 23 31 2 * : time difference between two schedules is less than 1 second',
  ])
  const { resourceVersion } = await cluster.client.get(CronJob, at).then(({ metadata }) => metadata)
  await cluster.advance(24 * 60 * minute)
  assert.equal((await cluster.client.get(CronJob, at)).metadata.resourceVersion, resourceVersion)
  assert.deepEqual(cluster.errors, [])
})

test('CronJob controller drops jobs that somebody has deleted from its list', async () => {
  await using cluster = await start()
  await create(cluster, { concurrencyPolicy: 'Forbid' })
  await cluster.settle()
  await cluster.advance(minute + 1000)
  const [name = ''] = await names(cluster)
  await cluster.client.delete(Job, { name, namespace: 'default' }, { propagationPolicy: 'Background' })
  await cluster.settle()
  assert.equal((await cluster.client.get(CronJob, at)).status.active, undefined)
  assert.ok((await eventsOf(cluster, 'tick')).includes(`MissingJob: Active job went missing: ${name}`))
})

const created = '2026-01-01T00:00:00Z'
const plans = [
  { it: 'nothing before the first time', schedule: '0 * * * *', now: '2026-01-01T00:59:00Z', due: undefined, next: 60_100 },
  {
    it: 'the only time',
    schedule: '0 * * * *',
    now: '2026-01-01T01:10:00Z',
    due: '2026-01-01T01:00:00Z',
    next: 50 * minute + 100,
  },
  {
    it: 'the latest of several',
    schedule: '0 * * * *',
    now: '2026-01-01T09:10:00Z',
    due: '2026-01-01T09:00:00Z',
    next: 50 * minute + 100,
  },
  {
    it: 'the latest of uneven ones',
    schedule: '30 6-16/4 * * 1-5',
    now: '2026-01-05T12:00:00Z',
    due: '2026-01-05T10:30:00Z',
    next: 150 * minute + 100,
  },
  {
    it: 'the latest of an interval',
    schedule: '@every 7m',
    now: '2026-01-01T01:00:00Z',
    due: '2026-01-01T00:56:00Z',
    next: 3 * minute + 100,
  },
  {
    it: 'far too many',
    schedule: '* * * * *',
    now: '2026-01-03T00:00:00Z',
    due: '2026-01-03T00:00:00Z',
    next: minute + 100,
    tooMany: true,
  },
  {
    it: 'only what the deadline allows',
    schedule: '* * * * *',
    deadline: 90,
    now: '2026-01-03T00:00:30Z',
    due: '2026-01-03T00:00:00Z',
    next: 30_100,
  },
]
for (const { it, schedule: text, now, due, next, tooMany = false, deadline } of plans) {
  test(`planDue() and planNext() see ${it}`, () => {
    const startingDeadlineSeconds = deadline
    const job = { metadata: { creationTimestamp: created }, spec: { startingDeadlineSeconds }, status: {} } as CronJob
    const schedule = parseSchedule(text)
    const found = planDue(job, schedule, Date.parse(now))
    assert.deepEqual(found?.time, due && Date.parse(due))
    assert.equal(found?.tooManyMissed, tooMany)
    assert.equal(planNext(job, schedule, Date.parse(now)), next)
  })
}
