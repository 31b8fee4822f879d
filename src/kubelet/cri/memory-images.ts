/** The images that the memory runtime holds. */
import type { Image } from './runtime.ts'

export class MemoryImages {
  readonly #byReference = new Map<string, Image>()

  add(reference: string, image: Partial<Image> = {}): Image {
    const tagged = !reference.includes('@') && !reference.startsWith('sha256:')
    const repository = reference.split('@')[0]!.replace(/:[^/:]*$/, '')
    const added: Image = {
      id: `sha256:${fakeDigest(reference)}`,
      repoTags: tagged ? [reference] : [],
      repoDigests: [reference.includes('@') ? reference : `${repository}@sha256:${fakeDigest(`${reference} manifest`)}`],
      size: 1_000_000,
      pinned: false,
      ...image,
    }
    this.#byReference.set(reference, added)
    return added
  }

  find(reference: string): Image | undefined {
    const byName = this.#byReference.get(reference)
    if (byName) return byName
    return this.list().find(({ id, repoDigests }) => id === reference || repoDigests.includes(reference))
  }

  list(): Image[] {
    return [...new Map([...this.#byReference.values()].map((image) => [image.id, image])).values()]
  }

  remove(reference: string): void {
    const id = this.find(reference)?.id
    for (const [name, image] of this.#byReference) if (image.id === id) this.#byReference.delete(name)
  }

  usedBytes(): number {
    return this.list().reduce((sum, { size }) => sum + size, 0)
  }
}

/** 64 hexadecimal digits that depend on the text alone (FNV-1a, repeated). */
function fakeDigest(text: string): string {
  let digest = ''
  for (let part = 0; part < 8; part++) {
    let hash = 0x811c9dc5 ^ part
    for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0
    digest += hash.toString(16).padStart(8, '0')
  }
  return digest
}
