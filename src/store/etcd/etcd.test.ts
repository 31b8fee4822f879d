import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { missingEtcd, type TestEtcd, testEtcd } from '#testing/etcd.ts'
import { put } from '../conformance/bench.ts'
import { testStore } from '../conformance.ts'
import { encryptedStore } from '../encryption/encrypted-store.ts'
import { findUnreadable } from '../encryption/find-unreadable.ts'
import { aesgcm, identity } from '../encryption/providers.ts'
import { openEtcdStore } from './etcd.ts'

const missing = missingEtcd()
const skip = { virtualLeases: "etcd's leases run on its own clock" }
let etcd: TestEtcd

if (missing) test('etcd: the contract of the store', { skip: missing }, () => {})
else {
  before(async () => {
    etcd = await testEtcd()
  })
  after(() => etcd[Symbol.asyncDispose]())
  testStore('etcd', emptyStore, skip)

  test('etcd: values are encrypted there, and it is found out which key they need', async () => {
    const raw = await emptyStore()
    const key = { name: 'key1', secret: new Uint8Array(32).fill(1) }
    const store = encryptedStore(raw, () => [aesgcm(key, systemRandom)])
    for (let i = 0; i < 3; i++) await put(store, `/registry/secrets/default/s${i}`, 'in the clear')
    const stored = (await raw.range({ key: '/registry/secrets/default/s0' })).rows[0]?.value ?? []
    assert.match(Buffer.from(stored).toString('latin1'), /^k8s:enc:aesgcm:v1:key1:/)
    const [row] = (await store.range({ key: '/registry/secrets/default/s0' })).rows
    assert.equal(Buffer.from(row?.value ?? []).toString(), 'in the clear')
    const expected = [{ prefix: 'k8s:enc:aesgcm:v1:key1:', count: 3, key: '/registry/secrets/default/s0' }]
    assert.deepEqual(await findUnreadable(raw, () => [identity]), expected)
    await raw.close()
  })
}

async function emptyStore() {
  const { endpoints } = etcd
  const store = await openEtcdStore({ endpoints, clock: systemClock, random: systemRandom, name: 'test' })
  const cause = { user: 'test', time: 0, request: 'empty' }
  await store.txn({ compare: [], success: [{ op: 'delete', key: '\u0001', end: '\uffff' }], cause })
  for (const { id } of await store.leases()) await store.revokeLease(id)
  return store
}
