import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { assemble } from '#images/assemble.ts'
import { layerOf } from '#images/layer.ts'
import { openLayout } from '#images/layout.ts'
import { pull, push } from '#images/registry.ts'

const run = promisify(execFile)
const has = (name: string) => spawnSync(name, ['--version']).error === undefined
const skip = has('docker-registry') && has('skopeo') ? false : 'docker-registry and skopeo are not installed'

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

async function startRegistry() {
  const folder = await mkdtemp(join(tmpdir(), 'nami-registry-'))
  const port = await freePort()
  const config = join(folder, 'config.yml')
  await writeFile(
    config,
    `version: 0.1\nlog: { level: info }\nstorage: { filesystem: { rootdirectory: ${folder}/data } }\nhttp: { addr: "127.0.0.1:${port}" }\n`,
  )
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const line of createInterface({ input: child.stderr })) if (line.includes('listening on')) break
  child.stderr.resume()
  return {
    host: `localhost:${port}`,
    folder,
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const options = { platform: { os: 'linux', architecture: 'amd64' }, fetch } as const

test('a real registry takes what push() sends, skopeo reads it, and pull() brings it back', { skip }, async () => {
  await using registry = await startRegistry()
  const name = `${registry.host}/team/app:1.0`
  const from = await openLayout(join(registry.folder, 'from'))
  const layers = [
    await layerOf(from, [{ path: 'etc/a', content: 'one' }], { compression: 'gzip' }),
    await layerOf(from, [{ path: 'etc/b', content: 'two' }], { compression: 'zstd' }),
  ]
  const image = await assemble(from, { architecture: 'amd64', layers, config: { Entrypoint: ['/bin/app'], Env: ['A=b'] } })
  const digest = await push(image, name, options)

  const { stdout } = await run('skopeo', ['inspect', '--tls-verify=false', `docker://${name}`])
  const seen = JSON.parse(stdout)
  assert.equal(seen.Digest, digest)
  assert.deepEqual(seen.Env, ['A=b'])
  assert.deepEqual(
    seen.Layers,
    layers.map(({ descriptor }) => descriptor.digest),
  )

  const to = await openLayout(join(registry.folder, 'to'))
  const pulled = await pull(to, name, options)
  assert.deepEqual(pulled.manifest, image.manifest)
  const again = await pull(to, `${registry.host}/team/app@${digest}`, options)
  assert.equal(again.descriptor.digest, digest)
})

test('push() sends no blob twice', { skip }, async () => {
  await using registry = await startRegistry()
  const layout = await openLayout(join(registry.folder, 'from'))
  const layer = await layerOf(layout, [{ path: 'a', content: 'same' }], { compression: 'gzip' })
  const image = await assemble(layout, { architecture: 'amd64', layers: [layer], config: {} })
  const sent: string[] = []
  const onProgress = (line: string) => void sent.push(line)
  await push(image, `${registry.host}/a:1`, { ...options, onProgress })
  assert.equal(sent.length, 2)
  await push(image, `${registry.host}/a:2`, { ...options, onProgress })
  assert.equal(sent.length, 2)
})

test('pull() words what is not there, and who cannot be reached', { skip }, async () => {
  await using registry = await startRegistry()
  const layout = await openLayout(join(registry.folder, 'to'))
  await assert.rejects(pull(layout, `${registry.host}/none:1`, options), { code: 'NotFound' })
  await assert.rejects(pull(layout, `localhost:${await freePort()}/none:1`, options), {
    code: 'Unreachable',
    message: /cannot be reached/,
  })
})
