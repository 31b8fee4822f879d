/** What goes with every engine: the history of what is compacted, and values encrypted at rest whose keys rotate. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '#lib/random.ts'
import { encryptedStore } from '../encryption/encrypted-store.ts'
import { findUnreadable } from '../encryption/find-unreadable.ts'
import { aesgcm, identity, type Provider, secretbox } from '../encryption/providers.ts'
import { openHistory } from '../history.ts'
import { recordHistory } from '../record-history.ts'
import { prefixEnd, type Store } from '../store.ts'
import { bytes, Listener, type Open, rejectsWith, storeTest, text } from './bench.ts'

export function testBeside(name: string, open: Open): void {
  storeTest(
    `${name}: the history tells a range as it stood, by revision and by time, behind a compaction`,
    open,
    async (bench) => {
      const { store, clock } = bench
      const directory = mkdtempSync(join(tmpdir(), 'nami-beside-'))
      const history = await openHistory({ path: join(directory, 'history.db') })
      const recorder = await recordHistory({ store, history, clock })
      const revisions: number[] = []
      const at = (i: number) => 1_767_225_600_000 + i * 1000
      const write = async (i: number, operation: 'put' | 'delete', key: string) => {
        const cause = { user: `user-${i}`, time: at(i), request: `request-${i}` }
        const change = operation === 'put' ? { op: operation, key, value: bytes(`${i}`) } : { op: operation, key }
        revisions[i] = (await store.txn({ compare: [], success: [change], cause })).revision
      }
      await write(0, 'put', '/registry/a')
      await write(1, 'put', '/registry/b')
      await write(2, 'put', '/registry/a')
      await write(3, 'delete', '/registry/b')
      await write(4, 'put', '/registry/leases/x')
      await write(5, 'put', '/registry/c')
      await recorder.flush()
      await store.compact(revisions[5] as number)
      const all = { key: '/registry/', end: prefixEnd('/registry/') }
      const stood = async (revision: number) =>
        (await recorder.rangeAt(all, revision)).map(({ key, value }) => `${key.slice(10)}=${text(value)}`).join()
      assert.equal(await stood(revisions[1] as number), 'a=0,b=1')
      assert.equal(await stood((await history.revisionAt(at(2) + 500)) ?? 0), 'a=2,b=1')
      assert.equal(await stood(revisions[5] as number), 'a=2,c=5')
      await rejectsWith(
        recorder.rangeAt({ key: '/registry/leases/', end: '/registry/leases0' }, revisions[5] as number),
        'Compacted',
      )
      const changes = await history.changesOf({ key: '/registry/a' })
      const shown = changes.map(({ before, after, cause }) => [text(before), text(after), cause?.user, cause?.request])
      assert.deepEqual(shown, [
        ['0', '2', 'user-2', 'request-2'],
        [undefined, '0', 'user-0', 'request-0'],
      ])
      const between = await history.changesBetween(at(1), at(4))
      assert.deepEqual(
        between.map(({ key }) => key),
        ['/registry/b', '/registry/a', '/registry/b'],
      )
      await recorder.close()
      await history.close()
      rmSync(directory, { recursive: true })
    },
  )

  storeTest(`${name}: values are encrypted in it, and keys rotate`, open, async ({ store: raw }) => {
    const random = seededRandom(6)
    const [old, young] = [aesgcm, secretbox].map((make, i) => make({ name: `key${i}`, secret: random.bytes(32) }, random)) as [
      Provider,
      Provider,
    ]
    let providers: Provider[] = [old, identity]
    const store: Store = encryptedStore(raw, () => providers)
    const listener = Listener.below(store, '/registry/secrets/')
    const key = '/registry/secrets/default/s'
    const write = (value: string) =>
      store.txn({ compare: [], success: [{ op: 'put', key, value: bytes(value) }], cause: { user: '', time: 0, request: '' } })
    const stored = async () => text((await raw.range({ key })).rows[0]?.value)?.slice(0, 15)
    const read = async () => {
      const [row] = (await store.range({ key })).rows
      return `${text(row?.value)}${row?.isStale ? ' stale' : ''}`
    }
    await write('first')
    assert.deepEqual([await stored(), await read()], ['k8s:enc:aesgcm:', 'first'])
    providers = [young, old, identity]
    assert.equal(await read(), 'first stale')
    assert.equal((await findUnreadable(raw, () => [young]))[0]?.count, 1, 'the old key is still needed')
    await write('second')
    providers = [young]
    assert.deepEqual([await stored(), await read()], ['k8s:enc:secretb', 'second'])
    assert.deepEqual(await findUnreadable(raw, () => providers), [])
    await listener.count(2)
    assert.deepEqual(
      listener.events.map(({ row }) => text(row.value)),
      ['first', 'second'],
    )
  })
}
