/**
 * A backup: one file with everything that the store holds at one revision, whichever engine keeps it, in the form in which it is
 * stored (encrypted stays encrypted).
 *
 * A line of JSON (`BackupHead`), then for each row the length of its head (4 bytes, big-endian), the head as JSON and the value, then
 * four bytes 0 and the SHA-256 of all before.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { nextTurn } from '#lib/turn.ts'
import { everyKey, hasCode, type Lease, type Row, type Store, StoreError } from './store.ts'

export interface BackupHead {
  readonly kind: 'nami-backup'
  readonly version: number
  /** Uid of the namespace kube-system, which is what tells clusters apart. */
  readonly cluster: string
  /** Of the state. */
  readonly revision: number
  /** RFC 3339. */
  readonly created: string
  readonly rows: number
  readonly leases: readonly Lease[]
  /** Keys and certificates of the cluster's authorities in PEM, by the names of their files; absent unless they were asked for. */
  readonly keys?: Readonly<Record<string, string>>
}

/** Raised with every change that older programs cannot read. */
export const backupVersion = 1

/** Added to the revision when a state is put in the place of another: as etcd recommends, more than anybody wrote in between. */
export const bump = 1_000_000_000

export class BackupError extends Error {}

const pageSize = 10_000

/**
 * The backup of now, in chunks; consistent, and nobody waits for it. An engine that holds its state in this process may compact it
 * meanwhile; of another one, etcd, what is not read within 5 minutes can be lost, which throws `StoreError('Compacted')`.
 */
export async function* backupOf(
  store: Store,
  about: Pick<BackupHead, 'cluster' | 'created' | 'keys'>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  const { count, revision, rows } = store.peek ? await collected(store) : await counted(store)
  const leases = await store.leases()
  const head: BackupHead = { kind: 'nami-backup', version: backupVersion, ...about, revision, rows: count, leases }
  yield hashed(Buffer.from(`${JSON.stringify(head)}\n`))
  for await (const page of rows) {
    for (const row of page) for (const chunk of recordOf(row)) yield hashed(chunk)
  }
  yield hashed(new Uint8Array(4))
  yield hash.digest()

  function hashed(chunk: Uint8Array): Uint8Array {
    hash.update(chunk)
    return chunk
  }
}

interface State {
  readonly count: number
  readonly revision: number
  readonly rows: Iterable<readonly Row[]> | AsyncIterable<readonly Row[]>
}

const mostTries = 10

/** The rows that are there anyway, taken hold of at once: a client may be slow, and compaction waits for none. */
async function collected(store: Store): Promise<State> {
  for (let tries = 1; ; tries++) {
    const { count, revision } = await store.range({ ...everyKey, countOnly: true })
    try {
      const rows: (readonly Row[])[] = []
      for await (const page of pagesAt(store, { count, revision })) {
        rows.push(page)
        await nextTurn()
      }
      return { count, revision, rows }
    } catch (error) {
      if (!hasCode(error, 'Compacted') || tries === mostTries) throw error
    }
  }
}

async function counted(store: Store): Promise<State> {
  const { count, revision } = await store.range({ ...everyKey, countOnly: true })
  return { count, revision, rows: pagesAt(store, { count, revision }) }
}

async function* pagesAt(store: Store, { count, revision }: { count: number; revision: number }): AsyncGenerator<readonly Row[]> {
  let key: string = everyKey.key
  for (let left = count; left > 0; ) {
    const { rows } = await store.range({ ...everyKey, key, revision, limit: pageSize })
    if (rows.length === 0) throw new StoreError('Compacted', 'the store lost the state that was being backed up')
    yield rows
    left -= rows.length
    key = `${rows.at(-1)?.key}\0`
  }
}

function recordOf({ value, isStale: _, ...facts }: Row): Uint8Array[] {
  const head = Buffer.from(JSON.stringify({ ...facts, size: value.byteLength }))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(head.byteLength)
  return [length, head, value]
}

