/** What a pod counts for, above all while it is resized in place (KEP-1287, upstream `component-helpers/resource`). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { podRequests } from './resources.ts'

const infeasible = { conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }] }
const deferred = { conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Deferred' }] }
const cpu = (amount: string) => ({ cpu: amount })
const container = (amount: string, more: object = {}) => ({ name: 'c', resources: { requests: cpu(amount) }, ...more })
const state = (allocated: string, actual: string, name = 'c') => ({
  ...{ name, allocatedResources: cpu(allocated) },
  resources: { requests: cpu(actual) },
})
const one = (asked: string, ...status: readonly [allocated: string, actual: string]) => ({
  spec: { containers: [container(asked)] },
  status: { containerStatuses: [state(...status)] },
})
const whole = (asked: string, allocated: string, actual: string) => ({
  spec: { containers: [container('1')], resources: { requests: cpu(asked) } },
  status: { allocatedResources: cpu(allocated), resources: { requests: cpu(actual) } },
})

interface Row {
  readonly it: string
  readonly spec: object
  readonly status?: object
  /** Not on a node yet. */
  readonly waits?: boolean
  /** Thousandths of a core. */
  readonly counts: number
}

const rows: readonly Row[] = [
  { it: 'what it asks for without a status', spec: { containers: [container('2')] }, counts: 2_000 },
  { it: 'what it asks for where that is the most', ...one('3', '2', '1'), counts: 3_000 },
  { it: 'what is allocated while less is asked for', ...one('1', '3', '2'), counts: 3_000 },
  { it: 'what is in force while less is allocated', ...one('1', '1', '3'), counts: 3_000 },
  { it: 'what it asks for once all agree', ...one('1', '1', '1'), counts: 1_000 },
  { it: 'what it asks for while a resize is put off', ...merged(one('4', '2', '2'), deferred), counts: 4_000 },
  { it: 'what it has where a resize can never be', ...merged(one('9', '2', '2'), infeasible), counts: 2_000 },
  { it: 'the most of what it has where a resize can never be', ...merged(one('9', '2', '3'), infeasible), counts: 3_000 },
  { it: 'what it asks for while it has no node', ...one('1', '3', '3'), waits: true, counts: 1_000 },
  {
    it: 'the sum of containers of which each counts with its most',
    spec: { containers: [container('1'), container('3', { name: 'd' })] },
    status: { containerStatuses: [state('2', '2'), state('1', '1', 'd')] },
    counts: 5_000,
  },
  {
    it: 'a sidecar that is resized',
    spec: { containers: [container('1')], initContainers: [container('1', { name: 's', restartPolicy: 'Always' })] },
    status: { initContainerStatuses: [state('2', '2', 's')] },
    counts: 3_000,
  },
  {
    it: 'an init container that needs more than the rest',
    spec: { containers: [container('1')], initContainers: [container('4', { name: 'i' })] },
    counts: 4_000,
  },
  { it: 'what the pod as a whole asks for', ...whole('3', '2', '1'), counts: 3_000 },
  { it: 'what the pod as a whole has while it asks for less', ...whole('1', '2', '3'), counts: 3_000 },
  { it: 'what the pod as a whole has where its resize can never be', ...merged(whole('9', '2', '1'), infeasible), counts: 2_000 },
  { it: 'what the pod as a whole asks for while it has no node', ...whole('1', '2', '3'), waits: true, counts: 1_000 },
  {
    it: 'overhead on top',
    spec: { containers: [container('1')], overhead: cpu('250m') },
    status: { containerStatuses: [state('2', '2')] },
    counts: 2_250,
  },
]

function merged<T extends { readonly status: object }>(row: T, status: object): T {
  return { ...row, status: { ...row.status, ...status } }
}

for (const { it, spec, status = {}, waits, counts } of rows) {
  test(`podRequests() is ${it}`, () => {
    const pod = { metadata: { name: 'p' }, spec: { ...spec, ...(!waits && { nodeName: 'n' }) }, status }
    assert.equal(podRequests(pod as unknown as Pod).cpu, counts)
  })
}
