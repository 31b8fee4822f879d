/**
 * Pull and push over the registry protocol (OCI distribution-spec 1.1; token authentication as Docker registries do it). Blobs that the
 * other side has are not sent again. The registry's host comes from the image's name and from nowhere else.
 */
import { createHash } from 'node:crypto'
import { indexType, manifestType } from './assemble.ts'
import { type Descriptor, type Digest, type Image, ImageError, type Platform } from './image.ts'
import { collect, type Layout, loadImage } from './layout.ts'
import { parseReference, type Reference } from './reference.ts'

export interface RegistryOptions {
  readonly username?: string
  readonly password?: string
  /** Plain HTTP; always so for registries on localhost. */
  readonly insecure?: boolean
  readonly platform: Platform
  /** The caller's `fetch`, so that proxies and tests are its business. */
  readonly fetch: typeof fetch
  readonly onProgress?: (line: string) => void
  /** Another repository of the same registry that may have the blobs already. */
  readonly mountFrom?: string
}

const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json'
const dockerIndex = 'application/vnd.docker.distribution.manifest.list.v2+json'
const accepted = [manifestType, indexType, dockerManifest, dockerIndex].join(', ')

/** Fetches the image for the platform into the layout and names it there. */
export async function pull(layout: Layout, name: string, options: RegistryOptions): Promise<Image> {
  const reference = parseReference(name)
  const registry = new Registry(reference, options)
  const descriptor = await registry.resolve(layout)
  const { config, layers } = (await loadManifest(layout, descriptor)) as { config: Descriptor; layers: readonly Descriptor[] }
  for (const blob of [config, ...layers]) {
    if (await layout.has(blob.digest)) continue
    options.onProgress?.(`fetching ${blob.digest.slice(7, 19)} (${blob.size} bytes)`)
    const written = await layout.write(blob.mediaType, await registry.blob(blob.digest))
    if (written.digest !== blob.digest)
      throw new ImageError('DigestMismatch', `${name}: the registry sent ${written.digest} for ${blob.digest}`)
  }
  const image = await loadImage(layout, descriptor)
  await layout.tag(name, image)
  return image
}

/** Sends the image to where its name says; answers the manifest's digest. */
export async function push(image: Image, name: string, options: RegistryOptions): Promise<Digest> {
  const registry = new Registry(parseReference(name), options)
  await sendBlobs(registry, image, options)
  await registry.putManifest(image.descriptor, await collect(image.blobs.read(image.descriptor.digest)))
  await sendReferrers(registry, image, options)
  return image.descriptor.digest
}

async function sendBlobs(registry: Registry, { manifest, blobs }: Pick<Image, 'manifest' | 'blobs'>, options: RegistryOptions) {
  for (const blob of [manifest.config, ...manifest.layers]) {
    if (await registry.hasBlob(blob.digest)) continue
    if (options.mountFrom && (await registry.mount(blob.digest, options.mountFrom))) continue
    options.onProgress?.(`sending ${blob.digest.slice(7, 19)} (${blob.size} bytes)`)
    await registry.upload(blob, blobs.read(blob.digest))
  }
}

/** Bills of materials and the like; a registry that takes none of them still has the image. */
async function sendReferrers(registry: Registry, { descriptor, blobs }: Image, options: RegistryOptions): Promise<void> {
  for (const referrer of (await blobs.referrers?.(descriptor.digest)) ?? []) {
    try {
      const content = await collect(blobs.read(referrer.digest))
      await sendBlobs(registry, { manifest: JSON.parse(content.toString()), blobs }, { ...options, onProgress: () => {} })
      await registry.putManifest(referrer, content, referrer.digest)
    } catch (error) {
      options.onProgress?.(`${referrer.artifactType ?? 'a referrer'} was not taken: ${(error as Error).message}`)
    }
  }
}

/** What refers to the image: bills of materials, signatures. Empty where the registry keeps no referrers. */
export async function listReferrers(name: string, options: RegistryOptions): Promise<readonly Descriptor[]> {
  const registry = new Registry(parseReference(name), options)
  const manifest = await registry.manifest()
  return manifest ? registry.referrers(manifest.digest) : []
}

/** All tags of the repository, page by page; none where the registry does not know it. */
export async function listTags(repository: string, options: RegistryOptions): Promise<readonly string[]> {
  return new Registry(parseReference(repository), options).tags()
}

