/** A cluster's state moves into a real etcd and back, and out of a backup into etcd; informers follow over every move. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Client } from '#client/client.ts'
import { startInformer } from '#client/informer.ts'
import { administrator } from '#cluster/administrator.ts'
import { backUp, restore } from '#cluster/backups.ts'
import { type ClusterConfig, dataDirectory, defaultConfig, loadConfig, prepare, saveConfig } from '#cluster/data-directory.ts'
import { MigrationFailed, migrateStore } from '#cluster/migrate-store.ts'
import type { RunningServer } from '#cluster/server.ts'
import { startServer } from '#cluster/start-server.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { etcdctlEnvironment, missingEtcd, testEtcd } from '#testing/etcd.ts'

const skip = missingEtcd()

async function place() {
  const files = mkdtempSync(join(tmpdir(), 'nami-migration-'))
  const directory = dataDirectory(join(files, 'data'))
  prepare(directory)
  const probe = createServer().listen(0)
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  saveConfig(directory, { ...defaultConfig, nodeName: 'n1', port, agent: false })
  const config = () => loadConfig(directory) as ClusterConfig
  const log = { info: () => {}, error: () => {} }
  const clean = () => {
    for (const path of [files, directory.run]) rmSync(path, { recursive: true, force: true })
  }
  return { files, directory, config, start: () => startServer(directory, config(), log), [Symbol.dispose]: clean }
}

/** An informer that can be waited on, by what it shows of the objects of this test. */
async function follow(client: Client, signal: AbortSignal) {
  const informer = startInformer(client, ConfigMap, { clock: systemClock, random: systemRandom, signal, namespace: 'default' })
  await informer.synced()
  const names = () =>
    informer
      .list()
      .map(({ metadata, data }) => `${metadata.name}=${data?.v}`)
      .filter((line) => !line.startsWith('kube-root-ca'))
      .sort()
      .join()
  let waiting: { wanted: string; resolve: () => void } | undefined
  const look = () => waiting && names() === waiting.wanted && waiting.resolve()
  informer.addHandlers({ added: look, updated: look, deleted: look })
  return (wanted: string) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting = { wanted, resolve }
    look()
    return promise
  }
}

const configMap = (name: string, v: string) => ({ metadata: { name, namespace: 'default' }, data: { v } })

test('a cluster moves from sqlite into etcd and back, and no informer goes stale', { skip, timeout: 120_000 }, async () => {
  await using etcd = await testEtcd()
  using at = await place()
  const stop = new AbortController()
  const { directory } = at
  const target = { endpoints: etcd.endpoints, prefix: '/own' }
  let server: RunningServer = await at.start()
  const client = (await administrator(directory)) as Client
  await client.create(ConfigMap, configMap('a', 'sqlite'))
  // A new one for each move: after several losses an informer waits half a minute.
  let shows = await follow(client, stop.signal)
  await shows('a=sqlite')
  const version = async () => Number((await client.list(ConfigMap, { namespace: 'default' })).metadata.resourceVersion)
  const versions = [await version()]
  await server.close()

  const there = await migrateStore({ directory, config: at.config(), to: 'etcd', etcd: target, replace: false })
  assert(there.rows > 50 && existsSync(there.former) && !existsSync(directory.store))
  server = await at.start()
  await client.create(ConfigMap, configMap('b', 'etcd'))
  await shows('a=sqlite,b=etcd')
  versions.push(await version())
  const get = ['--endpoints', etcd.endpoints.join(), 'get', '--print-value-only', '/own/configmaps/default/b']
  assert.equal(JSON.parse(spawnSync('etcdctl', get, { env: etcdctlEnvironment(), encoding: 'utf8' }).stdout).data.v, 'etcd')
  const file = join(at.files, 'nami.bak')
  await backUp(directory, file)
  await client.delete(ConfigMap, { name: 'b', namespace: 'default' })
  await shows('a=sqlite')
  shows = await follow(client, stop.signal)
  await server.close()

  const { former } = await restore(directory, file)
  assert(former && existsSync(former), 'what etcd held is kept as a backup')
  server = await at.start()
  await shows('a=sqlite,b=etcd')
  versions.push(await version())
  shows = await follow(client, stop.signal)
  await server.close()

  const again = { directory, to: 'etcd', etcd: target, replace: false } as const
  await assert.rejects(migrateStore({ ...again, config: at.config() }), MigrationFailed)
  await migrateStore({ directory, config: at.config(), to: 'sqlite', replace: false })
  assert.equal(at.config().etcd, undefined)
  server = await at.start()
  const b = await client.get(ConfigMap, { name: 'b', namespace: 'default' })
  await client.update(ConfigMap, { ...b, data: { v: 'sqlite' } })
  await shows('a=sqlite,b=sqlite')
  versions.push(await version())
  shows = await follow(client, stop.signal)
  await server.close()
  await assert.rejects(migrateStore({ ...again, config: at.config() }), /holds \d+ keys below \/own already/)
  await migrateStore({ ...again, config: at.config(), replace: true })
  server = await at.start()
  await client.create(ConfigMap, configMap('c', 'etcd'))
  await shows('a=sqlite,b=sqlite,c=etcd')
  versions.push(await version())
  stop.abort()
  await client.close()
  await server.close()
  for (const [i, one] of versions.entries()) if (i > 0) assert(one > (versions[i - 1] as number) + 1_000_000, `${versions}`)
})
