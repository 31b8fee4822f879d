import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Job } from '#api/batch/v1/job.ts'
import { made } from '#testing/errors-of.ts'

const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x' }] } }

test('a Job that says nothing runs one pod once, six times at most', () => {
  const { completions, parallelism, backoffLimit, suspend, completionMode } = made(Job, { spec: { template } }).spec
  const said = { completions, parallelism, backoffLimit, suspend, completionMode }
  assert.deepEqual(said, { completions: 1, parallelism: 1, backoffLimit: 6, suspend: false, completionMode: 'NonIndexed' })
})

test('prepareJob() selects the pods of a new job by its uid', () => {
  const job = made(Job, { spec: { template } })
  Job.def.prepare?.(job, undefined, '2026-01-02T00:00:00Z')
  assert.deepEqual(job.spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } })
  assert.deepEqual(job.spec.template.metadata.labels, {
    'batch.kubernetes.io/controller-uid': 'u',
    'controller-uid': 'u',
    'batch.kubernetes.io/job-name': 'a',
    'job-name': 'a',
  })
})
