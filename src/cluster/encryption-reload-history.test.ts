import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { SealedValue } from '#store/history.ts'
import { openMemoryStore } from '#store/memory.ts'
import { openEncryption } from './encryption-reload.ts'

test('openEncryption() tells which keys the history still needs, and goes on without them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nami-sealed-'))
  const [path, clock, stop] = [join(folder, 'encryption.yaml'), new VirtualClock(), new AbortController()]
  const key = `{name: new, secret: ${Buffer.alloc(32, 'n').toString('base64')}}`
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources: [secrets]\n'
  writeFileSync(path, `${head}    providers:\n      - secretbox:\n          keys:\n            - ${key}\n`)
  const sealed: SealedValue[] = [
    { prefix: 'k8s:enc:aesgcm:v1:old:', key: '/registry/secrets/default/a', value: Buffer.from('k8s:enc:aesgcm:v1:old:xyz') },
    { prefix: '', key: '/registry/secrets/default/b', value: Buffer.from('{}') },
    { prefix: '', key: '/registry/pods/default/c', value: Buffer.from('{}') },
  ]
  const told = Promise.withResolvers<string>()
  const raw = openMemoryStore({ clock })
  const log = { info: () => {}, error: (_: string, error: unknown) => told.resolve((error as Error).message) }
  const history = { sealed: async () => sealed }
  await openEncryption({ path, raw, history, clock, random: seededRandom(1), log, signal: stop.signal })
  const lost = 'k8s:enc:aesgcm:v1:old, not encrypted ("identity" is missing)'
  assert.equal(await told.promise, `${path} does not open values in the history, which cannot be shown or put back: ${lost}`)
  stop.abort()
  await raw.close()
  rmSync(folder, { recursive: true })
})
