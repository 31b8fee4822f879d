import assert from 'node:assert/strict'
import { createDecipheriv, createHmac } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type MessageType, readProto } from '#kubelet/cri/proto-file.ts'
import { decode } from '#kubelet/cri/proto-wire.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { type TestKms, testKms } from '#testing/kms-service.ts'
import { bytes, Listener, put, text } from '../conformance/bench.ts'
import { testStore } from '../conformance.ts'
import { openMemoryStore } from '../memory.ts'
import { plainKey, seededKey } from './data-key.ts'
import { cacheKeyOf, decodeEncryptedObject, type EncryptedObject, encodeEncryptedObject } from './encrypted-object.ts'
import { encryptedStore } from './encrypted-store.ts'
import { findUnreadable } from './find-unreadable.ts'
import { KmsProvider } from './kms.ts'
import { identity } from './providers.ts'

/** As upstream's api.proto has it. */
const message = readProto(`
syntax = "proto3";
package v2;
message EncryptedObject {
  bytes encryptedData = 1; string keyID = 2; bytes encryptedDEKSource = 3;
  map<string, bytes> annotations = 4; EncryptedDEKSourceType encryptedDEKSourceType = 5;
}
enum EncryptedDEKSourceType { AES_GCM_KEY = 0; HKDF_SHA256_XNONCE_AES_GCM_SEED = 1; }
`).messages.get('EncryptedObject') as MessageType

function bed(service: TestKms = testKms(), seed = 1) {
  const clock = new VirtualClock()
  const used: string[] = []
  const stop = new AbortController()
  const provider = new KmsProvider({
    ...{ name: 'vault', service, clock, random: seededRandom(seed), signal: stop.signal },
    observer: {
      keyUsed: (direction, keyId) => void used.push(`${direction} ${keyId}`),
      ...{
        keyTold: () => {},
        keyRefused: (code) => void used.push(code),
        cached: () => {},
        missed: () => void used.push('missed'),
      },
      seedMade: () => void used.push('seed'),
    },
  })
  const raw = openMemoryStore({ clock })
  const store = encryptedStore(raw, () => [provider, identity])
  const read = async () => {
    const [row] = (await store.range({ key: '/s' })).rows
    return `${text(row?.value)}${row?.isStale ? ' stale' : ''}`
  }
  return { service, clock, used, provider, raw, store, read, stop }
}

/** Lets those who wait go on in between. */
async function pass(clock: VirtualClock, milliseconds: number): Promise<void> {
  const end = clock.now() + milliseconds
  await setImmediate()
  while (clock.runNext(end)) await setImmediate()
  clock.advanceTo(end)
}

const ready = async (service?: TestKms) => {
  const made = bed(service)
  await made.provider.check()
  return made
}

// The contract holds through it.
const conforming = bed()
await conforming.provider.check()
testStore('kms', async ({ clock }) =>
  encryptedStore(openMemoryStore({ clock }), (key) => (/^\/(a|none)$/.test(key) ? [identity] : [conforming.provider])),
)

test('KmsProvider stores what upstream stores: another reader opens it with the seed alone', async () => {
  const { raw, store, service, used } = await ready()
  await put(store, '/s', '{"a":1}')
  const stored = (await raw.range({ key: '/s' })).rows[0]?.value as Uint8Array
  const prefix = 'k8s:enc:kms:v2:vault:'
  assert.equal(Buffer.from(stored.subarray(0, prefix.length)).toString(), prefix)
  const object = decode(message, stored.subarray(prefix.length))
  assert.deepEqual([object.keyID, object.encryptedDEKSourceType], ['key-1', 'HKDF_SHA256_XNONCE_AES_GCM_SEED'])
  assert.deepEqual(Object.keys(object.annotations), ['padding.kms.example.com'])
  const key = { source: object.encryptedDEKSource, keyId: 'key-1', sourceType: 1 }
  const seed = await service.decrypt({ ...key, annotations: new Map(Object.entries<Buffer>(object.annotations)) }, '')
  const data: Buffer = object.encryptedData
  const derived = createHmac('sha256', seed)
    .update(Buffer.concat([data.subarray(0, 32), Buffer.of(1)]))
    .digest()
  const opening = createDecipheriv('aes-256-gcm', derived, data.subarray(32, 44)).setAAD(Buffer.from('/s'))
  opening.setAuthTag(data.subarray(-16))
  assert.equal(`${opening.update(data.subarray(44, -16))}${opening.final()}`, '{"a":1}')
  assert.deepEqual(used, ['seed', 'to_storage key-1'])
})