export interface TagDescription {
  readonly digest: Digest
  /** RFC 3339, of the image's configuration; only where it was asked for. */
  readonly created?: string
}

/** Undefined where there is no such image. */
export async function describeTag(
  name: string,
  options: RegistryOptions & { readonly isConfigWanted?: boolean },
): Promise<TagDescription | undefined> {
  const registry = new Registry(parseReference(name), options)
  const manifest = await registry.manifest()
  if (!manifest) return undefined
  const { config } = JSON.parse(manifest.content.toString()) as { config?: Descriptor }
  if (!options.isConfigWanted || !config) return { digest: manifest.digest }
  const { created } = JSON.parse((await collect(await registry.blob(config.digest))).toString()) as { created?: string }
  return { digest: manifest.digest, ...(created && { created }) }
}

/** `tag` of the same repository names what `name` names; no layer is sent. */
export async function retag(name: string, tag: string, options: RegistryOptions): Promise<void> {
  const { tag: _, digest: __, ...repository } = parseReference(name)
  const manifest = await new Registry(parseReference(name), options).manifest()
  if (!manifest) throw new ImageError('NotFound', `${name} does not exist`)
  const { mediaType, digest, content } = manifest
  await new Registry({ ...repository, tag }, options).putManifest({ mediaType, digest, size: content.length }, content)
}

async function loadManifest(layout: Layout, descriptor: Descriptor): Promise<unknown> {
  return JSON.parse((await collect(layout.read(descriptor.digest))).toString())
}

/** Bytes of a layer that is sent from memory: faster, and it can be sent again when the registry asks for a token first. */
const largestHeld = 64 * 1024 * 1024

class Registry {
  #reference: Reference
  #options: RegistryOptions
  #base: string
  #authorization: string | undefined

  constructor(reference: Reference, options: RegistryOptions) {
    this.#reference = reference
    this.#options = options
    const local = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(reference.registry)
    const host = reference.registry === 'docker.io' ? `registry-1.${reference.registry}` : reference.registry
    this.#base = `${local || options.insecure ? 'http' : 'https'}://${host}/v2/${reference.repository}`
  }

  /** The manifest for the platform, stored. */
  async resolve(layout: Layout): Promise<Descriptor> {
    const { digest, tag = 'latest' } = this.#reference
    const first = await this.#manifest(layout, digest ?? tag)
    if (first.mediaType !== indexType && first.mediaType !== dockerIndex) return first
    const { manifests } = (await loadManifest(layout, first)) as { manifests: readonly Descriptor[] }
    const { os, architecture } = this.#options.platform
    const match = manifests.find(({ platform }) => platform?.os === os && platform.architecture === architecture)
    if (!match) throw new ImageError('NoMatchingPlatform', `${this.#name()} has no image for ${os}/${architecture}`)
    return this.#manifest(layout, match.digest)
  }

