import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BringUpOptions, configOf } from './bring-up.ts'
import { type ClusterConfig, defaultConfig } from './data-directory.ts'

const known: ClusterConfig = { ...defaultConfig, nodeName: 'n1', apiserverFlags: { 'audit-log-path': '/a' } }
const nothing: BringUpOptions['wishes'] = { name: 'nami', nodeName: undefined, port: 6443, agent: true }

function changed(wishes: Partial<BringUpOptions['wishes']>, isRunning = true): ClusterConfig {
  return configOf(known, { wishes: { ...nothing, ...wishes }, store: {}, path: '/d', isRunning })
}

test('configOf() keeps what nobody asks to change', () => {
  assert.deepEqual(changed({}), known)
})

test('configOf() takes up what can change on a cluster that stands', () => {
  assert.equal(changed({ runtimeConfig: 'api/beta=true' }).runtimeConfig, 'api/beta=true')
  assert.equal(changed({ name: 'other' }).name, 'other')
  assert.equal(changed({ agent: false }, false).agent, false)
  assert.deepEqual(changed({ apiserverFlags: { 'audit-log-maxsize': '1' } }).apiserverFlags, {
    'audit-log-path': '/a',
    'audit-log-maxsize': '1',
  })
})

const refused = [
  [{ port: 7000 }, 'The cluster in /d serves on port 6443.'],
  [{ nodeName: 'n2' }, 'The node of the cluster in /d is called n1.'],
  [{ agent: false }, 'The cluster in /d runs with a node.'],
] as const
for (const [wishes, message] of refused) {
  test(`configOf() refuses ${JSON.stringify(wishes)} on a running cluster`, () => {
    assert.throws(() => changed(wishes), { message })
  })
}
