import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { get as httpsGet } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensurePki } from '#cluster/pki.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import type { Digest } from '../image.ts'
import { type AccessOptions, everything, pulls } from './access.ts'
import { collectGarbage } from './collect-garbage.ts'
import { rightsOfUser, setUser } from './passwords.ts'
import { serveRegistry } from './serve.ts'
import { openStorage } from './storage.ts'

const open: Omit<AccessOptions, 'clock'> = {
  secret: Buffer.from('secret'),
  anonymous: () => everything(''),
  password: async () => undefined,
  certificate: () => undefined,
}

async function registry(access: Partial<AccessOptions> = {}, tls?: { key: string; certificate: string; clientCa: string }) {
  const directory = await mkdtemp(join(tmpdir(), 'nami-registry-'))
  const errors: unknown[] = []
  const place = { directory, clock: systemClock, random: systemRandom }
  const server = await serveRegistry({
    ...place,
    port: 0,
    host: '127.0.0.1',
    access: { ...open, ...access },
    ...(tls && { tls }),
    onError: (error) => void errors.push(error),
  })
  const base = `http://127.0.0.1:${server.port}`
  return {
    ...{ directory, base, errors, port: server.port },
    storage: openStorage(place),
    at: (path: string, init: RequestInit = {}) => fetch(new URL(path, base), init),
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
      assert.deepEqual(errors, [])
    },
  }
}

type Registry = Awaited<ReturnType<typeof registry>>

const digestOf = (content: string): Digest => `sha256:${createHash('sha256').update(content).digest('hex')}`

async function putBlob({ at }: Registry, repository: string, content: string): Promise<Digest> {
  const digest = digestOf(content)
  const answer = await at(`/v2/${repository}/blobs/uploads/?digest=${digest}`, { method: 'POST', body: content })
  assert.equal(answer.status, 201)
  return digest
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json'

function manifestOf(config: string, more: object = {}): string {
  const part = (content: string) => ({ mediaType: 'text/plain', digest: digestOf(content), size: content.length })
  return JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config: part(config), layers: [], ...more })
}

async function putManifest({ at }: Registry, name: string, content: string, mediaType = manifestType) {
  return at(`/v2/${name}`, { method: 'PUT', body: content, headers: { 'content-type': mediaType } })
}

async function codeOf(answer: Response): Promise<string> {
  return `${answer.status} ${((await answer.json()) as any).errors[0].code}`
}

test('a registry takes an upload in pieces, tells how far it is, and refuses a piece out of order', async () => {
  await using one = await registry()
  const { at } = one
  const start = await at('/v2/team/web/blobs/uploads/', { method: 'POST' })
  assert.equal(start.status, 202)
  const location = start.headers.get('location') ?? ''
  const piece = (body: string, range: string) => at(location, { method: 'PATCH', body, headers: { 'content-range': range } })
  const first = await piece('hello ', '0-5')
  assert.deepEqual([first.status, first.headers.get('range')], [202, '0-5'])
  const wrong = await piece('late', '9-12')
  assert.deepEqual([await codeOf(wrong), wrong.headers.get('range')], ['416 RANGE_INVALID', '0-5'])
  const status = await at(location)
  assert.deepEqual([status.status, status.headers.get('range')], [204, '0-5'])
  assert.equal((await piece('wor', '6-8')).status, 202)
  const digest = digestOf('hello world')
  const end = await at(`${location}?digest=${digest}`, { method: 'PUT', body: 'ld' })
  assert.deepEqual([end.status, end.headers.get('docker-content-digest')], [201, digest])
  assert.equal(await (await at(`/v2/team/web/blobs/${digest}`)).text(), 'hello world')
  const gone = await at(location)
  assert.equal(gone.status, 404)
})

test('a registry refuses content of another digest, and forgets it', async () => {
  await using one = await registry()
  const answer = await one.at(`/v2/a/blobs/uploads/?digest=${digestOf('x')}`, { method: 'POST', body: 'y' })
  assert.equal(await codeOf(answer), '400 DIGEST_INVALID')
  assert.deepEqual(await readdir(join(one.directory, 'repositories/a/_uploads')), [])
})

