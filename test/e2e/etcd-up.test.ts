/** `nami up --store etcd` and back again, as one types it; then etcd's API in front of the embedded engine. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Client } from '#client/client.ts'
import { administrator } from '#cluster/administrator.ts'
import { dataDirectory } from '#cluster/data-directory.ts'
import { checkBackup } from '#store/backup.ts'
import { etcdctlEnvironment, missingEtcd, testEtcd } from '#testing/etcd.ts'
import { freePort } from '#testing/free-port.ts'

const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
const skip = missingEtcd() || missingEtcd('etcdctl')

class Place implements AsyncDisposable {
  readonly files = mkdtempSync(join(tmpdir(), 'nami-etcd-up-'))
  readonly directory = dataDirectory(join(this.files, 'data'))

  async nami(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { ...process.env, KUBECONFIG: join(this.files, 'kubeconfig') }
    const command = ['--disable-warning=ExperimentalWarning', nami, ...args, '--data-dir', this.directory.path]
    const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    const [code] = await once(child, 'close')
    return { code, out, err }
  }

  async does(...args: string[]): Promise<string> {
    const { code, out, err } = await this.nami(...args)
    assert.equal(code, 0, `nami ${args.join(' ')}: ${err}`)
    return out
  }

  async client(): Promise<Client> {
    return (await administrator(this.directory)) as Client
  }

  async [Symbol.asyncDispose]() {
    await this.nami('down', '--delete')
    rmSync(this.files, { recursive: true, force: true })
  }
}

function etcdctl(endpoint: string, args: readonly string[], tls: readonly string[] = []) {
  const command = ['--endpoints', endpoint, '--command-timeout', '5s', ...tls, ...args]
  const { status, stdout, stderr } = spawnSync('etcdctl', command, { env: etcdctlEnvironment(), encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

const below = '/registry/configmaps/default/'

test('nami up --store etcd, nami store migrate, nami up --etcd-api-port', { skip, timeout: 120_000 }, async () => {
  await using etcd = await testEtcd()
  await using at = new Place()
  const [port, apiPort] = [await freePort(), await freePort()]
  const up = ['up', '--no-agent', '--port', `${port}`, '--registry-port', '0']
  const endpoint = etcd.endpoints.join()

  await at.does(...up, '--store', 'etcd', '--etcd-endpoints', endpoint)
  let client = await at.client()
  await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' }, data: { v: '1' } })
  assert.match(etcdctl(endpoint, ['get', `${below}a`]).out, /"v":"1"/)
  assert.match((await at.nami(...up, '--store', 'sqlite')).err, /nami store migrate --to sqlite/)
  assert.match((await at.nami('store', 'migrate', '--to', 'sqlite')).err, /The cluster is running/)
  await client.close()

  await at.does('down')
  assert.match(await at.does('store', 'migrate', '--to', 'sqlite'), /^\d+ objects are in sqlite/)
  await at.does(...up, '--etcd-api-port', `${apiPort}`)
  client = await at.client()
  assert.deepEqual((await client.get(ConfigMap, { name: 'a', namespace: 'default' })).data, { v: '1' })
  const { metadata } = await client.list(ConfigMap, { namespace: 'default' })

  const file = (name: string) => join(at.directory.pki, name)
  const own = (...args: string[]) =>
    etcdctl(`https://127.0.0.1:${apiPort}`, args, [
      '--cacert',
      file('ca.crt'),
      '--cert',
      file('admin.crt'),
      '--key',
      file('admin.key'),
    ])
  const stop = new AbortController()
  const changed = (async () => {
    const options = { namespace: 'default', resourceVersion: metadata.resourceVersion as string, signal: stop.signal }
    for await (const events of client.watch(ConfigMap, options)) {
      for (const { type, object } of events) if (object.metadata.name === 'a') return `${type} ${object.data?.v}`
    }
    return undefined
  })()
  const stored = own('get', '--print-value-only', `${below}a`).out
  assert.equal(own('put', `${below}a`, stored.replace('"v":"1"', '"v":"2"').trim()).out, 'OK\n')
  assert.equal(await changed, 'MODIFIED 2')
  stop.abort()
  const snapshot = join(at.files, 'snapshot')
  assert.equal(own('snapshot', 'save', snapshot).code, 0)
  assert((await checkBackup(snapshot)).rows > 50)
  assert.notEqual(etcdctl(`https://127.0.0.1:${apiPort}`, ['get', `${below}a`], ['--cacert', file('ca.crt')]).code, 0)
  await client.close()
})
