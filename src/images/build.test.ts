import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readArchive, writeArchive } from './archive.ts'
import { buildApplication } from './build.ts'
import { layerOf } from './layer.ts'
import { openLayout } from './layout.ts'

async function folder(files: Record<string, string>) {
  const path = await mkdtemp(join(tmpdir(), 'nami-images-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Stand-ins for the runtime's programs: scripts have no libraries, and the second lists its applets. */
async function runtime() {
  const made = await folder({ node: '#!/bin/sh\n', busybox: '#!/bin/sh\necho sh\n' })
  const { chmod } = await import('node:fs/promises')
  await chmod(join(made.path, 'busybox'), 0o755)
  return { ...made, sources: { node: join(made.path, 'node'), busybox: join(made.path, 'busybox') } }
}

test('buildApplication() gives equal content the same digest and changed content another', async () => {
  await using programs = await runtime()
  await using app = await folder({ 'package.json': '{"scripts":{"start":"node server.js"}}', 'server.js': '1' })
  await using store = await folder({})
  const layout = await openLayout(store.path)
  const options = { directory: app.path, runtime: programs.sources, architecture: 'amd64' }
  const first = await buildApplication(layout, options)
  const second = await buildApplication(layout, options)
  assert.equal(second.image.descriptor.digest, first.image.descriptor.digest)
  assert.deepEqual(first.image.config.config.Cmd, ['/usr/local/bin/node', 'server.js'])
  await writeFile(join(app.path, 'server.js'), '2')
  const third = await buildApplication(layout, options)
  assert.notEqual(third.tag, first.tag)
  assert.deepEqual(third.image.manifest.layers[0], first.image.manifest.layers[0], 'the runtime layer is shared')
})

test('buildApplication() leaves out what .dockerignore names', async () => {
  await using programs = await runtime()
  await using app = await folder({ 'package.json': '{"main":"a.js"}', 'a.js': '', 'secret.pem': 'x', '.dockerignore': '*.pem\n' })
  await using one = await folder({})
  const layout = await openLayout(one.path)
  const options = { directory: app.path, runtime: programs.sources, architecture: 'amd64' }
  const before = await buildApplication(layout, options)
  await writeFile(join(app.path, 'secret.pem'), 'other')
  assert.equal((await buildApplication(layout, options)).tag, before.tag)
})

const refused = [
  { it: 'a folder without package.json', files: {}, says: /has no package\.json/ },
  { it: 'broken JSON', files: { 'package.json': '{' }, says: /package\.json: / },
  { it: 'dependencies that are not installed', files: { 'package.json': '{"dependencies":{"a":"1"}}' }, says: /npm ci --prefix/ },
  { it: 'nothing to start', files: { 'package.json': '{}' }, says: /no "start" script/ },
]

for (const { it, files, says } of refused) {
  test(`buildApplication() refuses ${it}`, async () => {
    await using app = await folder(files as Record<string, string>)
    await using store = await folder({})
    const layout = await openLayout(store.path)
    const runtime = { node: '/nonexistent', busybox: '/nonexistent' }
    await assert.rejects(buildApplication(layout, { directory: app.path, runtime, architecture: 'amd64' }), says)
  })
}

test('readArchive() reads what writeArchive() wrote, and blobs may be left out', async () => {
  await using one = await folder({})
  await using two = await folder({})
  const from = await openLayout(one.path)
  const to = await openLayout(two.path)
  const { assemble } = await import('./assemble.ts')
  const layer = await layerOf(from, [{ path: 'a/b', content: 'hello' }], { compression: 'gzip' })
  const image = await assemble(from, { architecture: 'amd64', layers: [layer], config: {} })
  const found = await readArchive(await writeArchive([{ reference: 'localhost/x:1', image }]), to)
  assert.deepEqual(
    found.map(({ reference }) => reference),
    ['localhost/x:1'],
  )
  assert(await to.has(layer.descriptor.digest))
  let size = 0
  for await (const chunk of await writeArchive([{ reference: 'localhost/x:1', image }], () => true)) size += chunk.length
  assert(size < 8192, `only names remain, got ${size} bytes`)
})

test('layout read() notices a damaged blob', async () => {
  await using store = await folder({})
  const layout = await openLayout(store.path)
  const { digest } = await layout.write('text/plain', Buffer.from('good'))
  await writeFile(join(store.path, 'blobs/sha256', digest.slice(7)), 'evil')
  await assert.rejects(async () => {
    for await (const _ of layout.read(digest));
  }, /is damaged/)
})