const ranges = [
  { range: 'bytes=0-3', status: 206, text: '0123', header: 'bytes 0-3/10' },
  { range: 'bytes=7-', status: 206, text: '789', header: 'bytes 7-9/10' },
  { range: 'bytes=-2', status: 206, text: '89', header: 'bytes 8-9/10' },
  { range: 'bytes=4-400', status: 206, text: '456789', header: 'bytes 4-9/10' },
  { range: 'lines=1-2', status: 200, text: '0123456789', header: null },
]

test('a registry serves ranges of blobs', async () => {
  await using one = await registry()
  const digest = await putBlob(one, 'a', '0123456789')
  for (const { range, status, text, header } of ranges) {
    const answer = await one.at(`/v2/a/blobs/${digest}`, { headers: { range } })
    assert.deepEqual([answer.status, await answer.text(), answer.headers.get('content-range')], [status, text, header], range)
  }
  const beyond = await one.at(`/v2/a/blobs/${digest}`, { headers: { range: 'bytes=10-' } })
  assert.equal(await codeOf(beyond), '416 RANGE_INVALID')
})

test('a registry mounts a blob of another repository, and starts an upload where that has none', async () => {
  await using one = await registry()
  const digest = await putBlob(one, 'a', 'shared')
  assert.equal((await one.at(`/v2/b/blobs/${digest}`)).status, 404, 'not shown before')
  const mounted = await one.at(`/v2/b/blobs/uploads/?mount=${digest}&from=a`, { method: 'POST' })
  assert.equal(mounted.status, 201)
  assert.equal((await one.at(`/v2/b/blobs/${digest}`, { method: 'HEAD' })).headers.get('content-length'), '6')
  const unknown = await one.at(`/v2/b/blobs/uploads/?mount=${digestOf('other')}&from=a`, { method: 'POST' })
  assert.equal(unknown.status, 202)
})

test('a registry takes a manifest by tag and by digest, only when all that it names is there', async () => {
  await using one = await registry()
  assert.equal(await codeOf(await putManifest(one, 'a/manifests/1', manifestOf('c'))), '400 MANIFEST_BLOB_UNKNOWN')
  await putBlob(one, 'a', 'c')
  const content = manifestOf('c')
  const put = await putManifest(one, 'a/manifests/1', content)
  assert.deepEqual([put.status, put.headers.get('docker-content-digest')], [201, digestOf(content)])
  for (const reference of ['1', digestOf(content)]) {
    const answer = await one.at(`/v2/a/manifests/${reference}`)
    assert.deepEqual([await answer.text(), answer.headers.get('content-type')], [content, manifestType])
  }
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: manifestType, digest: digestOf(content), size: content.length }],
  })
  assert.equal((await putManifest(one, 'a/manifests/all', index, 'application/vnd.oci.image.index.v1+json')).status, 201)
  const wrong = await putManifest(one, `a/manifests/${digestOf('z')}`, content)
  assert.equal(await codeOf(wrong), '400 DIGEST_INVALID')
})

const refused = [
  { path: 'a/manifests/1', body: '{', says: '400 MANIFEST_INVALID' },
  { path: 'a/manifests/1', body: '[]', says: '400 MANIFEST_INVALID' },
  { path: 'a/manifests/1', body: '{"schemaVersion":1}', says: '400 MANIFEST_INVALID' },
  { path: 'a/manifests/-bad', body: '{}', says: '400 TAG_INVALID' },
  { path: 'A/manifests/1', body: '{}', says: '400 NAME_INVALID' },
  { path: 'a/%2e%2e%2fb/manifests/1', body: '{}', says: '400 NAME_INVALID' },
  { path: 'a/manifests/sha256:12', body: '{}', says: '400 DIGEST_INVALID' },
  { path: 'a/manifests/1', body: ' '.repeat(5 << 20), says: '413 MANIFEST_INVALID' },
  { path: 'a/tags/list', body: '{}', says: '405 UNSUPPORTED' },
]

