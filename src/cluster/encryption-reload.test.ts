import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { encryptedStore } from '#store/encryption/encrypted-store.ts'
import { openMemoryStore } from '#store/memory.ts'
import type { Store } from '#store/store.ts'
import { openEncryption } from './encryption-reload.ts'

const cause = { user: 'test', time: 0, request: '' }
const secret = (name: string) => `/registry/secrets/default/${name}`

function configuration(...keys: string[]): string {
  const lines = keys.map((name) => `            - {name: ${name}, secret: ${Buffer.alloc(32, name).toString('base64')}}\n`)
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources: [secrets]\n'
  return `${head}    providers:\n      - secretbox:\n          keys:\n${lines.join('')}`
}

/** Encryption that follows a file, and what was logged of it. */
class Followed implements AsyncDisposable {
  readonly clock = new VirtualClock()
  readonly raw = openMemoryStore({ clock: this.clock })
  readonly lines: string[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'nami-reload-'))
  readonly path = join(this.#folder, 'encryption.yaml')
  readonly #stop = new AbortController()
  store!: Store

  write(...keys: string[]): void {
    writeFileSync(this.path, configuration(...keys))
  }

  async open(): Promise<void> {
    const log = {
      info: (line: string) => this.lines.push(line),
      error: (_: string, error: unknown) => this.lines.push((error as Error).message),
    }
    const history = { sealed: async () => [] }
    const { path, raw, clock } = this
    const encryption = await openEncryption({
      path,
      raw,
      history,
      clock,
      random: seededRandom(1),
      log,
      signal: this.#stop.signal,
    })
    assert(encryption)
    this.store = encryptedStore(raw, encryption.providersOf)
  }

  /** Until something more is logged. */
  async next(): Promise<string> {
    const { length } = this.lines
    while (this.lines.length === length) {
      this.clock.runNext()
      await setImmediate()
    }
    return this.lines.at(-1) as string
  }

  put(name: string, value: string) {
    return this.store.txn({ compare: [], success: [{ op: 'put', key: secret(name), value: Buffer.from(value) }], cause })
  }

  async read(name: string): Promise<string> {
    const { rows } = await this.store.range({ key: secret(name) })
    return Buffer.from(rows[0]?.value ?? []).toString()
  }

  /** The key's name in what is stored. */
  async keyOf(name: string): Promise<string> {
    const { rows } = await this.raw.range({ key: secret(name) })
    return (
      Buffer.from(rows[0]?.value ?? [])
        .toString('latin1')
        .split(':')[4] ?? ''
    )
  }

  async [Symbol.asyncDispose]() {
    this.#stop.abort()
    await this.raw.close()
    rmSync(this.#folder, { recursive: true })
  }
}

test('openEncryption() reads keys again while it runs: what is written next has the new one, and the old one opens on', async () => {
  await using at = new Followed()
  at.write('key1')
  await at.open()
  await at.put('a', 'first')
  at.write('key2', 'key1')
  assert.equal(await at.next(), `encryption keys were read again from ${at.path}`)
  await at.put('b', 'second')
  assert.deepEqual([await at.keyOf('a'), await at.keyOf('b')], ['key1', 'key2'])
  assert.deepEqual([await at.read('a'), await at.read('b')], ['first', 'second'])
})

test('openEncryption() keeps the keys of before where the file is no configuration any more, or is gone', async () => {
  await using at = new Followed()
  at.write('key1')
  await at.open()
  await at.put('a', 'first')
  writeFileSync(at.path, 'apiVersion: [')
  await at.next()
  assert.notEqual(at.lines.at(-1), `encryption keys were read again from ${at.path}`)
  await at.put('b', 'second')
  rmSync(at.path)
  assert.match(await at.next(), /ENOENT/)
  await at.put('c', 'third')
  assert.deepEqual([await at.read('a'), await at.read('b'), await at.keyOf('c')], ['first', 'second', 'key1'])
  at.write('key2', 'key1')
  while (!(await at.next()).startsWith('encryption keys were read again'));
  await at.put('d', 'fourth')
  assert.equal(await at.keyOf('d'), 'key2')
})

test('openEncryption() takes no keys that do not open all that is stored', async () => {
  await using at = new Followed()
  at.write('key1')
  await at.open()
  await at.put('a', 'first')
  at.write('key2')
  const line = `  k8s:enc:secretbox:v1:key1: 1 value, at ${secret('a')}`
  assert.equal(await at.next(), `${at.path} does not open all that is stored, so these keys are not used:\n${line}`)
  await at.put('b', 'second')
  assert.deepEqual([await at.read('a'), await at.keyOf('b')], ['first', 'key1'])
})
