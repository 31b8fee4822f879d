import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { put } from '../conformance/bench.ts'
import { openMemoryStore } from '../memory.ts'
import { encryptedStore } from './encrypted-store.ts'
import { findUnreadable } from './find-unreadable.ts'
import { aesgcm, identity, type NamedKey, type Provider, secretbox } from './providers.ts'

const random = seededRandom(1)
const keyOf = (name: string, fill: number): NamedKey => ({ name, secret: new Uint8Array(32).fill(fill) })
const key1 = aesgcm(keyOf('key1', 1), random)
const key2 = secretbox(keyOf('key2', 2), random)
const secretsBy =
  (...providers: Provider[]) =>
  (key: string) =>
    key.startsWith('/registry/secrets/') ? providers : [identity]

test('findUnreadable() counts what the keys that are left do not open, by its beginning', async () => {
  const raw = openMemoryStore({ clock: new VirtualClock() })
  const written = async (provider: Provider, ...names: string[]) => {
    const store = encryptedStore(raw, secretsBy(provider))
    for (const name of names) await put(store, `/registry/secrets/default/${name}`, name)
  }
  await written(key1, 'a', 'b', 'c')
  await written(key2, 'd')
  await written(identity, 'plain')
  await put(raw, '/registry/configmaps/default/a', 'k8s:')
  await put(raw, 'beside', 'k8s:enc:aesgcm:v1:nobody:')
  const a = { prefix: 'k8s:enc:aesgcm:v1:key1:', count: 3, key: '/registry/secrets/default/a' }
  const d = { prefix: 'k8s:enc:secretbox:v1:key2:', count: 1, key: '/registry/secrets/default/d' }
  const plain = { prefix: '', count: 1, key: '/registry/secrets/default/plain' }
  const cases = [
    [secretsBy(key2, key1, identity), []],
    [secretsBy(key2, identity), [a]],
    [secretsBy(aesgcm(keyOf('key1', 9), random), key2, identity), [a]],
    [secretsBy(key1, key2), [plain]],
    [() => [identity], [a, d]],
  ] as const
  for (const [providersOf, expected] of cases) assert.deepEqual(await findUnreadable(raw, providersOf), expected)
})
