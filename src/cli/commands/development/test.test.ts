import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leftOut } from './test.ts'

test('leftOut() says once for each reason how many tests had no real client', () => {
  const why = 'kubectl cannot be fetched: npm: getaddrinfo EAI_AGAIN'
  const skipped = [
    `test/clients/helm.test.ts: helm installs: ${why}`,
    `test/e2e/cluster.test.ts: a cluster: ${why}`,
    'a.test.ts: b: needs nft',
  ]
  assert.deepEqual(leftOut(skipped), [`NOT TESTED WITH REAL CLIENTS: 2 tests were left out. ${why}`])
  assert.deepEqual(leftOut(['a.test.ts: b: needs nft']), [])
})
