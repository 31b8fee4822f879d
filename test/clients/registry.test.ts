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
import { attach } from '#images/attach.ts'
import { everything } from '#images/distribution/access.ts'
import { serveRegistry } from '#images/distribution/serve.ts'
import { layerOf } from '#images/layer.ts'
import { openLayout } from '#images/layout.ts'
import { listReferrers, listTags, pull, push } from '#images/registry.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'

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

const options = { platform: { os: 'linux', architecture: 'amd64' }, fetch } as const

/** Ours, with the same face as Debian's. */
async function startOwn() {
  const folder = await mkdtemp(join(tmpdir(), 'nami-registry-'))
  const server = await serveRegistry({
    directory: join(folder, 'data'),
    clock: systemClock,
    random: systemRandom,
    port: 0,
    host: '127.0.0.1',
    access: {
      secret: systemRandom.bytes(32),
      anonymous: () => undefined,
      password: async (user, password) => (user === 'ann' && password === 'secret' ? everything(user) : undefined),
      certificate: () => undefined,
    },
    onError: (error) => console.error(error),
  })
  return {
    host: `localhost:${server.port}`,
    folder,
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
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

test("skopeo copies from Debian's registry to ours and back, with a password, and nothing changes on the way", {
  skip,
}, async () => {
  await using debian = await startRegistry()
  await using own = await startOwn()
  const layout = await openLayout(join(own.folder, 'from'))
  const layers = [
    await layerOf(layout, [{ path: 'a', content: Buffer.alloc(3_000_000, 'x') }], { compression: 'gzip' }),
    await layerOf(layout, [{ path: 'b', content: 'two' }], { compression: 'gzip' }),
  ]
  const image = await assemble(layout, { architecture: 'amd64', layers, config: {} })
  const digest = await push(image, `${debian.host}/team/app:1`, options)
  const there = ['--src-tls-verify=false', '--dest-tls-verify=false', '--dest-creds', 'ann:secret']
  await run('skopeo', ['copy', ...there, `docker://${debian.host}/team/app:1`, `docker://${own.host}/mine/app:2`])
  const back = ['--src-tls-verify=false', '--dest-tls-verify=false', '--src-creds', 'ann:secret']
  await run('skopeo', ['copy', ...back, `docker://${own.host}/mine/app:2`, `docker://${debian.host}/team/app:3`])
  for (const name of [`${debian.host}/team/app:3`, `${own.host}/mine/app:2`]) {
    const to = await openLayout(join(own.folder, `to-${name.length}`))
    assert.equal((await pull(to, name, { ...options, username: 'ann', password: 'secret' })).descriptor.digest, digest)
  }
  const wrong = run('skopeo', ['inspect', '--tls-verify=false', '--creds', 'ann:wrong', `docker://${own.host}/mine/app:2`])
  await assert.rejects(wrong, /unauthorized|authentication required/i)
  await assert.rejects(
    run('skopeo', ['inspect', '--tls-verify=false', '--no-creds', `docker://${own.host}/mine/app:2`]),
    /authentication required|unauthorized/i,
  )
})

test('skopeo lists, inspects, and deletes in our registry', { skip }, async () => {
  await using own = await startOwn()
  const layout = await openLayout(join(own.folder, 'from'))
  const layer = await layerOf(layout, [{ path: 'a', content: 'x' }], { compression: 'gzip' })
  const image = await assemble(layout, { architecture: 'amd64', layers: [layer], config: { Env: ['A=b'] } })
  const login = { ...options, username: 'ann', password: 'secret' }
  for (const tag of ['1', '2']) await push(image, `${own.host}/app:${tag}`, login)
  const as = ['--tls-verify=false', '--creds', 'ann:secret']
  const { stdout } = await run('skopeo', ['list-tags', ...as, `docker://${own.host}/app`])
  assert.deepEqual(JSON.parse(stdout).Tags, ['1', '2'])
  const seen = JSON.parse((await run('skopeo', ['inspect', ...as, `docker://${own.host}/app:1`])).stdout)
  assert.deepEqual([seen.Digest, seen.Env], [image.descriptor.digest, ['A=b']])
  await run('skopeo', ['delete', ...as, `docker://${own.host}/app:1`])
  assert.deepEqual(await listTags(`${own.host}/app`, login), [])
})

test('push() brings what refers to an image, mounts what another repository has, and lets be what a registry does not take', {
  skip,
}, async () => {
  await using own = await startOwn()
  await using debian = await startRegistry()
  const layout = await openLayout(join(own.folder, 'from'))
  const layer = await layerOf(layout, [{ path: 'a', content: 'x' }], { compression: 'gzip' })
  const image = await assemble(layout, { architecture: 'amd64', layers: [layer], config: {} })
  await attach(layout, image, { type: 'application/spdx+json', document: { a: 1 } })
  const login = { ...options, username: 'ann', password: 'secret' }
  await push(image, `${own.host}/a:1`, login)
  const [referrer] = await listReferrers(`${own.host}/a:1`, login)
  assert.equal(referrer?.artifactType, 'application/spdx+json')
  const sent: string[] = []
  await push(image, `${own.host}/b:1`, { ...login, mountFrom: 'a', onProgress: (line) => void sent.push(line) })
  assert.deepEqual(sent, [])
  await push(image, `${debian.host}/a:1`, options)
  assert.deepEqual(await listReferrers(`${debian.host}/a:1`, options), [])
})
