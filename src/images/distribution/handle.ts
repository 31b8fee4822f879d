/** Requests of the registry protocol: OCI distribution-spec 1.1, with Docker's catalog and token endpoint. */
import type { Access, Action } from './access.ts'
import type { Exchange } from './exchange.ts'
import { largestManifest } from './manifest.ts'
import { digestOf, manifestReferenceOf, repositoryOf, uploadOf } from './names.ts'
import { RegistryError } from './registry-error.ts'
import type { Storage } from './storage.ts'

export interface Serving {
  readonly storage: Storage
  readonly access: Access
}

interface Route {
  readonly path: RegExp
  readonly methods: Readonly<Record<string, { readonly action: Action; readonly run: Handler }>>
}

type Handler = (exchange: Exchange, storage: Storage, names: { repository: string; last: string }) => Promise<void>

const routes: readonly Route[] = [
  {
    path: /^\/v2\/(.+)\/blobs\/uploads\/?$/,
    methods: { POST: { action: 'push', run: startUpload } },
  },
  {
    path: /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/,
    methods: {
      GET: { action: 'push', run: uploadStatus },
      PATCH: { action: 'push', run: appendUpload },
      PUT: { action: 'push', run: finishUpload },
      DELETE: { action: 'push', run: cancelUpload },
    },
  },
  {
    path: /^\/v2\/(.+)\/blobs\/([^/]+)$/,
    methods: {
      GET: { action: 'pull', run: getBlob },
      HEAD: { action: 'pull', run: getBlob },
      DELETE: { action: 'delete', run: deleteBlob },
    },
  },
  {
    path: /^\/v2\/(.+)\/manifests\/([^/]+)$/,
    methods: {
      GET: { action: 'pull', run: getManifest },
      HEAD: { action: 'pull', run: getManifest },
      PUT: { action: 'push', run: putManifest },
      DELETE: { action: 'delete', run: deleteManifest },
    },
  },
  { path: /^\/v2\/(.+)\/tags\/(list)$/, methods: { GET: { action: 'pull', run: listTags } } },
  { path: /^\/v2\/(.+)\/referrers\/([^/]+)$/, methods: { GET: { action: 'pull', run: listReferrers } } },
]

/** Throws RegistryError for whatever is refused. */
export async function handle(exchange: Exchange, { storage, access }: Serving): Promise<void> {
  const { url, method, caller, origin } = exchange
  const realm = `${origin}/v2/token`
  const path = decodePath(url.pathname)
  if (path === '/v2' || path === '/v2/') {
    await access.known(caller, realm)
    return exchange.json(200, {})
  }
  if (path === '/v2/token') {
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '))
    const issued = await access.token(caller, scopes, realm)
    return exchange.json(200, { ...issued, access_token: issued.token })
  }
  if (path === '/v2/_catalog') {
    const found = await access.visible(caller, await storage.repositories(), realm)
    return page(exchange, found, (repositories) => ({ repositories }))
  }
  for (const { path: pattern, methods } of routes) {
    const [, name, last = ''] = pattern.exec(path) ?? []
    if (name === undefined) continue
    const route = Object.hasOwn(methods, method) ? methods[method] : undefined
    if (!route) {
      throw new RegistryError('UNSUPPORTED', 'The operation is unsupported.', {
        headers: { allow: Object.keys(methods).join(', ') },
      })
    }
    const repository = repositoryOf(name)
    await access.check(caller, { action: route.action, repository }, realm)
    const from = url.searchParams.get('from')
    // Who may not read there uploads: to refuse would tell what is there.
    if (from !== null && !(await access.may(caller, 'pull', repositoryOf(from)))) url.searchParams.delete('from')
    return route.run(exchange, storage, { repository, last })
  }
  throw new RegistryError('UNSUPPORTED', `there is nothing at ${path}`, { status: 404 })
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new RegistryError('NAME_INVALID', 'the path is not valid')
  }
}

const created = (exchange: Exchange, location: string, digest: string, more: Record<string, string> = {}) =>
  exchange.answer(201, { location, 'docker-content-digest': digest, ...more })

/** A range without its unit, as the specification wants it here. */
const reached = (size: number) => `0-${Math.max(0, size - 1)}`

async function startUpload(exchange: Exchange, storage: Storage, { repository }: { repository: string }): Promise<void> {
  const { searchParams } = exchange.url
  const [mount, from, whole] = ['mount', 'from', 'digest'].map((name) => searchParams.get(name))
  if (mount && from && (await storage.mount(repository, from, digestOf(mount)))) {
    return created(exchange, `/v2/${repository}/blobs/${mount}`, mount)
  }
  const id = await storage.startUpload(repository)
  if (whole) return finish(exchange, storage, { repository, id, digest: whole })
  exchange.answer(202, {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: '0-0',
    'docker-upload-uuid': id,
  })
}

async function uploadStatus(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const size = await storage.uploadSize(repository, uploadOf(last))
  exchange.answer(204, { location: exchange.url.pathname, range: reached(size), 'docker-upload-uuid': last })
}

