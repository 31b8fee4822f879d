import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { buildApplication } from './build.ts'
import type { Descriptor } from './image.ts'
import { collect, type Layout, openLayout, readJson } from './layout.ts'

async function folder(files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'nami-apps-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Stand-ins for the runtime's programs. */
async function bed(files: Readonly<Record<string, string>>) {
  const app = await folder(files)
  const rest = await folder({ node: '#!/bin/sh\n', busybox: '#!/bin/sh\necho sh\n' })
  await chmod(join(rest.path, 'busybox'), 0o755)
  const layout = await openLayout(join(rest.path, 'layout'))
  const runtime = { node: join(rest.path, 'node'), busybox: join(rest.path, 'busybox') }
  const lines: string[] = []
  const options = { directory: app.path, runtime, architecture: 'amd64', onProgress: (line: string) => void lines.push(line) }
  return {
    ...{ app, layout, lines, options },
    build: (more: object = {}) => buildApplication(layout, { ...options, ...more }),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await rest[Symbol.asyncDispose]()
    },
  }
}

async function filesOf(layout: Layout, layer: Descriptor | undefined): Promise<Record<string, { uid: number }>> {
  assert(layer)
  const tar = extract()
  tar.end(zstdDecompressSync(await collect(layout.read(layer.digest))))
  const found: Record<string, { uid: number }> = {}
  for await (const entry of tar as any) {
    found[entry.header.name] = { uid: entry.header.uid }
    entry.resume()
  }
  return found
}

const lock = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages })
const twoPackages = {
  'node_modules/a': {
    version: '1.0.0',
    integrity: 'sha512-AAAA',
    license: 'MIT',
    resolved: 'https://packages.example.com/a.tgz',
  },
  'node_modules/t': { version: '2.0.0', dev: true },
}
const nodeApp = {
  'package.json': '{"scripts":{"start":"node server.js"},"dependencies":{"a":"1"}}',
  'server.js': "listen(process.env.PORT ?? 3000); if (url === '/healthz') ok()",
  'package-lock.json': lock({ '': {}, ...twoPackages }),
  'node_modules/.package-lock.json': lock(twoPackages),
  'node_modules/a/index.js': 'a',
  'node_modules/t/index.js': 't',
}

test('a Node.js image has a layer for the runtime, one for the dependencies without those of development, one for the source', async () => {
  await using one = await bed(nodeApp)
  const { image, guess } = await one.build()
  const [, dependencies, source] = image.manifest.layers
  assert.deepEqual(Object.keys(await filesOf(one.layout, dependencies)), [
    'app/',
    'app/node_modules/',
    'app/node_modules/a/',
    'app/node_modules/a/index.js',
  ])
  assert.deepEqual(Object.keys(await filesOf(one.layout, source)), [
    'app/',
    'app/package-lock.json',
    'app/package.json',
    'app/server.js',
  ])
  assert.deepEqual(guess, { port: 3000, health: '/healthz' })
  const { config } = image.config
  assert.deepEqual(config.Cmd, ['/usr/local/bin/node', 'server.js'])
  assert.deepEqual([config.User, config.ExposedPorts], ['1000:1000', { '3000/tcp': {} }])
  await writeFile(join(one.app.path, 'server.js'), 'changed')
  const again = await one.build()
  assert.deepEqual(again.image.manifest.layers.slice(0, 2), image.manifest.layers.slice(0, 2))
  assert.notEqual(again.image.manifest.layers[2]?.digest, source?.digest)
})

test('an image for development keeps all dependencies, and the source can be changed', async () => {
  await using one = await bed(nodeApp)
  const { image } = await one.build({ isForDevelopment: true })
  const [, dependencies, source] = image.manifest.layers
  assert('app/node_modules/t/index.js' in (await filesOf(one.layout, dependencies)))
  assert.equal((await filesOf(one.layout, source))['app/server.js']?.uid, 1000)
  assert(image.config.config.Env?.includes('NODE_ENV=development'))
})

test('a start script that is a development dependency keeps them all, and says so', async () => {
  await using one = await bed({ ...nodeApp, 'package.json': '{"scripts":{"start":"t serve"}}', 'node_modules/.bin/x': '' })
  await symlink('../t/index.js', join(one.app.path, 'node_modules/.bin/t'))
  const { image } = await one.build()
  assert('app/node_modules/t/index.js' in (await filesOf(one.layout, image.manifest.layers[1])))
  assert.match(one.lines.join('\n'), /"t serve" needs development dependencies/)
})

