import { after, before, test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { missingEtcd, type TestEtcd, testEtcd } from '#testing/etcd.ts'
import { testStore } from '../conformance.ts'
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
}

async function emptyStore() {
  const { endpoints } = etcd
  const store = await openEtcdStore({ endpoints, clock: systemClock, random: systemRandom, name: 'test' })
  const cause = { user: 'test', time: 0, request: 'empty' }
  await store.txn({ compare: [], success: [{ op: 'delete', key: '\u0001', end: '\uffff' }], cause })
  for (const { id } of await store.leases()) await store.revokeLease(id)
  return store
}
