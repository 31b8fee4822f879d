/**
 * OpenAPI documents of what is served: `/openapi/v3`, one below it per group-version, and `/openapi/v2`; JSON and protobuf.
 * They are made when they are first asked for, and again when the kinds of a group-version have changed.
 */
import { createHash } from 'node:crypto'
import type { Kind } from '#schema/kind.ts'
import { type JsonObject, openapiV2, openapiV3 } from '#schema/openapi.ts'
import { openapiV2Protobuf, openapiV3Protobuf } from '#schema/openapi-proto.ts'
import type { RemoteVersion } from '../aggregation/aggregator.ts'
import { mergeInto } from '../aggregation/merge-openapi.ts'
import { notAcceptable, parseClause } from '../http/negotiate.ts'
import type { Request, Response, Stage } from '../request.ts'
import { openApiSchemas } from './openapi-schemas.ts'

export interface OpenApiStagesOptions {
  /** Versions whose documents extension servers have. */
  readonly remotes?: (() => readonly RemoteVersion[]) | undefined
  readonly release?: string
}

export function openApiStages(
  kinds: () => readonly Kind[],
  { remotes = () => [], release = 'v1.36.0' }: OpenApiStagesOptions = {},
): readonly Stage[] {
  const library = new Library(release)
  return [
    (request, next) => {
      if (!request.path.startsWith('/openapi/') || (request.method !== 'GET' && request.method !== 'HEAD')) return next(request)
      if (request.path === '/openapi/v2') return sendDocument(request, library.all(kinds(), remotes()), 2)
      if (request.path === '/openapi/v3' || request.path === '/openapi/v3/')
        return sendIndex(request, library, { kinds: kinds(), remotes: remotes() })
      const name = /^\/openapi\/v3\/(.+)$/.exec(request.path)?.[1]
      const document = name === undefined ? undefined : library.one(name, kinds())
      return document ? sendDocument(request, document, 3) : next(request)
    },
  ]
}

/** A document in the forms it is sent in; the second form is made when it is first asked for. */
class Document {
  readonly json: Uint8Array
  readonly hash: string
  readonly #protobuf: () => Uint8Array
  #bytes: Uint8Array | undefined

  constructor(document: JsonObject, protobuf: (document: JsonObject) => Uint8Array) {
    this.json = Buffer.from(JSON.stringify(document))
    this.hash = createHash('sha512').update(this.json).digest('hex').toUpperCase()
    this.#protobuf = () => protobuf(JSON.parse(Buffer.from(this.json).toString()))
  }

  get protobuf(): Uint8Array {
    this.#bytes ??= this.#protobuf()
    return this.#bytes
  }
}

interface Kept {
  readonly kinds: readonly Kind[]
  readonly groupVersions: string
  readonly document: Document
}

class Library {
  readonly #release: string
  readonly #kept = new Map<string, Kept>()
  #merged: { readonly own: Document; readonly others: readonly JsonObject[]; readonly document: Document } | undefined

  constructor(release: string) {
    this.#release = release
  }

  /** `api/v1` or `apis/GROUP/VERSION`; undefined where nothing of it is served. */
  one(name: string, kinds: readonly Kind[]): Document | undefined {
    const members = kinds.filter((kind) => nameOf(kind) === name)
    if (members.length === 0) return undefined
    return this.#keep(name, members, kinds, (options) => new Document(openapiV3(members, options), openapiV3Protobuf))
  }

  /** With what extension servers say of theirs, in their order. */
  all(kinds: readonly Kind[], remotes: readonly RemoteVersion[] = []): Document {
    const own = this.#keep('', kinds, kinds, (options) => new Document(openapiV2(kinds, options), openapiV2Protobuf))
    const others = remotes.flatMap(({ documents }): readonly JsonObject[] => (documents?.v2 ? [documents.v2] : []))
    if (others.length === 0) return own
    const kept = this.#merged
    if (kept?.own === own && isSame(kept.others, others)) return kept.document
    const whole = JSON.parse(Buffer.from(own.json).toString()) as JsonObject
    for (const other of others) mergeInto(whole, other)
    const document = new Document(whole, openapiV2Protobuf)
    this.#merged = { own, others, document }
    return document
  }

