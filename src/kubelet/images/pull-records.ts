/** With which credentials the agent pulled an image, so that a private image does not serve pods without them (KEP-2535). */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Image id to hashes of the credentials that pulled it; an empty list: no credential was needed.
 * An image that is not in it was there before the agent and serves everyone (policy NeverVerifyPreloadedImages).
 */
export class PullRecords {
  readonly #file: string | undefined
  readonly #records: Map<string, string[]>

  constructor(file?: string) {
    this.#file = file
    this.#records = new Map(file ? load(file) : [])
  }

  mayUse(imageId: string, credentials: readonly string[]): boolean {
    const hashes = this.#records.get(imageId)
    if (!hashes || hashes.length === 0) return true
    return credentials.some((credential) => hashes.includes(credential))
  }

  pulled(imageId: string, credential: string | undefined): void {
    const known = this.#records.get(imageId)
    if (credential === undefined) this.#records.set(imageId, [])
    else if (known?.length !== 0) this.#records.set(imageId, [...new Set([...(known ?? []), credential])])
    this.#save()
  }

  #save(): void {
    if (!this.#file) return
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#records)), { mode: 0o600 })
    renameSync(`${this.#file}.new`, this.#file)
  }
}

/** A file that cannot be read counts as empty. */
function load(file: string): [string, string[]][] {
  try {
    return Object.entries(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return []
  }
}
