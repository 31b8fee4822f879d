import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { readProto } from '#kubelet/cri/proto-file.ts'
import { type Clock, systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { encryptedStore } from '#store/encryption/encrypted-store.ts'
import { openMemoryStore } from '#store/memory.ts'
import { create, type Store, update } from '#store/store.ts'
import { GrpcFailure, serveGrpc } from '#testing/grpc-server.ts'
import { type TestKms, testKms } from '#testing/kms-service.ts'
import { type Encryption, openEncryption } from './encryption-reload.ts'
import { kmsPlugin, kmsProto } from './kms-plugin.ts'
import { StoreProblem } from './store-problem.ts'

const folder = mkdtempSync(join(tmpdir(), 'nami-kms-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0

/** A plugin as somebody else would write it: gRPC on a unix socket. */
async function servePlugin(kms: TestKms, socket = join(folder, `${count++}.sock`)) {
  const server = await serveGrpc(socket, [readProto(kmsProto)], {
    async Status() {
      const { version, healthz, keyId } = await kms.status()
      return { version, healthz, key_id: keyId }
    },
    async Encrypt({ plaintext, uid }) {
      assert.match(uid, /^[-0-9a-f]{36}$/)
      const { ciphertext, keyId, annotations } = await kms.encrypt(plaintext, uid)
      return { ciphertext, key_id: keyId, annotations: Object.fromEntries(annotations) }
    },
    async Decrypt({ ciphertext, uid, key_id: keyId, annotations }) {
      const key = { source: ciphertext, keyId, sourceType: 1, annotations: new Map(Object.entries<Uint8Array>(annotations)) }
      const plaintext = await kms.decrypt(key, uid).catch((error: Error) => {
        throw new GrpcFailure(3, error.message)
      })
      return { plaintext }
    },
  })
  return { socket, close: server.close }
}

function fileFor(providers: string): string {
  const path = join(folder, `${count++}.yaml`)
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n'
  writeFileSync(path, `${head}  providers: ${providers}\n`)
  return path
}

const kmsEntry = (name: string, socket: string, more = '') =>
  `{kms: {apiVersion: v2, name: ${name}, endpoint: 'unix://${socket}'${more}}}`

/** A server's view of a store, on a clock for what it does by itself. */
async function open(path: string, raw: Store, clock: Clock = systemClock) {
  const stop = new AbortController()
  const errors: string[] = []
  const told: string[] = []
  const log = {
    info: (text: string) => void told.push(text),
    error: (doing: string, error: unknown) => void errors.push(`${doing}: ${(error as Error).message}`),
  }
  const history = { sealed: async () => [] }
  const encryption = (await openEncryption({
    ...{ path, raw, history, clock, random: seededRandom(count++), log, signal: stop.signal },
  })) as Encryption
  const store = encryptedStore(raw, encryption.providersOf)
  const read = async () => {
    const [row] = (await store.range({ key })).rows
    return `${Buffer.from(row?.value ?? []).toString()}${row?.isStale ? ' stale' : ''}`
  }
  return { encryption, store, read, errors, told, stop }
}

const key = '/registry/secrets/default/a'
const cause = { user: '', time: 0, request: '' }
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const secretsOf = (raw: Store) => raw.range({ key }).then(({ rows }) => Buffer.from(rows[0]?.value ?? []).toString('latin1'))

test('secrets are sealed by a plugin behind a socket, and opened by the server that comes after', async () => {
  const kms = testKms()
  const plugin = await servePlugin(kms)
  const raw = openMemoryStore({ clock: systemClock })
  const path = fileFor(`[${kmsEntry('vault', plugin.socket)}, {identity: {}}]`)
  const first = await open(path, raw)
  await create(first.store, { key, value: bytes('v') }, cause)
  assert((await secretsOf(raw)).startsWith('k8s:enc:kms:v2:vault:'))
  assert.deepEqual(kms.calls, { status: 1, encrypt: 1, decrypt: 0 })
  first.stop.abort()
  const second = await open(path, raw)
  assert.equal(await second.read(), 'v')
  assert.deepEqual(kms.calls, { status: 2, encrypt: 2, decrypt: 1 })
  const [check] = second.encryption.checks
  assert.deepEqual([check?.name, check?.for, await check?.check()], ['kms-providers', ['healthz', 'readyz'], undefined])
  const lines = second.encryption.instruments.lines()
  const has = (pattern: RegExp) =>
    assert(
      lines.some((line) => pattern.test(line)),
      String(pattern),
    )
  const hashes = 'key_id_hash="sha256:[0-9a-f]{64}",apiserver_id_hash="sha256:[0-9a-f]{64}"'
  has(/^# HELP apiserver_envelope_encryption_key_id_hash_total \[ALPHA\] Number of times a keyID is used split by/)
  has(
    new RegExp(
      `^apiserver_envelope_encryption_key_id_hash_total\\{transformation_type="from_storage",provider_name="vault",${hashes}\\} 2$`,
    ),
  )
  has(
    new RegExp(`^apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds\\{provider_name="vault",${hashes}\\} 1`),
  )
  has(/^apiserver_envelope_encryption_dek_source_cache_size\{provider_name="vault"\} 1$/)
  has(
    /^apiserver_envelope_encryption_kms_operations_latency_seconds_count\{grpc_status_code="OK",method_name="\/v2.KeyManagementService\/Decrypt",provider_name="vault"\} 1$/,
  )
  has(/^apiserver_storage_envelope_transformation_cache_misses_total 1$/)
  has(
    /^apiserver_encryption_config_controller_last_config_info\{apiserver_id_hash="sha256:[0-9a-f]{64}",hash="sha256:[0-9a-f]{64}"\} 1$/,
  )
  second.stop.abort()
  await plugin.close()
})

test('a key that the plugin rotates makes what is stored stale, so that it is written anew', async () => {
  const kms = testKms()
  const plugin = await servePlugin(kms)
  const raw = openMemoryStore({ clock: systemClock })
  const clock = new VirtualClock()
  const { store, read, stop } = await open(fileFor(`[${kmsEntry('vault', plugin.socket)}]`), raw, clock)
  const { revision } = await create(store, { key, value: bytes('v') }, cause)
  kms.keyId = 'key-2'
  assert.equal(await read(), 'v')
  const end = clock.now() + 61_000
  for (; kms.calls.encrypt < 2 && clock.runNext(end); ) await setImmediate()
  while (kms.calls.encrypt < 2 || !(await read()).endsWith('stale')) await setImmediate()
  await update(store, { key, value: bytes('v'), revision }, cause)
  assert.equal(await read(), 'v')
  assert((await secretsOf(raw)).includes('key-2'))
  stop.abort()
  await plugin.close()
})

test('a start without the plugin goes on where nothing needs it, and says so where something does', async () => {
  const kms = testKms()
  const socket = join(folder, 'late.sock')
  const raw = openMemoryStore({ clock: systemClock })
  const path = fileFor(`[${kmsEntry('vault', socket, ', timeout: 60ms')}, {identity: {}}]`)
  const early = await open(path, raw)
  const why =
    'failed to perform status section of the healthz check for KMS Provider vault, error: rpc error: code = DeadlineExceeded'
  assert((await early.encryption.checks[0]?.check())?.startsWith(`kms-provider-0: ${why}`))
  assert.equal(early.errors.length, 1)
  await assert.rejects(create(early.store, { key, value: bytes('v') }, cause), { message: 'got unexpected nil transformer' })
  early.stop.abort()
  const plugin = await servePlugin(kms, socket)
  const { store, stop } = await open(path, raw)
  await create(store, { key, value: bytes('v') }, cause)
  stop.abort()
  await plugin.close()
  await assert.rejects(open(path, raw), (error: Error) => {
    assert(error instanceof StoreProblem)
    return /^The KMS plugin that .* does not answer, and values are stored that nobody else opens:\n {2}unable to transform key/.test(
      error.message,
    )
  })
})

test('a call waits for a plugin that is about to come, and tells gRPC’s errors as Go does', async () => {
  const kms = testKms()
  const socket = join(folder, 'soon.sock')
  const stop = new AbortController()
  const codes: string[] = []
  const onCall = (method: string, code: string) => void codes.push(`${method.split('/')[2]} ${code}`)
  const service = kmsPlugin({ socket, timeout: 5_000, clock: systemClock, signal: stop.signal, onCall })
  const asked = service.status()
  await setImmediate()
  const plugin = await servePlugin(kms, socket)
  assert.deepEqual(await asked, { version: 'v2', healthz: 'ok', keyId: 'key-1' })
  kms.lost.add('key-1')
  const key = { source: bytes('x'), keyId: 'key-1', sourceType: 1, annotations: new Map() }
  const message = 'rpc error: code = InvalidArgument desc = rpc error: code = InvalidArgument desc = no key key-1'
  await assert.rejects(service.decrypt(key, 'uid'), { message })
  assert.deepEqual(codes, ['Status OK', 'Decrypt InvalidArgument'])
  stop.abort()
  await plugin.close()
})

test('keys move to another plugin while the server runs, once that is well', async () => {
  const [old, young] = [testKms(), testKms()]
  young.keyId = 'young-1'
  const plugins = [await servePlugin(old), await servePlugin(young)] as const
  const raw = openMemoryStore({ clock: systemClock })
  const clock = new VirtualClock()
  const entries = ['old', 'young'].map((name, i) => kmsEntry(name, (plugins[i] as { socket: string }).socket))
  const path = fileFor(`[${entries[0]}]`)
  const { encryption, store, read, told, errors, stop } = await open(path, raw, clock)
  const { revision } = await create(store, { key, value: bytes('v') }, cause)
  copyFileSync(fileFor(`[${entries[1]}, ${entries[0]}]`), path)
  clock.runNext(clock.now() + 10_000)
  while (told.length === 0) await setImmediate()
  assert.equal(await read(), 'v stale')
  await update(store, { key, value: bytes('v'), revision }, cause)
  assert((await secretsOf(raw)).startsWith('k8s:enc:kms:v2:young:'))
  assert.equal(await read(), 'v')
  const reloads = encryption.instruments.lines().filter((line) => line.includes('automatic_reloads_total{'))
  assert.match(reloads.join(), /status="success",apiserver_id_hash="sha256:[0-9a-f]{64}"\} 1$/)
  assert.deepEqual(errors, [])
  stop.abort()
  for (const { close } of plugins) await close()
})
