/** Sees to it that a container's image is there: pull policy, credentials, back-off, events (upstream's `kubelet/images`). */
import { createHash } from 'node:crypto'
import type { Clock } from '#lib/clock.ts'
import { formatDuration } from '#schema/go-time.ts'
import { type ImageRequest, type ImageSource, ImageSourceError, type PresentImage } from '../containers/image-source.ts'
import { type Image, type RegistryAuth, type Runtime, RuntimeError, type SandboxConfig } from '../cri/runtime.ts'
import { type ImageName, parseImageName } from './image-name.ts'
import { type Credential, lookup, makeKeyring } from './keyring.ts'
import { PullBackOff } from './pull-back-off.ts'
import { createBucket, createSlots, type Slots } from './pull-limits.ts'
import { PullRecords } from './pull-records.ts'

export interface ImageManagerOptions {
  readonly runtime: Runtime
  readonly clock: Clock
  /** Pulls at once. Default 1, upstream's serializeImagePulls. */
  readonly maxParallelPulls?: number
  /** Pulls begun in a second, and in a burst. Defaults 5 and 10; 0: no limit. */
  readonly registryQps?: number
  readonly registryBurst?: number
  /** File that remembers with which credentials images were pulled; absent: only as long as the process lives. */
  readonly recordsFile?: string
}

export function createImageManager(options: ImageManagerOptions): ImageSource {
  return new Manager(options)
}

class Manager implements ImageSource {
  readonly #runtime: Runtime
  readonly #clock: Clock
  readonly #backOff: PullBackOff
  readonly #slots: Slots
  readonly #mayBegin: () => boolean
  readonly #records: PullRecords
  /** What the last pull said, for the message during back-off. */
  readonly #lastError = new Map<string, string>()

  constructor({ runtime, clock, maxParallelPulls = 1, registryQps = 5, registryBurst = 10, recordsFile }: ImageManagerOptions) {
    this.#runtime = runtime
    this.#clock = clock
    this.#backOff = new PullBackOff(clock)
    this.#slots = createSlots(maxParallelPulls)
    this.#mayBegin = createBucket({ rate: registryQps, burst: registryBurst, clock })
    this.#records = new PullRecords(recordsFile)
  }

  async ensure(request: ImageRequest): Promise<PresentImage> {
    const name = this.#parse(request)
    const present = request.policy === 'Always' ? undefined : await this.#inspect(request, name)
    if (!present && request.policy === 'Never') throw neverPulled(request)
    const credentials = credentialsFor(request, name)
    if (present) {
      if (this.#records.mayUse(present.id, credentials.map(hash))) {
        const text = `Container image ${quote(request.image)} already present on machine and can be accessed by the pod`
        request.record({ type: 'Normal', reason: 'Pulled', message: text })
        return present
      }
      if (request.policy === 'Never') throw neverPulled(request)
    }
    return this.#pull(request, name, credentials)
  }

