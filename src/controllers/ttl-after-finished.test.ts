import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Job } from '#api/batch/v1/job.ts'
import { formatTime } from '#lib/clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { job } from '#testing/make.ts'
import { planLeft, ttlAfterFinishedController } from './ttl-after-finished.ts'

const at = { name: 'sum', namespace: 'default' }

test('TTL-after-finished controller deletes a job when its time is over, and heeds more time given meanwhile', async () => {
  await using cluster = await testCluster({ controllers: [ttlAfterFinishedController], policy: true })
  const { status } = await cluster.client.create(Job, job('sum', { spec: { ttlSecondsAfterFinished: 60 } }))
  await cluster.advance(120_000)
  const time = formatTime(cluster.clock.now())
  const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({
    type,
    status: 'True',
    lastProbeTime: time,
    lastTransitionTime: time,
  }))
  const done = {
    ...(await cluster.client.get(Job, at)),
    status: { ...status, startTime: time, completionTime: time, conditions },
  }
  await cluster.client.update(Job, done, { subresource: 'status' })
  await cluster.advance(30_000)
  await cluster.client.patch(Job, at, { type: 'merge', body: { spec: { ttlSecondsAfterFinished: 100 } } })
  await cluster.advance(69_000)
  assert.equal((await cluster.client.get(Job, at)).metadata.deletionTimestamp, undefined)
  await cluster.advance(1000)
  assert.ok((await cluster.client.get(Job, at)).metadata.finalizers?.includes('foregroundDeletion'))
  assert.deepEqual(cluster.errors, [])
})

const ended = (type: string) => ({ conditions: [{ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] })
const cases = [
  { it: 'a job that runs', job: { spec: { ttlSecondsAfterFinished: 9 }, status: {} }, left: undefined },
  { it: 'a job without limit', job: { spec: {}, status: ended('Failed') }, left: undefined },
  { it: 'a job that failed', job: { spec: { ttlSecondsAfterFinished: 9 }, status: ended('Failed') }, left: 4000 },
  { it: 'a job whose time is over', job: { spec: { ttlSecondsAfterFinished: 0 }, status: ended('Complete') }, left: -5000 },
]
for (const { it, job, left } of cases) {
  test(`planLeft() of ${it}`, () => {
    assert.equal(planLeft({ metadata: {}, ...job } as unknown as Job, Date.UTC(2026, 0, 1, 0, 0, 5)), left)
  })
}