  #keep(
    name: string,
    members: readonly Kind[],
    kinds: readonly Kind[],
    make: (options: Parameters<typeof openapiV3>[1]) => Document,
  ): Document {
    const builtIn = kinds.filter(({ def }) => !def.custom)
    const groupVersions = [...new Map(builtIn.map(({ group, version }) => [`${group}/${version}`, { group, version }])).values()]
    const served = groupVersions.map(({ group, version }) => `${group}/${version}`).join()
    const kept = this.#kept.get(name)
    const isFresh = kept?.groupVersions === served && isSame(kept.kinds, members)
    if (kept && isFresh) return kept.document
    const document = make({ schemas: openApiSchemas, groupVersions, release: this.#release })
    this.#kept.set(name, { kinds: members, groupVersions: served, document })
    return document
  }
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i])
}

function nameOf({ group, version }: Kind): string {
  return group ? `apis/${group}/${version}` : `api/${version}`
}

interface Served {
  readonly kinds: readonly Kind[]
  readonly remotes: readonly RemoteVersion[]
}

function sendIndex(request: Request, library: Library, { kinds, remotes }: Served): Response {
  const taken = new Set(remotes.map(({ group, version }) => `apis/${group}/${version}`))
  const names = [...new Set(kinds.map(nameOf))].filter((name) => !taken.has(name))
  const own = names.map((name): [string, unknown] => [
    name,
    { serverRelativeURL: urlOf(name, library.one(name, kinds) as Document) },
  ])
  const others = remotes.flatMap(({ documents }) => Object.entries(documents?.index ?? {}))
  const entries = [...new Map([...others, ...own])].sort(([a], [b]) => (a < b ? -1 : 1))
  const bytes = Buffer.from(JSON.stringify({ paths: Object.fromEntries(entries) }))
  const etag = createHash('sha512').update(bytes).digest('hex').toUpperCase()
  return tagged(request, { etag, type: 'application/json', bytes: () => bytes })
}

function urlOf(name: string, { hash }: Document): string {
  return `/openapi/v3/${name}?hash=${hash}`
}

/** A document whose hash the client names never changes; under an old hash the client is sent to the new one. */
function sendDocument(request: Request, document: Document, dialect: 2 | 3): Response {
  const encoding = encodingOf(request.headers.accept, dialect)
  const hash = request.query.get('hash')
  if (dialect === 3 && hash && hash !== document.hash) {
    const location = urlOf(request.path.slice('/openapi/v3/'.length), document)
    return { type: 'bytes', status: 301, bytes: new Uint8Array(), headers: { location, vary: 'Accept' } }
  }
  const type = encoding === 'json' ? 'application/json' : protobufTypes(dialect)[0]
  const isImmutable = dialect === 3 && hash === document.hash
  return tagged(request, { etag: document.hash, type, bytes: () => document[encoding], isImmutable })
}

interface Tagged {
  readonly etag: string
  readonly type: string
  readonly isImmutable?: boolean
  bytes(): Uint8Array
}

/** A year is what upstream's `Expires` says. */
const forever = 'public, immutable, max-age=31536000'

function tagged({ headers: sent, method }: Request, { etag, type, isImmutable, bytes }: Tagged): Response {
  const headers = {
    'content-type': type,
    etag: `"${etag}"`,
    vary: 'Accept',
    ...(isImmutable && { 'cache-control': forever }),
  }
  const known = (sent['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(`"${etag}"`) || known.includes('*')) return { type: 'bytes', status: 304, bytes: new Uint8Array(), headers }
  return { type: 'bytes', status: 200, bytes: method === 'HEAD' ? new Uint8Array() : bytes(), headers }
}

/** The name with a dot is the valid one; the other is what clients ask for. */
function protobufTypes(dialect: 2 | 3): [string, string] {
  const name = `com.github.proto-openapi.spec.v${dialect}`
  return [`application/${name}.v1.0+protobuf`, `application/${name}@v1.0+protobuf`]
}

function encodingOf(accept: string | undefined, dialect: 2 | 3): 'json' | 'protobuf' {
  const protobuf = protobufTypes(dialect)
  for (const { type, quality } of (accept || '*/*').split(',').map(parseClause)) {
    if (quality === 0) continue
    if (protobuf.includes(type)) return 'protobuf'
    if (['application/json', 'application/*', '*/*'].includes(type)) return 'json'
  }
  throw notAcceptable(['application/json', ...protobuf])
}
