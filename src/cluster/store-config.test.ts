import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultConfig } from './data-directory.ts'
import { engineOf, readTls, StoreFlagError, type StoreFlags, type StoreWishes, storeWishes, withStore } from './store-config.ts'

const endpoints = ['https://a:2379', 'https://b:2379']
const none = { caFile: undefined, certificateFile: undefined, keyFile: undefined }

const wishes: readonly [StoreFlags, StoreWishes][] = [
  [{}, {}],
  [{ store: 'sqlite' }, { engine: 'sqlite' }],
  [
    { store: 'etcd', 'etcd-endpoints': 'https://a:2379,https://b:2379' },
    { engine: 'etcd', etcd: { endpoints, prefix: '/registry', ...none } },
  ],
  [
    { 'etcd-endpoints': 'https://a:2379,,https://b:2379,', 'etcd-prefix': 'other/' },
    { engine: 'etcd', etcd: { endpoints, prefix: '/other', ...none } },
  ],
  [
    { 'etcd-endpoints': 'https://a:2379', 'etcd-cafile': 'ca.crt', 'etcd-certfile': '/tls/c.crt', 'etcd-keyfile': '../c.key' },
    {
      engine: 'etcd',
      etcd: {
        endpoints: ['https://a:2379'],
        prefix: '/registry',
        ...{ caFile: '/home/me/ca.crt', certificateFile: '/tls/c.crt', keyFile: '/home/c.key' },
      },
    },
  ],
  [{ 'etcd-api-port': '0' }, { etcdApiPort: 0 }],
  [
    { store: 'sqlite', 'etcd-api-port': '65535' },
    { engine: 'sqlite', etcdApiPort: 65_535 },
  ],
]

for (const [flags, expected] of wishes) {
  test(`storeWishes() of ${JSON.stringify(flags)}`, () => assert.deepEqual(storeWishes(flags, '/home/me'), expected))
}

const refused: readonly [StoreFlags, RegExp][] = [
  [{ store: 'postgres' }, /^--store postgres: there are sqlite and etcd$/],
  [{ store: 'etcd' }, /^--store etcd needs --etcd-endpoints https:\/\/HOST:2379,\.\.\.$/],
  [{ store: 'etcd', 'etcd-endpoints': ',' }, /^--store etcd needs --etcd-endpoints/],
  [{ store: 'sqlite', 'etcd-endpoints': 'https://a:2379' }, /^--etcd-endpoints goes with --store etcd$/],
  [{ 'etcd-prefix': '/x' }, /^--etcd-prefix goes with --store etcd$/],
  [{ 'etcd-endpoints': 'https://a', 'etcd-certfile': 'c' }, /^--etcd-certfile and --etcd-keyfile go together$/],
  [{ 'etcd-endpoints': 'https://a', 'etcd-keyfile': 'c' }, /^--etcd-certfile and --etcd-keyfile go together$/],
  ...['-1', '65536', 'x', '1.5'].map((port): [StoreFlags, RegExp] => [
    { 'etcd-api-port': port },
    new RegExp(`^--etcd-api-port ${port}: a port is a number from 1 to 65535, and 0 turns it off$`),
  ]),
]

for (const [flags, message] of refused) {
  test(`storeWishes() refuses ${JSON.stringify(flags)}`, () => {
    assert.throws(
      () => storeWishes(flags, '/'),
      (error) => error instanceof StoreFlagError && message.test(error.message),
    )
  })
}

test('withStore() keeps what is not wished otherwise, and forgets etcd for sqlite', () => {
  const config = { ...defaultConfig, nodeName: 'n' }
  const etcd = { endpoints, prefix: '/registry' }
  const moved = withStore(config, { engine: 'etcd', etcd, etcdApiPort: 2379 })
  assert.deepEqual([engineOf(moved), moved.etcd, moved.etcdApiPort, moved.nodeName], ['etcd', etcd, 2379, 'n'])
  assert.deepEqual(withStore(moved, {}), moved)
  const back = withStore(moved, { engine: 'sqlite' })
  assert.deepEqual([engineOf(back), 'etcd' in back, back.etcdApiPort], ['sqlite', false, 2379])
})

test('readTls() reads the files that are named, and says which is missing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nami-tls-'))
  try {
    const file = (name: string) => join(folder, name)
    for (const name of ['ca', 'crt', 'key']) writeFileSync(file(name), name)
    const etcd = { endpoints, prefix: '/' }
    const all = readTls({ ...etcd, caFile: file('ca'), certificateFile: file('crt'), keyFile: file('key') })
    assert.deepEqual(
      Object.entries(all).map(([name, text]) => `${name} ${text}`),
      ['ca ca', 'certificate crt', 'key key'],
    )
    assert.deepEqual(readTls(etcd), {})
    assert.throws(() => readTls({ ...etcd, caFile: file('gone') }), /ENOENT.*gone/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
