import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Terminal } from '#cli/command.ts'
import { apiserverFlagsFrom } from './apiserver-flags-from.ts'

const terminal = { cwd: import.meta.dirname } as Terminal

test('apiserverFlagsFrom() takes what was given, with whole paths', async () => {
  assert.equal(await apiserverFlagsFrom({}, terminal), undefined)
  const given = { 'audit-policy-file': 'flags.ts', 'audit-log-path': 'new.log', 'max-requests-inflight': '7' }
  assert.deepEqual(await apiserverFlagsFrom(given, terminal), {
    'audit-log-path': `${terminal.cwd}/new.log`,
    'audit-policy-file': `${terminal.cwd}/flags.ts`,
    'max-requests-inflight': '7',
  })
})

const refused = [
  [{ 'max-requests-inflight': 'x' }, 'invalid argument "x" for "--max-requests-inflight" flag: want a number'],
  [{ 'anonymous-auth': 'perhaps' }, 'invalid argument "perhaps" for "--anonymous-auth" flag: want true or false'],
  [{ 'audit-policy-file': 'nothing.yaml' }, `--audit-policy-file: ${terminal.cwd}/nothing.yaml does not exist`],
] as const
for (const [flags, message] of refused) {
  test(`apiserverFlagsFrom() refuses ${JSON.stringify(flags)}`, async () => {
    await assert.rejects(apiserverFlagsFrom(flags, terminal), { message })
  })
}
