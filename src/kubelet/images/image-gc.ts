/** Removes images that nothing uses when their file system fills: from 85 % down to 80 %, least recently used first. */
import { statfs } from 'node:fs/promises'
import { type Clock, sleep } from '#lib/clock.ts'
import type { Image, Runtime } from '../cri/runtime.ts'

export interface ImageGcOptions {
  readonly runtime: Runtime
  readonly clock: Clock
  /** Default: asks the kernel. */
  readonly filesystem?: (path: string) => Promise<{ readonly capacity: number; readonly available: number }>
  /** Percent. Defaults 85 and 80. */
  readonly highThreshold?: number
  readonly lowThreshold?: number
  /** Milliseconds that an image is left alone after it was first seen. Default two minutes. */
  readonly minAge?: number
}

export interface ImageGc {
  /** One round; throws with upstream's text when too little could be freed. Meant for every five minutes. */
  collect(): Promise<void>
}

/** A round every five minutes until the signal. */
export async function runImageGc(options: ImageGcOptions & { readonly onError?: (error: unknown) => void }, signal: AbortSignal) {
  const gc = createImageGc(options)
  while (!signal.aborted) {
    await gc.collect().catch((error) => options.onError?.(error))
    await sleep(options.clock, 300_000, signal).catch(() => {})
  }
}

/** Size and room of the file system at a path. */
export async function readFilesystem(path: string): Promise<{ capacity: number; available: number }> {
  const { blocks, bavail, bsize } = await statfs(path)
  return { capacity: blocks * bsize, available: bavail * bsize }
}

interface Seen {
  readonly firstSeen: number
  lastUsed: number
}

export function createImageGc(options: ImageGcOptions): ImageGc {
  const { runtime, clock, filesystem = readFilesystem, highThreshold = 85, lowThreshold = 80, minAge = 120_000 } = options
  const seen = new Map<string, Seen>()

  async function observe(): Promise<{ images: readonly Image[]; used: Set<string> }> {
    const now = clock.monotonic()
    const [images, used] = [await runtime.listImages(), await usedImages(runtime)]
    for (const { id } of images) {
      const entry = seen.get(id) ?? { firstSeen: now, lastUsed: 0 }
      if (used.has(id)) entry.lastUsed = now
      seen.set(id, entry)
    }
    const present = new Set(images.map(({ id }) => id))
    for (const id of seen.keys()) if (!present.has(id)) seen.delete(id)
    return { images, used }
  }

  async function free(wanted: number): Promise<number> {
    const now = clock.monotonic()
    const { images, used } = await observe()
    const order = (id: string) => seen.get(id)?.lastUsed ?? 0
    const candidates = images
      .filter(({ id, pinned }) => !pinned && !used.has(id) && now - (seen.get(id)?.firstSeen ?? now) >= minAge)
      .toSorted((a, b) => order(a.id) - order(b.id) || seen.get(a.id)!.firstSeen - seen.get(b.id)!.firstSeen)
    let freed = 0
    for (const { id, size } of candidates) {
      if (freed >= wanted) break
      await runtime.removeImage(id)
      seen.delete(id)
      freed += size
    }
    return freed
  }

  return {
    async collect() {
      await observe()
      const { mountpoint } = await runtime.imageFsInfo()
      const { capacity, available } = await filesystem(mountpoint)
      if (capacity === 0) throw new Error('invalid capacity 0 on image filesystem')
      if (100 - Math.trunc((available * 100) / capacity) < highThreshold) return
      const wanted = Math.trunc((capacity * (100 - lowThreshold)) / 100) - available
      const freed = await free(wanted)
      if (freed < wanted) {
        const text = `Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`
        throw new Error(`Failed to garbage collect required amount of images. ${text}`)
      }
    },
  }
}

/** Images of containers, running or not, by id. */
async function usedImages(runtime: Runtime): Promise<Set<string>> {
  const containers = await runtime.listContainers()
  const names = new Set(containers.flatMap(({ image, imageRef }) => [image, imageRef]))
  const images = await Promise.all([...names].map((name) => runtime.imageStatus(name)))
  return new Set(images.flatMap((image) => (image ? [image.id] : [])))
}
