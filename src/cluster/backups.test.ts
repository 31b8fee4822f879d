import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Secret } from '#api/core/v1/secret.ts'
import type { Client } from '#client/client.ts'
import { startInformer } from '#client/informer.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { administrator } from './administrator.ts'
import { backUp, restore } from './backups.ts'
import { type ClusterConfig, type DataDirectory, dataDirectory, defaultConfig, prepare } from './data-directory.ts'
import type { RunningServer } from './server.ts'
import { startServer } from './start-server.ts'
import { storeProblem } from './store-problem.ts'

interface Place extends Disposable {
  readonly directory: DataDirectory
  readonly files: string
  start(over?: Partial<ClusterConfig>): Promise<RunningServer>
}

async function place(): Promise<Place> {
  const files = mkdtempSync(join(tmpdir(), 'nami-backups-'))
  const directory = dataDirectory(join(files, 'data'))
  prepare(directory)
  const probe = createServer().listen(0)
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  const config = { ...defaultConfig, nodeName: 'n1', port, agent: false }
  const log = { info: () => {}, error: () => {} }
  const start = (over: Partial<ClusterConfig> = {}) => startServer(directory, { ...config, ...over }, log)
  const clean = () => {
    for (const path of [files, directory.run]) rmSync(path, { recursive: true, force: true })
  }
  return { directory, files, start, [Symbol.dispose]: clean }
}

const configMap = (name: string, value: string) => ({ metadata: { name, namespace: 'default' }, data: { value } })

test('an informer sees a restored state as it is, also where the versions it knows were never issued there', {
  timeout: 60_000,
}, async () => {
  using at = await place()
  const file = join(at.files, 'nami.bak')
  const stop = new AbortController()
  let server = await at.start()
  const client = (await administrator(at.directory)) as Client
  await client.create(ConfigMap, configMap('kept', 'old'))
  await client.create(ConfigMap, configMap('deleted-later', 'old'))
  const head = await backUp(at.directory, file)
  const changed = await client.get(ConfigMap, { name: 'kept', namespace: 'default' })
  await client.update(ConfigMap, { ...changed, data: { value: 'new' } })
  await client.create(ConfigMap, configMap('never-was', 'new'))
  await client.delete(ConfigMap, { name: 'deleted-later', namespace: 'default' })

  const informer = startInformer(client, ConfigMap, {
    ...{ clock: systemClock, random: systemRandom, signal: stop.signal, namespace: 'default' },
  })
  await informer.synced()
  const names = () =>
    informer
      .list()
      .map(({ metadata, data }) => `${metadata.name}=${data?.value}`)
      .filter((line) => !line.startsWith('kube-root-ca'))
      .sort()
      .join()
  assert.equal(names(), 'kept=new,never-was=new')
  await server.close()
  const { revision, former } = await restore(at.directory, file)
  assert(former && existsSync(former))
  assert(revision > head.revision + 1_000_000)
  const seen = Promise.withResolvers<void>()
  const look = () => names() === 'deleted-later=old,kept=old' && seen.resolve()
  informer.addHandlers({ added: look, updated: look, deleted: look })
  server = await at.start()
  await seen.promise
  const { metadata } = await client.create(ConfigMap, configMap('after', 'x'))
  assert(Number(metadata.resourceVersion) > revision)
  stop.abort()
  await client.close()
  await server.close()
})

test('a damaged state is not served: it says what is wrong and names the last good backup', { timeout: 60_000 }, async () => {
  using at = await place()
  const file = join(at.files, 'nami.bak')
  const server = await at.start()
  const client = (await administrator(at.directory)) as Client
  await client.create(ConfigMap, configMap('a', 'needle-in-the-file'))
  await backUp(at.directory, file)
  await client.close()
  await server.close()
  const bytes = readFileSync(at.directory.store)
  bytes[bytes.indexOf('needle-in-the-file')]! ^= 1
  writeFileSync(at.directory.store, bytes)
  await assert.rejects(at.start(), ({ message }: Error) => {
    assert.match(
      message,
      /^The state in .*state\.db is damaged, and nothing is served from it:\n {2}row \d+, key \/registry\/configmaps\/default\/a, revision \d+: its checksum is wrong\n/,
    )
    assert.match(message, new RegExp(`The last good backup is ${file}, of 20`))
    return true
  })
  assert.deepEqual(storeProblem(at.directory)?.next, ['nami down', `nami restore ${file}`, 'nami up'])
  await restore(at.directory, file)
  const again = await at.start()
  assert.equal(storeProblem(at.directory), undefined)
  await again.close()
})