  #parse({ image, record }: ImageRequest): ImageName {
    try {
      return parseImageName(image)
    } catch (error) {
      const text = `Failed to apply default image tag ${quote(image)}: ${(error as Error).message}`
      record({ type: 'Warning', reason: 'InspectFailed', message: text })
      throw new ImageSourceError('InvalidImageName', text, { cause: error })
    }
  }

  async #inspect({ record }: ImageRequest, { tagged }: ImageName): Promise<Image | undefined> {
    try {
      return await this.#runtime.imageStatus(tagged)
    } catch (error) {
      const text = `Failed to inspect image ${quote(tagged)}: ${errorText(error)}`
      record({ type: 'Warning', reason: 'InspectFailed', message: text })
      throw new ImageSourceError('ImageInspectError', text, { cause: error })
    }
  }

  async #pull(request: ImageRequest, { tagged }: ImageName, credentials: readonly Credential[]): Promise<PresentImage> {
    const { image, record, pod } = request
    const key = `${pod.metadata.uid}_${image}`
    if (this.#backOff.isWaiting(key)) {
      const text = `Back-off pulling image ${quote(image)}`
      record({ type: 'Normal', reason: 'BackOff', message: text })
      const last = this.#lastError.get(key)
      throw new ImageSourceError('ImagePullBackOff', last ? `${text}: ${last}` : text)
    }
    this.#lastError.delete(key)
    record({ type: 'Normal', reason: 'Pulling', message: `Pulling image ${quote(image)}` })
    const asked = this.#clock.monotonic()
    try {
      const pulled = await this.#slots.run(() => this.#pullWith(tagged, credentials, request.sandbox))
      const waited = durationText(this.#clock.monotonic() - asked)
      const took = `${durationText(pulled.took)} (${waited} including waiting)`
      record({
        type: 'Normal',
        reason: 'Pulled',
        message: `Successfully pulled image ${quote(image)} in ${took}. Image size: ${pulled.image.size} bytes.`,
      })
      this.#records.pulled(pulled.image.id, pulled.credential && hash(pulled.credential))
      this.#backOff.sweep()
      return pulled.image
    } catch (error) {
      record({ type: 'Warning', reason: 'Failed', message: `Failed to pull image ${quote(image)}: ${errorText(error)}` })
      this.#backOff.failed(key)
      const failure = explain(image, error)
      this.#remember(key, `${failure.reason}: ${failure.message}`)
      throw failure
    }
  }

  #remember(key: string, text: string): void {
    this.#lastError.set(key, text)
    if (this.#lastError.size > 1000) this.#lastError.delete(this.#lastError.keys().next().value!)
  }

  /** Tries every credential in turn; without any, pulls as nobody. */
  async #pullWith(tagged: string, credentials: readonly Credential[], sandbox: SandboxConfig | undefined): Promise<Pulled> {
    const began = this.#clock.monotonic()
    const errors: string[] = []
    const tries: readonly (Credential | undefined)[] = credentials.length > 0 ? credentials : [undefined]
    for (const credential of tries) {
      if (!this.#mayBegin()) throw new Error('pull QPS exceeded')
      try {
        const id = await this.#pullOnce(tagged, credential?.auth, sandbox)
        const image = (await this.#runtime.imageStatus(id)) ?? { id, size: 0 }
        return { image, credential, took: this.#clock.monotonic() - began }
      } catch (error) {
        if (tries.length === 1) throw error
        errors.push(errorText(error))
      }
    }
    const different = [...new Set(errors)]
    throw new Error(different.length === 1 ? different[0] : `[${different.join(', ')}]`)
  }

  #pullOnce(tagged: string, auth: RegistryAuth | undefined, sandbox: SandboxConfig | undefined): Promise<string> {
    return this.#runtime.pullImage(tagged, { ...(auth && { auth }), ...(sandbox && { sandbox }) })
  }
}

interface Pulled {
  readonly image: PresentImage & { readonly size: number }
  readonly took: number
  readonly credential: Credential | undefined
}

function neverPulled({ image, record }: ImageRequest): ImageSourceError {
  const text = `Container image ${quote(image)} is not present with pull policy of Never`
  record({ type: 'Warning', reason: 'ErrImageNeverPull', message: text })
  return new ImageSourceError('ErrImageNeverPull', text)
}

function credentialsFor({ pullSecrets }: ImageRequest, { repository }: ImageName): readonly Credential[] {
  try {
    return lookup(makeKeyring(pullSecrets), repository)
  } catch (error) {
    throw new ImageSourceError('ErrImagePull', (error as Error).message, { cause: error })
  }
}

/** Runtimes name two failures in the text itself (cri-api `errors`). */
function explain(image: string, error: unknown): ImageSourceError {
  const text = errorText(error)
  const named = [
    ['RegistryUnavailable', 'the registry is unavailable'],
    ['SignatureValidationFailed', 'the signature validation failed'],
  ] as const
  for (const [reason, what] of named) {
    if (!text.startsWith(reason)) continue
    return new ImageSourceError(reason, `image pull failed for ${image} because ${what}${text.slice(reason.length)}`, {
      cause: error,
    })
  }
  return new ImageSourceError('ErrImagePull', text, { cause: error })
}

/** Upstream drops gRPC's code when it is Unknown, which says nothing, and shows it otherwise. */
function errorText(error: unknown): string {
  if (error instanceof RuntimeError) return error.status === 'Unknown' ? error.message : error.rpcText
  return error instanceof Error ? error.message : String(error)
}

function hash({ auth }: Credential): string {
  return createHash('sha256').update(JSON.stringify(auth)).digest('hex')
}

/** Go's `%q`, for what image names hold. */
function quote(text: string): string {
  return JSON.stringify(text)
}

function durationText(milliseconds: number): string {
  return formatDuration(BigInt(Math.trunc(milliseconds)) * 1_000_000n)
}