/** Reads all of the file and checks it; throws `BackupError`, which says what is wrong. */
export async function checkBackup(path: string): Promise<BackupHead> {
  const hash = createHash('sha256')
  const file = await open(path).catch((error) => {
    throw new BackupError(`${path} cannot be read: ${error.message}`, { cause: error })
  })
  try {
    const reader = new Reader(file, path, (chunk) => hash.update(chunk))
    const head = await readHead(reader, path)
    let rows = 0
    while (await readRow(reader)) rows++
    const expected = hash.copy().digest()
    const found = await reader.take(32)
    if (!expected.equals(found)) throw new BackupError(`${path} is damaged: its checksum is wrong`)
    if (rows !== head.rows) throw new BackupError(`${path} is damaged: it has ${rows} of ${head.rows} rows`)
    return head
  } finally {
    await file.close()
  }
}

/** The rows of a file that `checkBackup` found sound. */
export async function* backupRows(path: string): AsyncGenerator<Row> {
  const file = await open(path)
  try {
    const reader = new Reader(file, path, () => {})
    await readHead(reader, path)
    for (let row = await readRow(reader); row; row = await readRow(reader)) yield row
  } finally {
    await file.close()
  }
}

async function readHead(reader: Reader, path: string): Promise<BackupHead> {
  const foreign = new BackupError(`${path} is no backup of Nami`)
  const line = await reader.line()
  let head: BackupHead
  try {
    head = JSON.parse(line ?? '')
  } catch {
    throw foreign
  }
  if (head?.kind !== 'nami-backup') throw foreign
  if (head.version > backupVersion) {
    throw new BackupError(`${path} is of a newer Nami (format ${head.version}, this one knows ${backupVersion})`)
  }
  return head
}

async function readRow(reader: Reader): Promise<Row | undefined> {
  const length = (await reader.take(4)).readUInt32BE()
  if (length === 0) return undefined
  if (length > 1 << 20) throw reader.damaged()
  const text = (await reader.take(length)).toString()
  let facts: Omit<Row, 'value'> & { size: number }
  try {
    facts = JSON.parse(text)
  } catch {
    throw reader.damaged()
  }
  const { size, ...rest } = facts
  if (!(size >= 0 && size < 1 << 30)) throw reader.damaged()
  return { ...rest, value: new Uint8Array(await reader.take(size)) }
}

const bufferSize = 1 << 20

class Reader {
  #file: Awaited<ReturnType<typeof open>>
  #path: string
  #seen: (chunk: Uint8Array) => void
  #buffer: Buffer = Buffer.alloc(0)

  constructor(file: Awaited<ReturnType<typeof open>>, path: string, seen: (chunk: Uint8Array) => void) {
    this.#file = file
    this.#path = path
    this.#seen = seen
  }

  damaged(): BackupError {
    return new BackupError(`${this.#path} is damaged: a row cannot be read`)
  }

  async take(size: number): Promise<Buffer> {
    while (this.#buffer.byteLength < size) {
      if (!(await this.#fill(size))) throw new BackupError(`${this.#path} is damaged: it is cut off`)
    }
    const taken = this.#buffer.subarray(0, size)
    this.#buffer = this.#buffer.subarray(size)
    this.#seen(taken)
    return taken
  }

  /** Undefined where the beginning of the file is no line of a sensible length. */
  async line(): Promise<string | undefined> {
    while (this.#buffer.indexOf(10) < 0) {
      if (this.#buffer.byteLength > 64 * bufferSize || !(await this.#fill(bufferSize))) return undefined
    }
    return (await this.take(this.#buffer.indexOf(10) + 1)).toString()
  }

  async #fill(wanted: number): Promise<boolean> {
    const chunk = Buffer.allocUnsafe(Math.max(bufferSize, wanted))
    const { bytesRead } = await this.#file.read(chunk, 0, chunk.byteLength)
    this.#buffer = Buffer.concat([this.#buffer, chunk.subarray(0, bytesRead)])
    return bytesRead > 0
  }
}