test('restore() refuses what is damaged or of another cluster, and changes nothing', { timeout: 60_000 }, async () => {
  using at = await place()
  const file = join(at.files, 'nami.bak')
  const server = await at.start()
  await backUp(at.directory, file)
  await server.close()
  const before = readFileSync(at.directory.store)
  const backup = readFileSync(file, 'utf8')
  const bad = join(at.files, 'bad')
  writeFileSync(bad, backup.slice(0, -1))
  await assert.rejects(restore(at.directory, bad), /bad is damaged/)
  writeFileSync(bad, 'hello')
  await assert.rejects(restore(at.directory, bad), /bad is no backup of Nami$/)
  writeFileSync(join(at.directory.path, 'cluster-id'), 'other\n')
  await assert.rejects(restore(at.directory, file), /is of another cluster \(.*\); the one in .* is other$/)
  assert.deepEqual(readFileSync(at.directory.store), before)
  assert.deepEqual(
    readdirSync(at.directory.path).filter((name) => name.includes('restore')),
    [],
  )
})

test("a backup with keys lets a new machine take the cluster's place; without them it says that there are none", {
  timeout: 60_000,
}, async () => {
  using at = await place()
  const [file, bare] = [join(at.files, 'nami.bak'), join(at.files, 'bare.bak')]
  const server = await at.start()
  await backUp(at.directory, file, { keys: true })
  await backUp(at.directory, bare)
  await server.close()
  assert(!readFileSync(bare, 'latin1').includes('PRIVATE KEY-----'))
  using there = await place()
  const { keys } = await restore(there.directory, file)
  assert.equal(keys, 'restored')
  const pem = (of: Place, name: string) => readFileSync(join(of.directory.pki, name), 'utf8')
  const moved = await there.start()
  for (const name of ['ca.crt', 'ca.key', 'front-proxy-ca.key', 'sa.key']) assert.equal(pem(there, name), pem(at, name), name)
  assert.equal(statSync(join(there.directory.pki, 'ca.key')).mode & 0o777, 0o600)
  await moved.close()
  assert.equal((await restore(there.directory, file)).keys, 'own')
  using third = await place()
  assert.equal((await restore(third.directory, bare)).keys, 'none')
})

test('chosen resources are encrypted in every file, keys rotate, and an update rewrites what is stale', {
  timeout: 60_000,
}, async () => {
  using at = await place()
  const path = join(at.files, 'encryption.yaml')
  const write = (...keys: string[]) => {
    const lines = keys.map((name) => `            - {name: ${name}, secret: ${Buffer.alloc(32, name).toString('base64')}}\n`)
    const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources: [secrets]\n'
    writeFileSync(path, `${head}    providers:\n      - secretbox:\n          keys:\n${lines.join('')}      - identity: {}\n`)
  }
  write('key1')
  const secret = { metadata: { name: 's', namespace: 'default' }, data: { password: btoa('correct-horse-battery') } }
  const first = await at.start({ encryptionConfig: path })
  let client = (await administrator(at.directory)) as Client
  await client.create(Secret, secret)
  await client.create(ConfigMap, configMap('c', 'plain-as-day'))
  await client.close()
  await first.close()
  const files = () =>
    ['state.db', 'history.db'].map((name) => readFileSync(join(at.directory.path, name)).toString('latin1')).join('')
  assert(files().includes('plain-as-day') && files().includes('k8s:enc:secretbox:v1:key1:'))
  assert(!files().includes(secret.data.password) && !files().includes('"password"'))

  write('key2')
  await assert.rejects(at.start({ encryptionConfig: path }), ({ message }: Error) => {
    const line = '  k8s:enc:secretbox:v1:key1: 1 value, at /registry/secrets/default/s'
    assert.equal(message, `${path} does not open all that is stored, so these keys are not used:\n${line}`)
    return true
  })
  await assert.rejects(at.start(), /^Error: Values are stored encrypted, and no encryption configuration is given:\n/)
  assert.match(storeProblem(at.directory)?.next[0] ?? '', /^nami up --encryption-provider-config FILE/)
  write('key2', 'key1')
  const second = await at.start({ encryptionConfig: path })
  client = (await administrator(at.directory)) as Client
  const found = await client.get(Secret, { name: 's', namespace: 'default' })
  assert.deepEqual(found.data, secret.data)
  await client.update(Secret, found)
  await client.close()
  await second.close()
  write('key2')
  const third = await at.start({ encryptionConfig: path })
  client = (await administrator(at.directory)) as Client
  assert.deepEqual((await client.get(Secret, { name: 's', namespace: 'default' })).data, secret.data)
  await client.close()
  await third.close()
})
