/**
 * What a client is warned of while its request is served: each text once and, as upstream's recorder does it
 * (`endpoints/filters/warning.go`), so much in all that clients still take the header.
 */

/** Characters in all, as long as none is cut. */
const maxTotal = 4 * 1024
/** Characters of one, once some had to be cut. */
const maxCut = 256

export class Warnings {
  /** As they are sent. */
  #texts: string[] | undefined
  #seen: Set<string> | undefined
  #length = 0
  #isCut = false

  get texts(): readonly string[] {
    return this.#texts ?? none
  }

  /** Whatever comes after the header is full is dropped without being looked at. */
  add(text: string): void {
    if (text === '' || (this.#isCut && this.#length >= maxTotal)) return
    this.#seen ??= new Set()
    if (this.#seen.has(text)) return
    this.#seen.add(text)
    if (!this.#isCut && this.#length + lengthOf(text) > maxTotal) return this.#cut()
    this.#send(this.#isCut ? cut(text) : text)
  }

  #cut(): void {
    this.#isCut = true
    this.#length = 0
    this.#texts = []
    for (const text of this.#seen as Set<string>) this.#send(cut(text))
  }

  #send(text: string): void {
    this.#length += lengthOf(text)
    this.#texts ??= []
    this.#texts.push(text)
  }
}

const none: readonly string[] = []

/** Upstream counts code points; half of a surrogate pair could not be sent. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}

function cut(text: string): string {
  return text.length <= maxCut ? text : [...text.slice(0, 2 * maxCut)].slice(0, maxCut).join('')
}