test('seededKey() and plainKey() open what they should, and nothing else', () => {
  const random = seededRandom(3)
  const seed = random.bytes(32)
  const sealed = seededKey(seed, random).seal(bytes('x'), '/a')
  assert.equal(sealed.byteLength, 32 + 12 + 1 + 16)
  assert.equal(text(seededKey(seed, random).open(sealed, '/a')), 'x')
  assert.throws(() => seededKey(seed, random).open(sealed, '/b'), { message: 'cipher: message authentication failed' })
  assert.throws(() => seededKey(seed, random).open(sealed.subarray(0, 20), '/a'), /shorter than the required size/)
  assert.throws(() => seededKey(seed.subarray(1), random), { message: 'invalid seed length 31 used for key generation' })
  assert.throws(() => plainKey(seed.subarray(1)), { message: 'crypto/aes: invalid key size 31' })
})

test('the plugin is asked once per key, not per value, and a restarted server asks once again', async () => {
  const first = await ready()
  for (let i = 0; i < 50; i++) await put(first.store, `/x/${i}`, `${i}`)
  const range = { key: '/x/', end: '/x0' }
  assert.equal((await first.store.range(range)).rows.length, 50)
  assert.deepEqual(first.service.calls, { status: 1, encrypt: 1, decrypt: 0 })
  const { provider } = bed(first.service, 2)
  await provider.check()
  const again = encryptedStore(first.raw, () => [provider])
  const { rows } = await again.range(range)
  assert.deepEqual([rows.length, rows.some(({ isStale }) => isStale)], [50, false], 'another seed of the same key is not stale')
  assert.deepEqual(first.service.calls, { status: 2, encrypt: 2, decrypt: 1 })
})

test('a key id that changes makes a new seed, and what is stored stale until it is written', async () => {
  const { service, clock, provider, store, read } = await ready()
  await put(store, '/s', 'v')
  assert.equal(await read(), 'v')
  service.keyId = 'key-2'
  assert.equal(await provider.check(), undefined)
  assert.equal(service.calls.status, 1, 'an answer holds for 20 seconds')
  await pass(clock, 20_001)
  assert.equal(await provider.check(), undefined)
  assert.equal(await read(), 'v stale')
  await put(store, '/s', 'v')
  assert.equal(await read(), 'v')
  assert.deepEqual(service.calls, { status: 2, encrypt: 2, decrypt: 0 })
})

test('a plugin that names one key and seals with another is not trusted: the old key stays', async () => {
  const { service, clock, provider, store, read } = await ready()
  service.keyId = 'key-2'
  service.claims = 'key-3'
  await pass(clock, 20_001)
  const problem = (await provider.check()) ?? ''
  assert.match(
    problem,
    /^kmsv2 Provider vault is not healthy, error: failed to rotate DEK uid="[-0-9a-f]+", useSeed=true, errState=<nil>, errGen=<nil>, statusKeyIDHash="sha256:/,
  )
  await put(store, '/s', 'v')
  service.claims = undefined
  await pass(clock, 3_001)
  assert.equal(await provider.check(), undefined)
  assert.equal(await read(), 'v stale')
})

test('check() tells what is wrong in upstream’s words', async () => {
  const cases: [change: Partial<TestKms>, text: RegExp][] = [
    [{ healthz: 'unwell' }, /^kmsv2 Provider vault is not healthy, error: got unexpected healthz status: unwell$/],
    [{ version: 'v3' }, /error: expected KMSv2 API version v2, got v3$/],
    [{ keyId: '' }, /error: got invalid KMSv2 KeyID hash "": keyID is empty$/],
    [{ keyId: 'x'.repeat(1025) }, /hash "sha256:[0-9a-f]{64}": keyID is 1025 bytes, which exceeds the max size of 1024$/],
    [
      { healthz: 'no', keyId: '' },
      /error: \[got unexpected healthz status: no, got invalid KMSv2 KeyID hash "": keyID is empty\]$/,
    ],
    [
      { isDown: true },
      /^failed to perform status section of the healthz check for KMS Provider vault, error: rpc error: code = Unavailable/,
    ],
  ]
  for (const [change, expected] of cases) {
    const { provider } = bed(Object.assign(testKms(), change))
    assert.match((await provider.check()) ?? '', expected)
  }
  const { provider, service, clock } = await ready()
  service.version = 'v2beta1'
  await pass(clock, 20_001)
  assert.match((await provider.check()) ?? '', /should not change after the initial status response version v2, got v2beta1$/)
})

