import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { bytes, cause, Listener, put, text } from '../conformance/bench.ts'
import { testStore } from '../conformance.ts'
import { openMemoryStore } from '../memory.ts'
import { openSqliteStore } from '../sqlite.ts'
import { create, update } from '../store.ts'
import { encryptedStore } from './encrypted-store.ts'
import { aescbc, aesgcm, identity, type Provider, secretbox } from './providers.ts'
import { open, seal } from './secretbox.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-encryption-'))
after(() => rmSync(directory, { recursive: true }))

const random = seededRandom(1)
const key1 = { name: 'key1', secret: random.bytes(32) }
const key2 = { name: 'key2', secret: random.bytes(16) }
const makers = { aesgcm, aescbc, secretbox: (key: typeof key1, chance: typeof random) => secretbox(key, chance) }

// The contract holds through it; `/never` keeps comparisons of values possible.
testStore('encrypted', async ({ clock }) =>
  encryptedStore(openMemoryStore({ clock }), (key) => (/^\/(a|none)$/.test(key) ? [identity] : [aesgcm(key1, random)])),
)

test('seal() makes the box of NaCl', () => {
  // The example of the NaCl manual, tests/secretbox.c.
  const hex = (digits: string) => Uint8Array.from(Buffer.from(digits, 'hex'))
  const key = hex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389')
  const nonce = hex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37')
  const message = hex(
    'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705',
  )
  const box = hex(
    'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5',
  )
  assert.deepEqual(seal(message, nonce, key), box)
  assert.deepEqual(open(box, nonce, key), message)
  assert.equal(open(box.with(20, 0), nonce, key), undefined)
})

test('providers open what they sealed, and nothing else', () => {
  for (const [name, make] of Object.entries(makers)) {
    for (const size of [0, 1, 15, 16, 17, 100, 5000]) {
      const value = random.bytes(size)
      const sealed = make(key1, random).seal(value, '/a')
      assert.deepEqual(new Uint8Array(make(key1, random).open(sealed, '/a')), value, `${name} ${size}`)
      if (name === 'aescbc') continue
      assert.throws(() => make({ ...key1, secret: random.bytes(32) }, random).open(sealed, '/a'), name)
      const changed = Uint8Array.from(sealed)
      changed[changed.length - 1]! ^= 1
      assert.throws(() => make(key1, random).open(changed, '/a'), name)
    }
  }
  assert.throws(() => aesgcm(key1, random).open(aesgcm(key1, random).seal(bytes('x'), '/a'), '/b'), 'moved to another key')
  assert.throws(() => identity.open(bytes('k8s:enc:aesgcm:v1:key1:'), '/a'), /identity transformer tried to read encrypted data/)
})

test('keys rotate: the old one reads, the first one writes, and what is not written with it is stale', async () => {
  const raw = openMemoryStore({ clock: new VirtualClock() })
  let providers: Provider[] = [identity]
  const store = encryptedStore(raw, () => providers)
  const stored = async () => text((await raw.range({ key: '/s' })).rows[0]?.value)?.slice(0, 23)
  const read = async () => {
    const [row] = (await store.range({ key: '/s' })).rows
    return `${text(row?.value)}${row?.isStale ? ' stale' : ''}`
  }
  await put(store, '/s', '{"a":1}')
  assert.deepEqual([await stored(), await read()], ['{"a":1}', '{"a":1}'])
  providers = [aesgcm(key1, random), identity]
  assert.equal(await read(), '{"a":1} stale')
  await put(store, '/s', '{"a":1}')
  assert.deepEqual([await stored(), await read()], ['k8s:enc:aesgcm:v1:key1:', '{"a":1}'])
  providers = [secretbox({ ...key1, name: 'key2' }, random), aesgcm(key1, random)]
  assert.equal(await read(), '{"a":1} stale')
  providers = [secretbox({ ...key1, name: 'key2' }, random)]
  await assert.rejects(read, /unable to transform key "\/s": no matching prefix found/)
  providers = [identity]
  await assert.rejects(read, /unable to transform key "\/s": no matching prefix found/)
  providers = [aesgcm({ ...key2, name: 'key1' }, random), aesgcm(key1, random)]
  assert.equal(await read(), '{"a":1} stale', 'two keys of one name')
})

test('watches, conflicts and deletions show values in the clear', async () => {
  const raw = openMemoryStore({ clock: new VirtualClock() })
  const store = encryptedStore(raw, () => [aesgcm(key1, random)])
  const listener = Listener.below(store, '/')
  const { revision } = await create(store, { key: '/s', value: bytes('1') }, cause)
  const refused = await create(store, { key: '/s', value: bytes('2') }, cause)
  assert.equal(text(refused.current?.value), '1')
  await update(store, { key: '/s', value: bytes('2'), revision }, cause)
  const { results } = await store.txn({ compare: [], success: [{ op: 'delete', key: '/s' }], cause })
  assert.equal(results[0]?.op === 'delete' && text(results[0].deleted[0]?.value), '2')
  await listener.count(3)
  assert.deepEqual(
    listener.events.map(({ type, row, previous }) => [type, text(row.value), text(previous?.value)]),
    [
      ['put', '1', undefined],
      ['put', '2', '1'],
      ['delete', '', '2'],
    ],
  )
  assert.match(
    text((await raw.range({ key: '/', end: '0', revision: revision })).rows[0]?.value) ?? '',
    /^k8s:enc:aesgcm:v1:key1:/,
  )
})

test('an event that no key opens has no value, and holds up nobody', async () => {
  const raw = openMemoryStore({ clock: new VirtualClock() })
  const store = encryptedStore(raw, () => [aesgcm(key1, random)])
  const listener = Listener.below(store, '/')
  await put(raw, '/s', 'k8s:enc:aesgcm:v1:key9:xxxx')
  await put(store, '/s', 'x')
  await listener.count(2)
  assert.deepEqual(
    listener.events.map(({ row }) => text(row.value)),
    ['', 'x'],
  )
})

test('a secret cannot be read in the files of the store', async () => {
  const path = join(directory, 'state.db')
  const raw = await openSqliteStore({ path, clock: new VirtualClock(), reserveBytes: 4096 })
  const store = encryptedStore(raw, (key) => (key.startsWith('/registry/secrets/') ? [secretbox(key1, random)] : [identity]))
  const secret = 'correct-horse-battery-staple'
  await put(store, '/registry/secrets/default/s', `{"data":"${secret}"}`)
  await put(store, '/registry/configmaps/default/c', '{"data":"plain-as-day"}')
  const files = () => readdirSync(directory).map((name) => readFileSync(join(directory, name)).toString('latin1'))
  assert(files().some((file) => file.includes('plain-as-day')))
  assert(files().every((file) => !file.includes(secret)))
  await raw.close()
  assert(files().every((file) => !file.includes(secret)))
})