for (const { path, body, says } of refused) {
  test(`a registry refuses PUT ${path} of ${body.slice(0, 20).trim() || 'too much'} with ${says}`, async () => {
    await using one = await registry()
    const answer = await putManifest(one, path, body).catch(() => undefined)
    // A connection that is closed before all was sent may lose the answer.
    if (answer) assert.equal(await codeOf(answer), says)
  })
}

test('a registry lists tags and repositories page by page', async () => {
  await using one = await registry()
  for (const name of ['a', 'b/c']) await putBlob(one, name, 'c')
  for (const tag of ['3', '1', '2']) await putManifest(one, `a/manifests/${tag}`, manifestOf('c'))
  await putManifest(one, 'b/c/manifests/1', manifestOf('c'))
  const first = await one.at('/v2/a/tags/list?n=2')
  assert.deepEqual(await first.json(), { name: 'a', tags: ['1', '2'] })
  const [, next = ''] = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '') ?? []
  const second = await one.at(next)
  assert.deepEqual([await second.json(), second.headers.get('link')], [{ name: 'a', tags: ['3'] }, null])
  assert.deepEqual(await (await one.at('/v2/_catalog')).json(), { repositories: ['a', 'b/c'] })
  assert.equal(await codeOf(await one.at('/v2/none/tags/list')), '404 NAME_UNKNOWN')
})

test('a registry lists what refers to a manifest, of one type where that is asked for', async () => {
  await using one = await registry()
  await putBlob(one, 'a', 'c')
  await putBlob(one, 'a', '{}')
  const subject = { mediaType: manifestType, digest: digestOf(manifestOf('c')), size: manifestOf('c').length }
  const sbom = manifestOf('{}', { artifactType: 'application/spdx+json', subject, annotations: { a: 'b' } })
  const put = await putManifest(one, `a/manifests/${digestOf(sbom)}`, sbom)
  assert.equal(put.headers.get('oci-subject'), subject.digest)
  const list = async (query: string) => (await (await one.at(`/v2/a/referrers/${subject.digest}${query}`)).json()) as any
  const size = sbom.length
  const found = {
    mediaType: manifestType,
    digest: digestOf(sbom),
    size,
    artifactType: 'application/spdx+json',
    annotations: { a: 'b' },
  }
  assert.deepEqual((await list('')).manifests, [found])
  assert.deepEqual((await list('?artifactType=other')).manifests, [])
  await one.at(`/v2/a/manifests/${digestOf(sbom)}`, { method: 'DELETE' })
  assert.deepEqual((await list('')).manifests, [])
})

test('a registry deletes tags, manifests with their tags, and blobs', async () => {
  await using one = await registry()
  const digest = await putBlob(one, 'a', 'c')
  for (const tag of ['1', '2']) await putManifest(one, `a/manifests/${tag}`, manifestOf('c'))
  const remove = async (path: string) => (await one.at(`/v2/a/${path}`, { method: 'DELETE' })).status
  assert.equal(await remove('manifests/1'), 202)
  assert.equal((await one.at('/v2/a/manifests/2')).status, 200)
  assert.equal(await remove(`manifests/${digestOf(manifestOf('c'))}`), 202)
  assert.deepEqual(await (await one.at('/v2/a/tags/list')).json(), { name: 'a', tags: [] })
  assert.deepEqual(
    [await remove('manifests/2'), await remove(`blobs/${digest}`), await remove(`blobs/${digest}`)],
    [404, 202, 404],
  )
})

