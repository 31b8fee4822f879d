import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { planDeletion } from './deletion-order.ts'

interface Shape {
  node?: string
  phase?: string
  /** Seconds since it became ready. */
  ready?: number
  /** Seconds since it was created. */
  age?: number
  cost?: string
  restarts?: number
}

const now = Date.UTC(2026, 0, 2)
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString()

function pod(name: string, { node = 'n1', phase = 'Running', ready, age = 1000, cost, restarts = 0 }: Shape = {}): Pod {
  const annotations = cost === undefined ? undefined : { 'controller.kubernetes.io/pod-deletion-cost': cost }
  const conditions = ready === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: ago(ready) }]
  return {
    metadata: { name, uid: name, creationTimestamp: ago(age), annotations },
    spec: { nodeName: node, containers: [] },
    status: { phase, conditions, containerStatuses: [{ name: 'main', restartCount: restarts }] },
  } as unknown as Pod
}

const cases = [
  { it: 'unassigned before assigned', first: { node: '', phase: 'Pending' }, second: { phase: 'Pending' } },
  { it: 'pending before running', first: { phase: 'Pending' }, second: {} },
  { it: 'unknown before running', first: { phase: 'Unknown' }, second: {} },
  { it: 'not ready before ready', first: {}, second: { ready: 10 } },
  { it: 'cheap before dear', first: { ready: 900, cost: '-5' }, second: { ready: 10, cost: '7' } },
  { it: 'a cost that is no integer as zero', first: { ready: 10, cost: '1.5' }, second: { ready: 900, cost: '1' } },
  { it: 'shortly ready before long ready', first: { ready: 5 }, second: { ready: 500 } },
  { it: 'often restarted before steady', first: { restarts: 3, age: 9000 }, second: { age: 10 } },
  { it: 'young before old', first: { age: 10 }, second: { age: 1000 } },
  { it: 'ages of one magnitude by UID', first: { age: 1000 }, second: { age: 999 } },
] as const

for (const { it, first, second } of cases) {
  test(`planDeletion() takes ${it}`, () => {
    const pods = [pod('b', second), pod('a', first)]
    assert.deepEqual(
      planDeletion(pods, 1, { now, related: [] }).map(({ metadata }) => metadata.name),
      ['a'],
    )
  })
}

test('planDeletion() takes from the node that has most pods of the same owner', () => {
  const crowded = pod('z', { node: 'n2', ready: 500 })
  const pods = [pod('a', { node: 'n1', ready: 5 }), crowded]
  const related = [...pods, pod('other', { node: 'n2' })]
  assert.deepEqual(planDeletion(pods, 1, { now, related }), [crowded])
})