async function appendUpload(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const id = uploadOf(last)
  await checkOrder(exchange, await storage.uploadSize(repository, id))
  const size = await storage.append(repository, id, exchange.request)
  exchange.answer(202, { location: exchange.url.pathname, range: reached(size), 'docker-upload-uuid': id })
}

/** Pieces come one behind the other; where one is missing or doubled the caller learns how far we are. */
async function checkOrder({ header, url }: Exchange, size: number): Promise<void> {
  const [, start] = /^(?:bytes[= ])?(\d+)-\d+/.exec(header('content-range') ?? '') ?? []
  if (start === undefined || Number(start) === size) return
  throw new RegistryError('RANGE_INVALID', `the upload has ${size} bytes so far`, {
    headers: { range: reached(size), location: url.pathname },
  })
}

async function finishUpload(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const id = uploadOf(last)
  await checkOrder(exchange, await storage.uploadSize(repository, id))
  await finish(exchange, storage, { repository, id, digest: exchange.url.searchParams.get('digest') ?? '' })
}

async function finish(exchange: Exchange, storage: Storage, upload: { repository: string; id: string; digest: string }) {
  const { repository, id } = upload
  const digest = digestOf(upload.digest)
  await storage.append(repository, id, exchange.request)
  await storage.finishUpload(repository, id, digest)
  created(exchange, `/v2/${repository}/blobs/${digest}`, digest)
}

async function cancelUpload(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  await storage.cancelUpload(repository, uploadOf(last))
  exchange.answer(204)
}

async function getBlob(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const digest = digestOf(last)
  const found = await storage.blob(repository, digest)
  if (!found) throw new RegistryError('BLOB_UNKNOWN', `blob unknown to registry: ${digest}`)
  if (exchange.method === 'HEAD') await storage.touch(repository, digest)
  await exchange.file(found.path, found.size, {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'cache-control': 'max-age=31536000',
  })
}

async function deleteBlob(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const digest = digestOf(last)
  if (!(await storage.deleteBlob(repository, digest))) {
    throw new RegistryError('BLOB_UNKNOWN', `blob unknown to registry: ${digest}`)
  }
  exchange.answer(202)
}

async function getManifest(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const found = await storage.manifest(repository, manifestReferenceOf(last))
  if (!found) throw new RegistryError('MANIFEST_UNKNOWN', `manifest unknown: ${last}`)
  const { digest, mediaType, content } = found
  const headers = { 'docker-content-digest': digest, etag: `"${digest}"`, 'content-type': mediaType }
  exchange.answer(200, headers, content)
}

async function putManifest(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const reference = manifestReferenceOf(last)
  const mediaType = (exchange.header('content-type') ?? '').split(';')[0]?.trim() ?? ''
  const content = await bounded(exchange.request)
  const { digest, subject } = await storage.putManifest(repository, reference, { mediaType, content })
  created(exchange, `/v2/${repository}/manifests/${digest}`, digest, subject && { 'oci-subject': subject })
}

async function bounded(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of content) {
    size += chunk.length
    if (size > largestManifest) throw new RegistryError('MANIFEST_INVALID', 'manifest larger than 4 MiB', { status: 413 })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function deleteManifest(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  if (!(await storage.deleteManifest(repository, manifestReferenceOf(last)))) {
    throw new RegistryError('MANIFEST_UNKNOWN', `manifest unknown: ${last}`)
  }
  exchange.answer(202)
}

async function listTags(exchange: Exchange, storage: Storage, { repository }: { repository: string }) {
  const found = await storage.tags(repository)
  if (!found) throw new RegistryError('NAME_UNKNOWN', `repository name not known to registry: ${repository}`)
  page(exchange, found, (tags) => ({ name: repository, tags }))
}

async function listReferrers(exchange: Exchange, storage: Storage, { repository, last }: { repository: string; last: string }) {
  const wanted = exchange.url.searchParams.get('artifactType')
  const all = await storage.referrers(repository, digestOf(last))
  const manifests = wanted ? all.filter(({ artifactType }) => artifactType === wanted) : all
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }
  exchange.json(200, index, { 'content-type': index.mediaType, ...(wanted && { 'oci-filters-applied': 'artifactType' }) })
}

/** `n` and `last`, and a Link to what follows (distribution-spec 1.1, "Listing Tags"). */
function page(exchange: Exchange, all: readonly string[], body: (shown: readonly string[]) => object): void {
  const { searchParams, pathname } = exchange.url
  const [n, last] = [searchParams.get('n'), searchParams.get('last')]
  if (n !== null && !/^\d+$/.test(n)) throw new RegistryError('UNSUPPORTED', `n is no number: ${n}`, { status: 400 })
  const rest = last === null ? all : all.filter((name) => name > last)
  const shown = n === null ? rest : rest.slice(0, Number(n))
  const end = shown.at(-1)
  const isMore = shown.length < rest.length && end !== undefined
  const next = isMore && `<${pathname}?${new URLSearchParams({ last: end, n: n ?? '' })}>; rel="next"`
  exchange.json(200, body(shown), next ? { link: next } : {})
}
