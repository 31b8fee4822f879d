import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { withRevision } from './annotations.ts'
import { maxSurge, maxUnavailable } from './budget.ts'
import { newSize, planRolling } from './rolling.ts'
import { planScale } from './scale.ts'
import { sameTemplate, templateHash } from './template-hash.ts'

function deployment(replicas: number, surge: number | string, unavailable: number | string): Deployment {
  return {
    metadata: { name: 'web', annotations: {} },
    spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } } },
    status: { replicas },
  } as unknown as Deployment
}

let age = 0
function set(name: string, replicas: number, available = replicas, max?: number): ReplicaSet {
  const annotations =
    max === undefined
      ? {}
      : { 'deployment.kubernetes.io/max-replicas': String(max), 'deployment.kubernetes.io/desired-replicas': '1' }
  return {
    metadata: { name, uid: name, creationTimestamp: new Date(Date.UTC(2026, 0, 1, 0, age++)).toISOString(), annotations },
    spec: { replicas },
    status: { replicas, availableReplicas: available },
  } as unknown as ReplicaSet
}

const budgets = [
  { replicas: 10, surge: '25%', unavailable: '25%', are: [3, 2] },
  { replicas: 1, surge: '25%', unavailable: '25%', are: [1, 0] },
  { replicas: 2, surge: 0, unavailable: '25%', are: [0, 1] },
  { replicas: 3, surge: 2, unavailable: 5, are: [2, 3] },
  { replicas: 0, surge: '50%', unavailable: '50%', are: [0, 0] },
]
for (const { replicas, surge, unavailable, are } of budgets) {
  test(`maxSurge() and maxUnavailable() of ${replicas} with ${surge} and ${unavailable}`, () => {
    const given = deployment(replicas, surge, unavailable)
    assert.deepEqual([maxSurge(given), maxUnavailable(given)], are)
  })
}

const sizes = [
  { have: 0, total: 10, is: 3 },
  { have: 3, total: 13, is: 3 },
  { have: 9, total: 10, is: 10 },
  { have: 12, total: 12, is: 10 },
]
for (const { have, total, is } of sizes) {
  test(`newSize() of ${have} among ${total}`, () => assert.equal(newSize(deployment(10, 3, 2), have, total), is))
}

const steps = [
  { it: 'grows the new set first', current: set('new', 0), old: [set('old', 10)], plan: [['new', 3]] },
  { it: 'shrinks old sets as far as availability allows', current: set('new', 3, 0), old: [set('old', 10)], plan: [['old', 8]] },
  { it: 'waits while too few are available', current: set('new', 5, 0), old: [set('old', 8)], plan: [] },
  {
    it: 'drops unavailable old pods first',
    current: set('new', 3, 0),
    old: [set('broken', 4, 0), set('old', 6, 6)],
    plan: [['broken', 2]],
  },
  {
    it: 'goes from older to newer sets',
    current: set('new', 3, 3),
    old: [set('older', 2, 2), set('old', 8, 8)],
    plan: [
      ['older', 0],
      ['old', 5],
    ],
  },
]
for (const { it, current, old, plan } of steps) {
  test(`planRolling() ${it}`, () => {
    const made = planRolling(deployment(10, 3, 2), { current, old })
    assert.deepEqual(
      made.map(({ set, replicas }) => [set.metadata.name, replicas]),
      plan,
    )
  })
}

const scales = [
  { it: 'sizes the only set that has pods', replicas: 5, current: set('new', 3), old: [set('old', 0)], plan: [['new', 5]] },
  {
    it: 'shares out growth',
    replicas: 15,
    current: set('new', 5, 5, 13),
    old: [set('old', 8, 8, 13)],
    plan: [
      ['old', 11],
      ['new', 7],
    ],
  },
  {
    it: 'shares out loss',
    replicas: 5,
    current: set('new', 5, 5, 13),
    old: [set('old', 8, 8, 13)],
    plan: [
      ['old', 5],
      ['new', 3],
    ],
  },
  {
    it: 'empties all for a size of zero',
    replicas: 0,
    current: set('new', 5, 5, 13),
    old: [set('old', 8, 8, 13)],
    plan: [
      ['old', 0],
      ['new', 0],
    ],
  },
]
for (const { it, replicas, current, old, plan } of scales) {
  test(`planScale() ${it}`, () => {
    const made = planScale(deployment(replicas, 3, 2), { current, old })
    assert.deepEqual(
      made.map(({ set, replicas }) => [set.metadata.name, replicas]),
      plan,
    )
  })
}

const key = 'deployment.kubernetes.io/revision'
test('withRevision() copies annotations but those of its own, and remembers earlier revisions', () => {
  const given = deployment(1, 1, 1)
  given.metadata.annotations = { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}', [key]: '9' }
  const first = withRevision(undefined, given, 1)
  assert.deepEqual(first, { note: 'x', [key]: '1' })
  const second = withRevision(withRevision(first, given, 3), given, 5)
  assert.deepEqual(second, { note: 'x', [key]: '5', 'deployment.kubernetes.io/revision-history': '1,3' })
  assert.deepEqual(withRevision(second, given, 4), second)
})

test('templateHash() depends on content and collisions, not on order; the hash label does not make templates differ', () => {
  const a = { metadata: { labels: { app: 'x', tier: 'y' } }, spec: { containers: [] } } as never
  const b = { spec: { containers: [] }, metadata: { labels: { tier: 'y', app: 'x' } } } as never
  assert.equal(templateHash(a, undefined), templateHash(b, undefined))
  assert.match(templateHash(a, undefined), /^[bcdfghjklmnpqrstvwxz2456789]+$/)
  assert.notEqual(templateHash(a, undefined), templateHash(a, 1))
  assert(
    sameTemplate(a, {
      metadata: { labels: { app: 'x', tier: 'y', 'pod-template-hash': 'q' } },
      spec: { containers: [] },
    } as never),
  )
})