  async #manifest(layout: Layout, which: string): Promise<Descriptor> {
    const answer = await this.#send(`/manifests/${which}`, { headers: { accept: accepted } })
    const written = await layout.write(
      answer.headers.get('content-type') ?? manifestType,
      new Uint8Array(await answer.arrayBuffer()),
    )
    if (which.startsWith('sha256:') && written.digest !== which) {
      throw new ImageError('DigestMismatch', `${this.#name()}: the registry sent ${written.digest} for ${which}`)
    }
    return written
  }

  /** As the registry holds it, index or image; undefined where there is none. */
  async manifest(): Promise<{ mediaType: string; digest: Digest; content: Buffer } | undefined> {
    const { digest, tag = 'latest' } = this.#reference
    const answer = await this.#send(`/manifests/${digest ?? tag}`, { headers: { accept: accepted } }, [404])
    if (answer.status === 404) return undefined
    const content = Buffer.from(await answer.arrayBuffer())
    const mediaType = answer.headers.get('content-type') ?? manifestType
    return { mediaType, digest: `sha256:${createHash('sha256').update(content).digest('hex')}`, content }
  }

  async tags(): Promise<readonly string[]> {
    const found: string[] = []
    for (let path: string | undefined = '/tags/list?n=1000'; path; ) {
      const answer: Response = await this.#send(path, {}, [404])
      if (answer.status === 404) break
      found.push(...(((await answer.json()) as { tags?: string[] | null }).tags ?? []))
      const next = /<([^>]+)>;\s*rel="?next"?/.exec(answer.headers.get('link') ?? '')?.[1]
      path = next && new URL(next, this.#base).href
    }
    return found
  }

  async blob(digest: Digest): Promise<AsyncIterable<Uint8Array>> {
    const { body } = await this.#send(`/blobs/${digest}`)
    return (body ?? []) as AsyncIterable<Uint8Array>
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    const answer = await this.#send(`/blobs/${digest}`, { method: 'HEAD' }, [404])
    return answer.ok
  }

  /** The upload that an unwilling registry starts instead is left to its collection of garbage. */
  async mount(digest: Digest, from: string): Promise<boolean> {
    const answer = await this.#send(`/blobs/uploads/?${new URLSearchParams({ mount: digest, from })}`, { method: 'POST' })
    return answer.status === 201
  }

  async referrers(digest: Digest): Promise<readonly Descriptor[]> {
    const answer = await this.#send(`/referrers/${digest}`, {}, [404, 405])
    if (!answer.ok) return []
    return ((await answer.json()) as { manifests?: readonly Descriptor[] }).manifests ?? []
  }

  /** The bytes are not held: a layer may be larger than the memory. */
  async upload({ digest, size }: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    const start = await this.#send('/blobs/uploads/', { method: 'POST' })
    const location = new URL(start.headers.get('location') ?? '', `${this.#base}/blobs/uploads/`)
    location.searchParams.set('digest', digest)
    await this.#send(location.href, {
      method: 'PUT',
      body: size > largestHeld ? content : ((await collect(content)) as Uint8Array<ArrayBuffer>),
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      duplex: 'half',
    } as RequestInit)
  }

  async putManifest(descriptor: Descriptor, content: Uint8Array, as?: string): Promise<void> {
    const which = as ?? this.#reference.tag ?? this.#reference.digest ?? 'latest'
    await this.#send(`/manifests/${which}`, {
      method: 'PUT',
      body: content as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': descriptor.mediaType },
    })
  }

  #name(): string {
    const { registry, repository } = this.#reference
    return `${registry}/${repository}`
  }

  /** One request, and a second with a token when the registry asks for one. */
  async #send(path: string, init: RequestInit = {}, fine: readonly number[] = []): Promise<Response> {
    const url = path.startsWith('/') ? this.#base + path : path
    // An upload may be sent elsewhere; our credentials are the registry's alone.
    const isOwn = new URL(url).origin === new URL(this.#base).origin
    const attempt = () =>
      this.#options.fetch(url, {
        ...init,
        headers: { ...init.headers, ...(isOwn && this.#authorization && { authorization: this.#authorization }) },
      })
    let answer: Response
    try {
      answer = await attempt()
      if (answer.status === 401 && (await this.#authorize(answer.headers.get('www-authenticate') ?? ''))) answer = await attempt()
    } catch (error) {
      throw new ImageError('Unreachable', `registry ${this.#reference.registry} cannot be reached`, { cause: error })
    }
    if (answer.ok || fine.includes(answer.status)) return answer
    throw await this.#refusal(answer)
  }

  async #refusal(answer: Response): Promise<ImageError> {
    const text = (await answer.text().catch(() => '')).slice(0, 300)
    const code =
      answer.status === 404 ? 'NotFound' : answer.status === 401 || answer.status === 403 ? 'Unauthorized' : 'Unreachable'
    return new ImageError(code, `${this.#name()}: the registry answered ${answer.status} ${text}`.trim())
  }

  async #authorize(challenge: string): Promise<boolean> {
    const { username, password } = this.#options
    const basic = username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
    if (/^basic/i.test(challenge)) {
      this.#authorization = basic
      return basic !== undefined
    }
    const parts = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]))
    if (!/^bearer/i.test(challenge) || !parts.realm) return false
    const url = new URL(parts.realm)
    if (parts.service) url.searchParams.set('service', parts.service)
    url.searchParams.set('scope', parts.scope ?? `repository:${this.#reference.repository}:pull,push`)
    if (this.#options.mountFrom) url.searchParams.append('scope', `repository:${this.#options.mountFrom}:pull`)
    const answer = await this.#options.fetch(url, basic ? { headers: { authorization: basic } } : {})
    const { token, access_token } = (await answer.json()) as { token?: string; access_token?: string }
    this.#authorization = `Bearer ${token ?? access_token}`
    return answer.ok
  }
}
