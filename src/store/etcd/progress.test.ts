import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustsProgress } from './progress.ts'

// Upstream's `feature_support_checker.go`.
const cases = [
  ['3.3.27', false],
  ['3.4.23', false],
  ['3.4.30', false],
  ['3.4.31', true],
  ['3.4.32', true],
  ['3.5.0', false],
  ['3.5.12', false],
  ['3.5.13', true],
  ['3.6.0-rc.1', true],
  ['4.0.0', true],
  ['', false],
] as const

for (const [version, expected] of cases) {
  test(`trustsProgress() answers ${expected} for etcd "${version}"`, () => assert.equal(trustsProgress(version), expected))
}
