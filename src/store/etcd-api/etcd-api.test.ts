/** etcd's API in front of our engines: driven by etcd's own etcdctl, and by our own engine on it, which has to keep the contract there too. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensurePki, type Pki } from '#cluster/pki.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { etcdctlEnvironment, missingEtcd } from '#testing/etcd.ts'
import { backupOf, checkBackup } from '../backup.ts'
import { testStore } from '../conformance.ts'
import { openEtcdStore } from '../etcd/etcd.ts'
import { openMemoryStore } from '../memory.ts'
import { openSqliteStore } from '../sqlite.ts'
import type { Store } from '../store.ts'
import { type EtcdApi, serveEtcdApi } from './serve.ts'
import { keyOf } from './wire.ts'

const folder = mkdtempSync(join(tmpdir(), 'nami-etcd-api-'))
let pki: Pki

before(async () => {
  pki = await ensurePki(join(folder, 'pki'), { domain: 'cluster.local', dnsNames: ['localhost'], addresses: ['127.0.0.1'] })
})
after(() => rmSync(folder, { recursive: true, force: true }))

function serve(store: Store): Promise<EtcdApi> {
  const { key, certificate } = pki.apiserver
  return serveEtcdApi({
    ...{ store, clock: systemClock, host: '127.0.0.1', port: 0, key, certificate, clientCa: pki.ca.certificate, name: 'test' },
    mayUse: ({ organizations }) => organizations.includes('system:masters'),
    snapshot: () => backupOf(store, { cluster: 'test', created: '2026-01-01T00:00:00Z' }),
  })
}

testStore(
  "etcd engine on Nami's etcd API",
  async ({ clock }) => {
    const inner = openMemoryStore({ clock })
    const api = await serve(inner)
    const { certificate, key } = pki.admin
    const tls = { ca: Buffer.from(pki.ca.certificate), certificate: Buffer.from(certificate), key: Buffer.from(key) }
    const endpoints = [`https://127.0.0.1:${api.port}`]
    const store = await openEtcdStore({ endpoints, tls, clock: systemClock, random: systemRandom, name: 'test' })
    const close = async () => {
      await store.close()
      await api.close()
      await inner.close()
    }
    return new Proxy(store, { get: (target, name) => (name === 'close' ? close : bound(target, name)) })
  },
  { virtualLeases: 'keeping alive goes over a socket' },
)

function bound(target: Store, name: string | symbol): unknown {
  const member = Reflect.get(target, name)
  return typeof member === 'function' ? member.bind(target) : member
}

test('the etcd engine watches its prefix alone where progress can be trusted, and knows how far it is', async () => {
  const inner = openMemoryStore({ clock: systemClock })
  const api = await serve(inner)
  const { certificate, key } = pki.admin
  const tls = { ca: Buffer.from(pki.ca.certificate), certificate: Buffer.from(certificate), key: Buffer.from(key) }
  const endpoints = [`https://localhost:${api.port}`]
  const store = await openEtcdStore({
    ...{ endpoints, tls, prefix: '/own', clock: systemClock, random: systemRandom, name: 'test' },
  })
  const stop = new AbortController()
  const seen: unknown[] = []
  const progress: number[] = []
  store.watch({ key: '/registry/', end: '/registry0', signal: stop.signal }, (batch) => {
    if (batch.type === 'progress') progress.push(batch.revision)
    if (batch.type === 'events') for (const { row, cause } of batch.events) seen.push([row.key, cause?.user])
  })
  const cause = { user: 'somebody', time: 1, request: 'r' }
  const put = (to: Store, at: string) =>
    to.txn({ compare: [], success: [{ op: 'put', key: at, value: new Uint8Array(1) }], cause })
  await put(store, '/registry/a')
  const { revision } = await put(inner, '/foreign/a')
  await store.requestProgress()
  await Promise.resolve()
  assert.deepEqual(seen, [['/registry/a', 'somebody']])
  assert((progress.at(-1) as number) >= revision)
  const { rows } = await inner.range({ key: '/own/', end: '/own0' })
  assert.deepEqual(
    rows.map((row) => row.key),
    ['/own/.nami/causes/test/0', '/own/a'],
  )
  assert.equal((await store.range({ key: '\u0001', end: '\uffff' })).count, 1)
  stop.abort()
  await store.close()
  await api.close()
  await inner.close()
})

const skip = missingEtcd('etcdctl')

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Real etcdctl on the embedded engine. */
class Etcdctl {
  readonly store: Store
  #api: EtcdApi

  constructor(store: Store, api: EtcdApi) {
    this.store = store
    this.#api = api
  }

