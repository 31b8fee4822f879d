/** The contract of leases. */
import assert from 'node:assert/strict'
import { type Bench, del, guarded, keys, Listener, type Open, put, rejectsWith, type Skip, storeTest } from './bench.ts'

export function testLeases(name: string, open: Open, { virtualLeases }: Skip): void {
  testAttachment(name, open)
  if (!virtualLeases) testExpiry(name, open)
}

function testAttachment(name: string, open: Open): void {
  storeTest(`${name}: revokeLease() deletes the keys attached to it in one revision`, open, async ({ store }) => {
    const lease = await store.grantLease(60)
    const other = await store.grantLease(60)
    assert.notEqual(lease.id, other.id)
    assert.equal(lease.ttl, 60)
    for (const key of ['/b', '/a']) await put(store, key, key, lease.id)
    const before = await put(store, '/c', '/c', other.id)
    assert.equal((await store.range({ key: '/a' })).rows[0]?.lease, lease.id)
    const listener = Listener.below(store, '/')
    await store.revokeLease(lease.id)
    await listener.count(2)
    assert.deepEqual(listener.log, ['delete /a', 'delete /b'])
    assert.deepEqual(
      listener.events.map(({ row }) => row.revision),
      [before + 1, before + 1],
    )
    assert.deepEqual(await keys(store, '/'), ['/c'])
  })

  storeTest(`${name}: revokeLease() spares keys written since without the lease`, open, async ({ store }) => {
    const lease = await store.grantLease(60)
    for (const key of ['/a', '/b', '/c']) await put(store, key, key, lease.id)
    await put(store, '/a')
    await del(store, '/b')
    await put(store, '/b')
    await store.revokeLease(lease.id)
    assert.deepEqual(await keys(store, '/'), ['/a', '/b'])
  })

  storeTest(`${name}: an unknown lease is refused everywhere`, open, async ({ store, base }) => {
    const { id } = await store.grantLease(60)
    await store.revokeLease(id)
    await rejectsWith(store.revokeLease(id), 'LeaseNotFound')
    await rejectsWith(store.keepAliveLease(id), 'LeaseNotFound')
    await rejectsWith(put(store, '/a', '', id), 'LeaseNotFound')
    assert.equal((await store.status()).revision, base)
  })

  storeTest(`${name}: grantLease() takes an id that is given, once`, open, async ({ store }) => {
    assert.equal((await store.grantLease(60, 4711)).id, 4711)
    await rejectsWith(store.grantLease(60, 4711), 'LeaseExists')
    assert.notEqual((await store.grantLease(60)).id, 4711)
    await store.revokeLease(4711)
  })

  storeTest(`${name}: txn() compares leases`, open, async ({ store }) => {
    const { id } = await store.grantLease(60)
    await put(store, '/a', '', id)
    assert((await guarded(store, { key: '/a', target: 'lease', op: '=', operand: id })).succeeded)
    assert((await guarded(store, { key: '/a', target: 'lease', op: '!=', operand: 0 })).succeeded)
  })
}

function testExpiry(name: string, open: Open): void {
  storeTest(`${name}: a lease runs out after its time to live`, open, async (bench) => {
    const { store } = bench
    const { id } = await store.grantLease(10)
    await put(store, '/a', '', id)
    const listener = Listener.below(store, '/')
    pass(bench, 9_999)
    assert.deepEqual(await keys(store, '/'), ['/a'])
    pass(bench, 1)
    await listener.count(1)
    assert.deepEqual(listener.log, ['delete /a'])
    await rejectsWith(store.keepAliveLease(id), 'LeaseNotFound')
  })

  storeTest(`${name}: keepAliveLease() resets the time to live`, open, async (bench) => {
    const { store } = bench
    const lease = await store.grantLease(10)
    await put(store, '/a', '', lease.id)
    const listener = Listener.below(store, '/')
    for (let i = 0; i < 5; i++) {
      pass(bench, 9_000)
      assert.deepEqual(await store.keepAliveLease(lease.id), lease)
    }
    pass(bench, 9_999)
    assert.deepEqual(await keys(store, '/'), ['/a'])
    pass(bench, 1)
    await listener.count(1)
  })
}

function pass({ clock }: Bench, milliseconds: number): void {
  const end = clock.now() + milliseconds
  while (clock.runNext(end));
  clock.advanceTo(end)
}