test('an installation that is not what the lock file says is refused', async () => {
  await using one = await bed({ ...nodeApp, 'node_modules/.package-lock.json': lock({ 'node_modules/a': { version: '0.9.0' } }) })
  await assert.rejects(one.build(), /node_modules is not what package-lock\.json says \(a 1\.0\.0.*npm ci --prefix/)
})

test('a bill of materials and a provenance refer to the image, the same each time', async () => {
  await using one = await bed(nodeApp)
  const { image } = await one.build()
  const referrers = await one.layout.referrers(image.descriptor.digest)
  assert.deepEqual(
    referrers.map(({ artifactType }) => artifactType),
    ['application/spdx+json', 'application/vnd.in-toto+json'],
  )
  const documents = await Promise.all(
    referrers.map(async ({ digest }) => {
      const manifest = await readJson<any>(one.layout, digest)
      assert.equal(manifest.subject.digest, image.descriptor.digest)
      return readJson<any>(one.layout, manifest.layers[0].digest)
    }),
  )
  const [bill, statement] = documents
  assert.deepEqual(bill.packages.map(({ name }: { name: string }) => name).slice(1), ['a'])
  assert.equal(bill.packages[1].externalRefs[0].referenceLocator, 'pkg:npm/a@1.0.0')
  assert.equal(statement.subject[0].digest.sha256, image.descriptor.digest.slice(7))
  await one.build()
  assert.deepEqual(await one.layout.referrers(image.descriptor.digest), referrers)
})

test('a base image gives its layers, values and entry point; who it runs as is not root', async () => {
  await using one = await bed(nodeApp)
  const { image: base } = await one.build()
  const config = { ...base.config, config: { Env: ['A=b'], Entrypoint: ['/entry'], User: 'root' } }
  const { image } = await one.build({ base: { ...base, config } })
  assert.deepEqual(image.manifest.layers.slice(0, 3), base.manifest.layers)
  assert.equal(image.config.rootfs.diff_ids.length, image.manifest.layers.length)
  const { Env, Entrypoint, Cmd, User } = image.config.config
  assert.deepEqual(
    { Env, Entrypoint, Cmd, User },
    { Env: ['A=b', 'NODE_ENV=production'], Entrypoint: ['/entry'], Cmd: ['node', 'server.js'], User: '1000:1000' },
  )
})

test('a static site is served from the folder that has its index', async () => {
  await using one = await bed({ 'dist/index.html': '<h1>', 'source.md': '' })
  const { image } = await one.build()
  assert.match(image.config.config.Cmd?.at(-1) ?? '', /httpd .*-h \/app\/dist /)
  assert.equal(image.manifest.layers.length, 2)
})

const starts = [
  {
    it: 'a Procfile',
    files: { Procfile: 'worker: x\nweb: node a.js --port 1\n', 'package.json': '{"scripts":{"start":"node b.js"}}' },
    cmd: ['/usr/local/bin/node', 'a.js', '--port', '1'],
  },
  {
    it: 'a start script for a shell',
    files: { 'package.json': '{"scripts":{"start":"A=1 node a.js && true"}}' },
    cmd: ['/bin/sh', '-c', 'A=1 node a.js && true'],
  },
  {
    it: 'a start script with a quoted word',
    files: { 'package.json': `{"scripts":{"start":"node -e 'x'"}}` },
    cmd: ['/bin/sh', '-c', "exec node -e 'x'"],
  },
  { it: 'a program that is there', files: { 'package.json': '{}', 'index.ts': '' }, cmd: ['/usr/local/bin/node', 'index.ts'] },
]

for (const { it, files, cmd } of starts) {
  test(`the command follows from ${it}`, async () => {
    await using one = await bed(files as never)
    assert.deepEqual((await one.build()).image.config.config.Cmd, cmd)
  })
}

test('a Python application without its packages says how to get them', async () => {
  await using one = await bed({ 'app.py': '', 'requirements.txt': 'flask\n' })
  await assert.rejects(one.build(), /python3 -m venv .*pip install -r/)
})

test('a folder of nothing known is refused with what could be there', async () => {
  await using one = await bed({ 'readme.txt': '' })
  await assert.rejects(one.build(), /has no package\.json, no Python program .* and no index\.html/)
})