  start(args: readonly string[], who: 'admin' | 'scheduler' = 'admin') {
    const file = (name: string) => join(folder, 'pki', name)
    const flags = ['--endpoints', `https://127.0.0.1:${this.#api.port}`, '--cacert', file('ca.crt')]
    const identity = ['--cert', file(`${who}.crt`), '--key', file(`${who}.key`)]
    return spawn('etcdctl', [...flags, ...identity, ...args], { env: etcdctlEnvironment() })
  }

  async run(args: readonly string[], { input = '', who = 'admin' as 'admin' | 'scheduler' } = {}): Promise<Ran> {
    const child = this.start(args, who)
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    child.stdin.end(input)
    const [code] = await once(child, 'close')
    return { code, out, err }
  }

  async lines(...args: string[]): Promise<string[]> {
    const { code, out, err } = await this.run(args)
    assert.equal(code, 0, `etcdctl ${args.join(' ')}: ${err}`)
    return out.split('\n').filter(Boolean)
  }
}

function etcdctlTest(title: string, body: (etcdctl: Etcdctl) => Promise<void>): void {
  test(`etcdctl ${title}`, { skip }, async () => {
    const path = join(mkdtempSync(join(folder, 'store-')), 'state.db')
    const store = await openSqliteStore({ path, clock: systemClock, reserveBytes: 4096 })
    const api = await serve(store)
    try {
      await body(new Etcdctl(store, api))
    } finally {
      await api.close()
      await store.close()
    }
  })
}

etcdctlTest('gets: ranges, revisions, order, limit, keys and counts', async (etcdctl) => {
  for (const [key, value] of Object.entries({ '/a/1': 'three', '/a/2': 'one', '/b': 'two' })) {
    assert.deepEqual(await etcdctl.lines('put', key, value), ['OK'])
  }
  assert.deepEqual(await etcdctl.lines('put', '/a/1', 'new', '--prev-kv'), ['OK', '/a/1', 'three'])
  const keys = (...args: string[]) => etcdctl.lines('get', '--keys-only', ...args)
  assert.deepEqual(await etcdctl.lines('get', '/a/1'), ['/a/1', 'new'])
  assert.deepEqual(await etcdctl.lines('get', '/a/1', '--rev', '2', '--print-value-only'), ['three'])
  assert.deepEqual(await keys('/a/', '--prefix'), ['/a/1', '/a/2'])
  assert.deepEqual(await keys('/a/2', '--from-key'), ['/a/2', '/b'])
  assert.deepEqual(await keys('', '--prefix', '--order', 'DESCEND', '--sort-by', 'KEY'), ['/b', '/a/2', '/a/1'])
  assert.deepEqual(await keys('', '--prefix', '--sort-by', 'MODIFY'), ['/a/2', '/b', '/a/1'])
  assert.deepEqual(await keys('', '--prefix', '--sort-by', 'VALUE', '--limit', '1'), ['/a/1'])
  assert.deepEqual(await keys('', '--prefix', '--limit', '2'), ['/a/1', '/a/2'])
  assert.deepEqual(await keys('/a/1', '/b'), ['/a/1', '/a/2'])
  const { count, more } = JSON.parse((await etcdctl.lines('get', '/', '--prefix', '--limit', '1', '-w', 'json'))[0] as string)
  assert.deepEqual([count, more], [3, true])
  assert.match((await etcdctl.run(['get', '/a', '--rev', '99'])).err, /required revision is a future revision/)
})

etcdctlTest('deletes, and runs transactions', async (etcdctl) => {
  for (const key of ['/a/1', '/a/2', '/b']) await etcdctl.lines('put', key, key)
  assert.deepEqual(await etcdctl.lines('del', '/a/', '--prefix', '--prev-kv'), ['2', '/a/1', '/a/1', '/a/2', '/a/2'])
  assert.deepEqual(await etcdctl.lines('del', '/none'), ['0'])
  const txn = 'value("/b") = "/b"\nmod("/c") = "0"\n\nput /c yes\nget /b\n\nput /no no\n\n'
  assert.match((await etcdctl.run(['txn'], { input: txn })).out, /SUCCESS[\s\S]*OK[\s\S]*\/b\n\/b/)
  assert.match((await etcdctl.run(['txn'], { input: txn })).out, /FAILURE[\s\S]*OK/)
  assert.deepEqual(await etcdctl.lines('get', '', '--prefix', '--keys-only'), ['/b', '/c', '/no'])
  const lease = await etcdctl.store.grantLease(60)
  await etcdctl.lines('put', '/b', 'leased', '--lease', lease.id.toString(16))
  await etcdctl.lines('put', '/b', 'newer', '--ignore-lease')
  assert.equal((await etcdctl.store.range({ key: '/b' })).rows[0]?.lease, lease.id)
  await etcdctl.lines('put', '/b', '--ignore-value')
  const [row] = (await etcdctl.store.range({ key: '/b' })).rows
  assert.deepEqual([row?.lease, Buffer.from(row?.value ?? '').toString()], [0, 'newer'])
  assert.match((await etcdctl.run(['put', '/none', '--ignore-value'])).err, /key not found/)
})