test('writes end three minutes after the plugin has, reads do not', async () => {
  const { service, clock, provider, store, read } = await ready()
  await put(store, '/s', 'v')
  service.isDown = true
  await pass(clock, 180_000)
  await provider.check()
  await put(store, '/s', 'w')
  await pass(clock, 1)
  const expired = /^encryptedDEKSource with keyID hash "sha256:[0-9a-f]{64}" expired at 20..-..-..T..:..:..Z \(current time is /
  await assert.rejects(put(store, '/s', 'x'), { message: expired })
  assert.equal(await read(), 'w')
  service.isDown = false
  await pass(clock, 3_001)
  assert.equal(await provider.check(), undefined)
  await put(store, '/s', 'x')
  assert.equal(service.calls.encrypt, 1, 'the key id is the same, and so is the seed')
})

test('without a word of the plugin nothing is written, and nothing read that it must open', async () => {
  const { service, raw, store } = await ready()
  await put(store, '/s', 'v')
  service.isDown = true
  const { provider } = bed(service, 2)
  await provider.check()
  const later = encryptedStore(raw, () => [provider])
  await assert.rejects(put(later, '/t', 'v'), { message: 'got unexpected nil transformer' })
  await assert.rejects(later.range({ key: '/s' }), { message: 'unable to transform key "/s": got unexpected nil transformer' })
  const value = (await raw.range({ key: '/s' })).rows[0]?.value as Uint8Array
  const key = '/registry/secrets/a/b'
  await raw.txn({ compare: [], success: [{ op: 'put', key, value }], cause: { user: '', time: 0, request: '' } })
  await assert.rejects(
    findUnreadable(raw, () => [provider]),
    { message: /got unexpected nil transformer$/ },
  )
})

test('a key that the KMS has lost is told, and holds up no watch', async () => {
  const { service, raw, store } = await ready()
  await put(store, '/s', 'v')
  service.lost.add('key-1')
  const { provider } = bed(service, 2)
  await provider.check()
  const later = encryptedStore(raw, () => [provider])
  const why = 'unable to transform key "/s": failed to decrypt DEK, error: rpc error: code = InvalidArgument desc = no key key-1'
  await assert.rejects(later.range({ key: '/s' }), { message: why })
  const listener = Listener.below(later, '/', 1)
  await put(later, '/t', 'w')
  await listener.count(2)
  assert.deepEqual(
    listener.events.map(({ row }) => text(row.value)),
    ['', 'w'],
  )
})

test('a watch waits for a plugin that is away, and keeps its order', async () => {
  const { service, raw, store } = await ready()
  const { provider, clock, used } = bed(service, 2)
  await provider.check()
  const later = encryptedStore(raw, (key) => (key === '/plain' ? [identity] : [provider]))
  const listener = Listener.below(later, '/')
  service.isDown = true
  await put(store, '/s', 'v')
  await put(raw, '/plain', 'p')
  await pass(clock, 2_500)
  assert.equal(listener.events.length, 0)
  service.isDown = false
  await pass(clock, 3_000)
  await listener.count(2)
  assert.deepEqual(
    listener.events.map(({ row }) => text(row.value)),
    ['v', 'p'],
  )
  assert(used.includes('missed'))
})

test('decodeEncryptedObject() takes what encodeEncryptedObject() makes, skips what it does not know, and refuses the rest', () => {
  const annotations = new Map([['a.example.com', bytes('1')]])
  const object: EncryptedObject = { data: bytes('d'.repeat(200)), keyId: 'k', source: bytes('s'), sourceType: 1, annotations }
  const encoded = encodeEncryptedObject(object)
  const plain = (one: EncryptedObject) => ({
    ...one,
    data: text(one.data),
    source: text(one.source),
    annotations: [...one.annotations.keys()],
  })
  assert.deepEqual(plain(decodeEncryptedObject(Buffer.concat([encoded, Buffer.of(0x32, 1, 9, 0x38, 5)]))), plain(object))
  const refusals: [change: Partial<EncryptedObject>, text: RegExp][] = [
    [{ sourceType: 2 }, /^unknown encryptedDEKSourceType: 2$/],
    [{ data: bytes('') }, /^encrypted data is empty$/],
    [{ source: bytes('') }, /^failed to validate encrypted DEK source: encrypted DEK source is empty$/],
    [{ source: Buffer.alloc(1025) }, /: encrypted DEK source is 1025 bytes, which exceeds the max size of 1024$/],
    [{ keyId: '' }, /^failed to validate key id: keyID is empty$/],
    [
      { annotations: new Map([['short', bytes('')]]) },
      /^failed to validate annotations: annotations: Invalid value: "short": should be a domain/,
    ],
    [{ annotations: new Map([['A.b', bytes('')]]) }, /annotations: Invalid value: "A\.b": a lowercase RFC 1123 subdomain/],
    [
      { annotations: new Map([['a.b', Buffer.alloc(32 * 1024)]]) },
      /total size of annotations is 32771, which exceeds the max size of 32768$/,
    ],
  ]
  for (const [change, message] of refusals) {
    assert.throws(() => decodeEncryptedObject(encodeEncryptedObject({ ...object, ...change })), { message })
  }
  assert.throws(() => decodeEncryptedObject(encoded.subarray(0, 10)), { message: /^proto: cannot parse/ })
  assert.notEqual(cacheKeyOf(object), cacheKeyOf({ ...object, annotations: new Map() }))
})