test('collectGarbage() takes what nobody names, and spares what is young or named', async () => {
  await using one = await registry()
  const { storage } = one
  const kept = await putBlob(one, 'a', 'kept')
  const lost = await putBlob(one, 'a', 'lost')
  await putManifest(one, 'a/manifests/1', manifestOf('kept'))
  const old = async () => {
    for (const digest of [kept, lost]) {
      for (const path of [storage.blobPath(digest), storage.at('a', '_blobs', digest.slice(7))]) await utimes(path, 1, 1)
    }
  }
  assert.equal((await collectGarbage(storage)).blobs, 0, 'younger than the grace')
  await old()
  await one.at(`/v2/a/blobs/${lost}`, { method: 'HEAD' })
  assert.equal((await collectGarbage(storage)).blobs, 0, 'somebody is about to name it')
  await old()
  assert.deepEqual(await collectGarbage(storage), { manifests: 0, blobs: 1, bytes: 4, uploads: 0 })
  assert.equal((await one.at(`/v2/a/blobs/${kept}`)).status, 200)
  await one.at('/v2/a/manifests/1', { method: 'DELETE' })
  assert.equal((await collectGarbage(storage, { grace: -1000 })).blobs, 0, 'a manifest without a tag may run somewhere')
  assert.equal((await collectGarbage(storage, { grace: -1000, isUntaggedGarbage: true })).manifests, 1)
})

test('a registry gives tokens for a password, which are good for what they name alone', async () => {
  const users = join(await mkdtemp(join(tmpdir(), 'nami-users-')), 'users.json')
  await setUser(users, 'ann', { password: 'secret', pull: [], push: ['team/**'], random: systemRandom })
  await using one = await registry({
    anonymous: () => undefined,
    password: (name, password) => rightsOfUser(users, name, password),
  })
  const refusal = await one.at('/v2/team/web/tags/list')
  assert.equal(refusal.status, 401)
  const challenge = refusal.headers.get('www-authenticate') ?? ''
  assert.match(
    challenge,
    /^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/v2\/token",service="nami",scope="repository:team\/web:pull"$/,
  )
  const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`ann:${password}`).toString('base64')}` })
  const token = (password: string, scope: string) => one.at(`/v2/token?service=nami&scope=${scope}`, { headers: basic(password) })
  assert.equal((await token('wrong', 'repository:team/web:pull')).status, 401)
  const { token: text } = (await (await token('secret', 'repository:team/web:pull,push')).json()) as { token: string }
  const headers = { authorization: `Bearer ${text}` }
  assert.equal((await one.at('/v2/team/web/blobs/uploads/', { method: 'POST', headers })).status, 202)
  assert.equal((await one.at('/v2/team/api/blobs/uploads/', { method: 'POST', headers })).status, 401)
  assert.equal(
    (await one.at('/v2/team/web/blobs/uploads/', { method: 'POST', headers: { authorization: `${headers.authorization}x` } }))
      .status,
    401,
  )
  assert.equal((await one.at('/v2/team/web/blobs/uploads/', { method: 'POST', headers: basic('secret') })).status, 202)
  assert.equal(await codeOf(await one.at('/v2/other/blobs/uploads/', { method: 'POST', headers: basic('secret') })), '403 DENIED')
  await rm(join(users, '..'), { recursive: true })
})

test('a registry speaks TLS on the same port, and knows nodes by their certificates', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nami-pki-'))
  const pki = await ensurePki(folder)
  await using one = await registry(
    { anonymous: () => undefined, certificate: ({ commonName }) => pulls(commonName) },
    { ...pki.apiserver, clientCa: pki.ca.certificate },
  )
  const ask = async (identity: object) => {
    const request = httpsGet({
      port: one.port,
      host: '127.0.0.1',
      path: '/v2/',
      ca: pki.ca.certificate,
      agent: false,
      ...identity,
    })
    const [response] = await once(request, 'response')
    response.resume()
    return response.statusCode
  }
  assert.equal(await ask({}), 401)
  assert.equal(await ask({ key: pki.proxy.key, cert: pki.proxy.certificate }), 200)
  assert.equal((await one.at('/v2/')).status, 401, 'plain HTTP on the same port')
  await rm(folder, { recursive: true })
})

test('a registry outlives callers that go away in the middle', async () => {
  await using one = await registry()
  const socket = connect(one.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`POST /v2/a/blobs/uploads/?digest=${digestOf('x')} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc`)
  while (!(await readdir(join(one.directory, 'repositories/a/_uploads')).catch(() => [])).length) await fetch(`${one.base}/v2/`)
  socket.destroy()
  assert.equal((await one.at('/v2/')).status, 200)
})
