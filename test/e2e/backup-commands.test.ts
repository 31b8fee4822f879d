/** `nami backup` and `nami restore` as one types them, and what `up` and `status` say of a state that is damaged. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Client } from '#client/client.ts'
import { administrator } from '#cluster/administrator.ts'
import { dataDirectory } from '#cluster/data-directory.ts'
import { freePort } from '#testing/free-port.ts'

const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))

class Place implements AsyncDisposable {
  readonly files = mkdtempSync(join(tmpdir(), 'nami-backup-commands-'))
  readonly directory = dataDirectory(join(this.files, 'data'))

  async nami(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { ...process.env, KUBECONFIG: join(this.files, 'kubeconfig') }
    const command = ['--disable-warning=ExperimentalWarning', nami, ...args, '--data-dir', this.directory.path]
    const child = spawn(process.execPath, command, { env, cwd: this.files, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    const [code] = await once(child, 'close')
    return { code, out, err }
  }

  async does(...args: string[]): Promise<string> {
    const { code, out, err } = await this.nami(...args)
    assert.equal(code, 0, `nami ${args.join(' ')}: ${out}${err}`)
    return out
  }

  /** What it says when it refuses. */
  async refuses(...args: string[]): Promise<string> {
    const { code, out, err } = await this.nami(...args)
    assert.notEqual(code, 0, `nami ${args.join(' ')} ought to fail, and printed ${out}`)
    return out + err
  }

  async with<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = (await administrator(this.directory)) as Client
    try {
      return await work(client)
    } finally {
      await client.close()
    }
  }

  async [Symbol.asyncDispose]() {
    await this.nami('down', '--delete')
    rmSync(this.files, { recursive: true, force: true })
  }
}

const map = (name: string, value: string) => ({ metadata: { name, namespace: 'default' }, data: { value } })

test('nami backup and nami restore', { timeout: 240_000 }, async () => {
  await using at = new Place()
  const up = ['up', '--no-agent', '--port', `${await freePort()}`, '--registry-port', '0']
  const file = join(at.files, 'nami.bak')
  const state = at.directory.store

  assert.match(await at.refuses('backup'), /usage: nami backup F/)
  assert.match(await at.refuses('restore', 'a', 'b'), /usage: nami restore F/)
  assert.match(await at.refuses('backup', file), /There is no cluster yet\./)
  await at.does(...up)
  await at.with((client) => client.create(ConfigMap, map('a', 'needle-in-the-file')))
  // A path is taken from where one stands.
  const said = await at.does('backup', 'nami.bak')
  assert.match(said, new RegExp(`^\\d+ objects at revision \\d+ are in ${file}\\.\\n$`))
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const told = JSON.parse(await at.does('backup', join(at.files, 'second.bak'), '--json'))
  assert.deepEqual(Object.keys(told).sort(), ['created', 'path', 'revision', 'rows'])
  assert.match(
    await at.refuses('restore', file),
    /The cluster is running\.[\s\S]*nami down[\s\S]*nami restore .*nami\.bak[\s\S]*nami up/,
  )
  await at.with((client) => client.delete(ConfigMap, { name: 'a', namespace: 'default' }))
  await at.does('down')
  assert.match(await at.refuses('backup', file), /The server does not answer/)

  const damaged = join(at.files, 'damaged.bak')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('needle-in-the-file')]! ^= 1
  writeFileSync(damaged, bytes)
  const before = readFileSync(state)
  assert.match(await at.refuses('restore', damaged), /damaged\.bak is damaged/)
  assert.match(await at.refuses('restore', state), /is no backup of Nami/)
  assert.deepEqual(readFileSync(state), before)
  const restored = await at.does('restore', file)
  const lines = restored.trimEnd().split('\n')
  assert.match(lines[0] ?? '', /^\d+ objects of 20.* are restored\. "nami up" starts the cluster with them\.$/)
  const former = /^The former state lies in (.*)\.$/.exec(lines[1] ?? '')?.[1] ?? ''
  assert(existsSync(former), restored)
  await at.does(...up)
  assert.deepEqual(
    await at.with((client) => client.get(ConfigMap, { name: 'a', namespace: 'default' }).then(({ data }) => data)),
    {
      value: 'needle-in-the-file',
    },
  )

  await at.does('down')
  const broken = readFileSync(state)
  broken[broken.indexOf('needle-in-the-file')]! ^= 1
  writeFileSync(state, broken)
  const refusal = await at.refuses(...up)
  assert.match(
    refusal,
    /is damaged, and nothing is served from it:\n.*row \d+, key \/registry\/configmaps\/default\/a, revision \d+: its checksum is wrong/,
  )
  assert.match(refusal, /The last good backup is .*\.bak, of 20/)
  assert.match((await at.nami('status')).out, /is damaged, and nothing is served from it/)
  await at.nami('down')
  const json = JSON.parse(await at.does('restore', file, '--json'))
  assert.deepEqual([json.keys, json.encryptedBy, existsSync(json.former)], ['own', [], true])
  await at.does(...up)
  await at.with((client) => client.get(ConfigMap, { name: 'a', namespace: 'default' }))
})