etcdctlTest('watches from a revision, and is told what is compacted', async (etcdctl) => {
  await etcdctl.lines('put', '/w/1', 'a')
  const { revision } = await etcdctl.store.status()
  const child = etcdctl.start(['watch', '/w/', '--prefix', '--prev-kv', '--rev', `${revision}`])
  let out = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  await etcdctl.lines('put', '/w/1', 'b')
  await etcdctl.lines('put', '/other', 'c')
  await etcdctl.lines('del', '/w/1')
  while (!out.includes('DELETE')) await once(child.stdout, 'data')
  child.kill()
  await once(child, 'close')
  const words = out.split('\n').filter(Boolean)
  assert.deepEqual(words, ['PUT', '/w/1', 'a', 'PUT', '/w/1', 'a', '/w/1', 'b', 'DELETE', '/w/1', 'b', '/w/1'])
  const now = (await etcdctl.store.status()).revision
  assert.deepEqual(await etcdctl.lines('compaction', `${now}`), [`compacted revision ${now}`])
  assert.match((await etcdctl.run(['compaction', `${now}`])).err, /required revision has been compacted/)
  assert.match(
    (await etcdctl.run(['watch', '/w/', '--prefix', '--rev', `${revision}`])).err,
    /required revision has been compacted/,
  )
})

etcdctlTest('grants, renews, shows and revokes leases', async (etcdctl) => {
  const id = /lease (\w+) granted with TTL\(60s\)/.exec((await etcdctl.lines('lease', 'grant', '60'))[0] as string)?.[1] as string
  await etcdctl.lines('put', '/l', 'x', '--lease', id)
  assert.match(
    (await etcdctl.lines('lease', 'timetolive', id, '--keys')).join(),
    /granted with TTL\(60s\).*attached keys\(\[\/l\]\)/,
  )
  assert.match((await etcdctl.lines('lease', 'keep-alive', '--once', id)).join(), /keepalived with TTL\(60\)/)
  assert.deepEqual(await etcdctl.lines('lease', 'list'), ['found 1 leases', id])
  await etcdctl.lines('lease', 'revoke', id)
  assert.deepEqual(await etcdctl.lines('get', '/l'), [])
  assert.match((await etcdctl.run(['lease', 'revoke', id])).err, /requested lease not found/)
})

etcdctlTest('shows the endpoint, and saves a snapshot that is a backup', async (etcdctl) => {
  await etcdctl.lines('put', '/a', 'x'.repeat(100_000))
  assert.match((await etcdctl.lines('endpoint', 'status'))[0] as string, /6e616d69, 3\.5\.13, .*, true/)
  assert.match((await etcdctl.run(['endpoint', 'health'])).err, /is healthy/)
  assert.match((await etcdctl.lines('member', 'list')).join(), /6e616d69, started, test/)
  const file = join(folder, 'snapshot')
  await etcdctl.lines('snapshot', 'save', file)
  assert.equal(statSync(file).size % 512, 32)
  const { rows, cluster } = await checkBackup(file)
  assert.deepEqual([rows, cluster], [1, 'test'])
  assert.match((await etcdctl.run(['auth', 'enable'])).err, /authentication is not enabled/)
})

etcdctlTest('hashes what stands at a revision, and is told that keys are text here', async (etcdctl) => {
  const hash = async (...args: string[]) => (await etcdctl.lines('endpoint', 'hashkv', ...args)).join().split(', ').at(-1)
  await etcdctl.lines('put', '/a', '1')
  const first = await hash()
  await etcdctl.lines('put', '/a', '2')
  assert.notEqual(await hash(), first)
  assert.equal(await hash('--rev', '2'), first)
  assert.throws(() => keyOf(Uint8Array.of(0x2f, 0xff)), /etcdserver: key is not valid UTF-8/)
})

etcdctlTest('is let in with the right certificate alone', async (etcdctl) => {
  assert.match((await etcdctl.run(['get', '/a'], { who: 'scheduler' })).err, /permission denied/)
})
