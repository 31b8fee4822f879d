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
import { Members } from './members.ts'

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

  test('etcd: a txn whose answer was lost answers as it did, ranges among its writes too', async (t) => {
    const store = await emptyStore()
    const [a, b, c] = ['/t/a', '/t/b', '/t/c']
    await put(store, a, 'old')
    await put(store, b, 'old')
    const range = { op: 'range', key: '/t/', end: '/t0' } as const
    const write = (key: string) => ({ op: 'put', key, value: Buffer.from('new') }) as const
    const success = [range, write(a), { ...range, limit: 2 }, { op: 'delete', key: b } as const, range, write(c), range]
    const call = Members.prototype.call
    const mocked = t.mock.method(
      Members.prototype,
      'call',
      async function (this: Members, ...[method, message]: Parameters<Members['call']>) {
        if (method !== 'KV.Txn') return call.call(this, method, message)
        mocked.mock.restore()
        await call.call(this, method, message)
        return { ...(await call.call(this, method, message)), attempts: 2 }
      },
    )
    const { results } = await store.txn({ compare: [], success, cause: { user: 'test', time: 0, request: 'lost' } })
    const seen = results.map((result) =>
      result.op === 'range' ? [result.rows.map(({ key, value }) => `${key} ${Buffer.from(value)}`), result.count] : result.op,
    )
    assert.deepEqual(seen, [
      [['/t/a old', '/t/b old'], 2],
      'put',
      [['/t/a new', '/t/b old'], 2],
      'delete',
      [['/t/a new'], 1],
      'put',
      [['/t/a new', '/t/c new'], 2],
    ])
    await store.close()
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
