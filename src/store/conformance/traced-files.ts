/** The files of a traced process, rebuilt from its calls: as they were at any instant, and as a power cut would leave them. */
import type { Random } from '#lib/random.ts'
import type { Traced } from './traced-calls.ts'

type Change = Extract<Traced, { type: 'write' | 'truncate' }>

/** A file on the disk: what is sure to be there, and changes since, of which any part may have got there. */
interface Stored {
  durable: Buffer
  since: readonly { readonly change: Change; hasReturned: boolean }[]
}

/** A name that was made or taken away, which the disk may not know yet. `before`: what had the name. */
interface Renaming {
  readonly file: string
  readonly call: number
  readonly before: Stored | undefined
  hasReturned: boolean
}

const sector = 512

/**
 * Assumes of a disk no more than POSIX promises: a sync holds what had returned before it began, names are on the disk when
 * their folder was synced, and of everything else any sectors and any names may be there, in any order.
 */
export class TracedFiles {
  /** What the kernel holds. */
  #now = new Map<string, Buffer>()
  #stored = new Map<string, Stored>()
  #names: Renaming[] = []
  /** What a sync that is under way will hold. */
  #covered = new Map<number, { readonly file: string; readonly changes: Set<Change>; readonly names: Set<Renaming> }>()

  /** Begins with files that are on the disk. */
  constructor(files: ReadonlyMap<string, Buffer> = new Map()) {
    for (const [file, bytes] of files) {
      this.#now.set(file, Buffer.from(bytes))
      this.#stored.set(file, { durable: Buffer.from(bytes), since: [] })
    }
  }

  apply(traced: Traced): void {
    switch (traced.type) {
      case 'out':
        return
      case 'write':
      case 'truncate':
        return this.#change(traced)
      case 'create':
        if (!this.#now.has(traced.file)) this.#rename(traced, { durable: Buffer.alloc(0), since: [] })
        return
      case 'unlink':
        return this.#rename(traced)
      case 'sync':
      case 'syncNames':
        return this.#cover(traced)
      case 'returned':
        return this.#returned(traced)
    }
  }

  /** What a process that is killed leaves behind. */
  killed(): Map<string, Buffer> {
    return this.#now
  }

  /** What a power cut leaves: of everything not yet synced, any sectors and any names. */
  cut(random: Random): Map<string, Buffer> {
    const keep = random.next() < 0.2 ? 0 : random.next()
    const files = new Map<string, Buffer>()
    const names = new Set([...this.#stored.keys(), ...this.#names.map(({ file }) => file)])
    for (const file of names) {
      // Of one name the changes come in order.
      const pending = this.#names.filter((one) => one.file === file)
      const lost = pending.findIndex(() => random.next() >= keep)
      const stored = lost < 0 ? this.#stored.get(file) : pending[lost]?.before
      if (stored) files.set(file, cutOf(stored, random, keep))
    }
    return files
  }

  #change(change: Change): void {
    const { file } = change
    this.#now.set(file, changed(this.#now.get(file), change))
    const stored = this.#stored.get(file) ?? { durable: Buffer.alloc(0), since: [] }
    stored.since = [...stored.since, { change, hasReturned: false }]
    this.#stored.set(file, stored)
  }

  #rename({ file, call }: { file: string; call: number }, after?: Stored): void {
    this.#names.push({ file, call, before: this.#stored.get(file), hasReturned: false })
    if (after) this.#stored.set(file, after)
    else this.#stored.delete(file)
    if (after) this.#now.set(file, Buffer.alloc(0))
    else this.#now.delete(file)
  }

  #cover(sync: Extract<Traced, { type: 'sync' | 'syncNames' }>): void {
    const file = sync.type === 'sync' ? sync.file : ''
    const changes = (this.#stored.get(file)?.since ?? []).filter(({ hasReturned }) => hasReturned).map(({ change }) => change)
    const names = sync.type === 'sync' ? [] : this.#names.filter((one) => one.hasReturned && isIn(one.file, sync.folder))
    this.#covered.set(sync.call, { file, changes: new Set(changes), names: new Set(names) })
  }

  #returned({ call, file }: { call: number; file: string }): void {
    const covered = this.#covered.get(call)
    if (!covered) {
      for (const one of this.#stored.get(file)?.since ?? []) if (one.change.call === call) one.hasReturned = true
      for (const one of this.#names) if (one.call === call) one.hasReturned = true
      return
    }
    this.#covered.delete(call)
    this.#names = this.#names.filter((one) => !covered.names.has(one))
    const stored = this.#stored.get(covered.file)
    if (!stored) return
    for (const { change } of stored.since) if (covered.changes.has(change)) stored.durable = changed(stored.durable, change)
    stored.since = stored.since.filter(({ change }) => !covered.changes.has(change))
  }
}

function isIn(file: string, folder: string): boolean {
  return folder === '' || file.startsWith(`${folder}/`)
}

function cutOf({ durable, since }: Stored, random: Random, keep: number): Buffer {
  let bytes: Buffer = Buffer.from(durable)
  for (const { change } of since) {
    if (change.type === 'truncate') {
      if (random.next() < keep) bytes = changed(bytes, change)
      continue
    }
    for (let at = 0; at < change.data.byteLength; at += sector) {
      const data = change.data.subarray(at, at + sector)
      if (random.next() < keep) bytes = changed(bytes, { ...change, offset: change.offset + at, data })
    }
  }
  return bytes
}

/** The same bytes where they suffice. */
function changed(bytes: Buffer = Buffer.alloc(0), change: Change): Buffer {
  if (change.type === 'truncate') {
    const cut = Buffer.alloc(change.size)
    bytes.copy(cut)
    return cut
  }
  const end = change.offset + change.data.byteLength
  const grown = bytes.byteLength >= end ? bytes : Buffer.concat([bytes, Buffer.alloc(end - bytes.byteLength)])
  change.data.copy(grown, change.offset)
  return grown
}
