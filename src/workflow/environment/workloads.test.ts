import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { hopelessnessOf } from './workloads.ts'

const start = Date.UTC(2026, 10, 21)

/** A container's state, its restarts, the age of its pod in seconds; and what is said of it. */
const cases: readonly (readonly [string, number, number, string | undefined])[] = [
  ['ContainerCreating', 0, 500, undefined],
  ['CrashLoopBackOff', 1, 500, undefined],
  ['CrashLoopBackOff', 2, 30, 'container web ended 3 times'],
  ['InvalidImageName', 0, 1, 'container web cannot start'],
  ['ErrImageNeverPull', 0, 1, 'container web cannot start'],
  ['ImagePullBackOff', 0, 59, undefined],
  ['ImagePullBackOff', 0, 61, 'container web did not start within 60 seconds'],
  ['CreateContainerConfigError', 0, 61, 'container web did not start within 60 seconds'],
]

for (const [reason, restartCount, age, says] of cases) {
  test(`hopelessnessOf() ${reason}, ${restartCount} restarts, ${age} s: ${says ?? 'there is hope'}`, () => {
    const own = { name: 'web', restartCount, state: { waiting: { reason } } }
    const metadata = { creationTimestamp: new Date(start).toISOString() }
    const pod = { metadata, status: { containerStatuses: [own] } } as unknown as Pod
    assert.equal(hopelessnessOf(pod, { mostEnds: 3, now: start + age * 1000 }), says)
  })
}
