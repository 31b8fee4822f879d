import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cniConfig, podNetwork } from './pod-network.ts'

test('podNetwork() takes the first address of the range for the gateway', () => {
  assert.equal(podNetwork('10.244.3.0/24', '10.96.0.0/16').gateway, '10.244.3.1')
})

test('cniConfig() puts pods of the range on the bridge', () => {
  const { plugins } = JSON.parse(cniConfig(podNetwork('10.244.3.0/24', '10.96.0.0/16'), '/run/x'))
  assert.equal(plugins[0].bridge, 'nami0')
  assert.deepEqual(plugins[0].ipam.ranges, [[{ subnet: '10.244.3.0/24' }]])
})
