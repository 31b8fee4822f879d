import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf } from './bring-up.ts'
import { defaultConfig } from './data-directory.ts'
import { storeWishes } from './store-config.ts'

const etcd = { 'etcd-endpoints': 'http://127.0.0.1:2379' }

test('--etcd-api-port is refused where the state is in etcd, which answers its clients itself', () => {
  const refused = /--etcd-api-port goes with --store sqlite: an etcd answers its clients itself/
  for (const flags of [{ store: 'etcd', ...etcd }, etcd]) {
    assert.throws(() => storeWishes({ ...flags, 'etcd-api-port': '2379' }, '/'), refused)
    assert.equal(storeWishes({ ...flags, 'etcd-api-port': '0' }, '/').etcdApiPort, 0)
  }
  assert.throws(() => storeWishes({ 'etcd-api-port': '2379' }, '/', 'etcd'), refused)
  assert.equal(storeWishes({ 'etcd-api-port': '2379' }, '/', 'sqlite').etcdApiPort, 2379)
  assert.equal(storeWishes({ 'etcd-api-port': '2379' }, '/').etcdApiPort, 2379)
})

test('configOf() refuses --etcd-api-port on a cluster whose state is in etcd', () => {
  const known = { ...defaultConfig, nodeName: 'n', etcd: { endpoints: ['http://127.0.0.1:2379'], prefix: '/registry' } }
  const options = { wishes: { ...defaultConfig, nodeName: 'n' }, path: '/x', isRunning: false }
  assert.throws(() => configOf(known, { ...options, store: { etcdApiPort: 2379 } } as never), /--etcd-api-port goes with/)
  assert.equal(configOf(known, { ...options, store: {} } as never).etcd, known.etcd)
})
