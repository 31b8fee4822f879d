/**
 * Layers: a tar of files, made the same from the same input (sorted, no owner, fixed times), so that digests are
 * reproducible and an unchanged layer is never stored or sent twice.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { constants, createGzip, createZstdCompress } from 'node:zlib'
import { pack } from 'tar-stream'
import { type BlobStore, type Descriptor, type Digest, ImageError } from './image.ts'

/** One file of a layer. `path` is relative to the root, with forward slashes. */
export type Entry =
  | {
      readonly path: string
      readonly mode?: number
      readonly content: Uint8Array | string
      readonly uid?: number
      readonly gid?: number
    }
  | {
      readonly path: string
      readonly mode: number
      readonly file: string
      readonly size: number
      readonly uid?: number
      readonly gid?: number
    }
  | { readonly path: string; readonly link: string; readonly uid?: number; readonly gid?: number }
  | { readonly path: string; readonly directory: true; readonly mode?: number; readonly uid?: number; readonly gid?: number }

export interface Layer {
  readonly descriptor: Descriptor
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest
}

export type Compression = 'none' | 'gzip' | 'zstd'

const mediaTypes: Record<Compression, string> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
}

/** Packs the entries, with the directories they stand in, and stores the layer. */
export async function layerOf(
  blobs: BlobStore,
  entries: readonly Entry[],
  { compression }: { compression: Compression },
): Promise<Layer> {
  const hash = createHash('sha256')
  const tar = tarOf(entries)
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      hash.update(chunk)
      yield chunk
    }
  }
  const descriptor = await blobs.write(mediaTypes[compression], compress(hashed(), compression))
  return { descriptor, diffId: `sha256:${hash.digest('hex')}` }
}

function compress(source: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === 'none') return source
  const stream =
    compression === 'gzip' ? createGzip({ level: 1 }) : createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  const feed = async () => {
    for await (const chunk of source) {
      if (!stream.write(chunk)) await new Promise<void>((resume) => stream.once('drain', resume))
    }
    stream.end()
  }
  feed().catch((error) => stream.destroy(error))
  return stream
}

/** A tar in sorted order with every directory on the way declared once. */
export function tarOf(entries: readonly Entry[]): AsyncIterable<Uint8Array> {
  const out = pack()
  const feed = async () => {
    for (const entry of withDirectories(entries)) await writeEntry(out, entry)
    out.finalize()
  }
  feed().catch((error) => out.destroy(error))
  return out as unknown as AsyncIterable<Uint8Array>
}

const epoch = new Date(0)

async function writeEntry(out: ReturnType<typeof pack>, entry: Entry): Promise<void> {
  const owner = { uid: ('uid' in entry && entry.uid) || 0, gid: ('gid' in entry && entry.gid) || 0 }
  const head = { name: entry.path, mtime: epoch, ...owner }
  if ('link' in entry) {
    out.entry({ ...head, type: 'symlink', linkname: entry.link, mode: 0o777 })
  } else if ('directory' in entry) {
    out.entry({ ...head, name: `${entry.path}/`, type: 'directory', mode: entry.mode ?? 0o755 })
  } else if ('content' in entry) {
    out.entry({ ...head, mode: entry.mode ?? 0o644 }, Buffer.from(entry.content as Uint8Array))
  } else {
    await writeFile(out, entry, head)
  }
}

/** Bytes up to which a file is read at once: a stream for each would take most of the time. */
const smallFile = 1 << 18

async function writeFile(
  out: ReturnType<typeof pack>,
  entry: { file: string; size: number; mode: number },
  head: { name: string; mtime: Date; uid: number; gid: number },
): Promise<void> {
  if (entry.size <= smallFile) {
    const content = await readFile(entry.file)
    if (content.length !== entry.size) throw new ImageError('BadContext', `${entry.file} changed while it was read; try again`)
    out.entry({ ...head, mode: entry.mode }, content)
    return
  }
  await new Promise<void>((resolve, reject) => {
    const sink = out.entry({ ...head, mode: entry.mode, size: entry.size }, (error) => (error ? reject(error) : resolve()))
    createReadStream(entry.file, { highWaterMark: 1 << 20 })
      .on('error', reject)
      .pipe(sink)
  })
}

function withDirectories(entries: readonly Entry[]): Entry[] {
  const all = new Map<string, Entry>()
  for (const entry of entries) {
    const parts = entry.path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/')
      if (!all.has(path)) all.set(path, { path, directory: true })
    }
    all.set(entry.path, entry)
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * The entries of a directory on disk, placed below `at`. Symbolic links stay links; sockets and devices are left out. Modes keep only
 * whether a file is executable, so that a checkout's umask does not change the digest.
 */
export async function entriesOf(
  directory: string,
  at: string,
  leaveOut: (path: string, isDirectory: boolean) => boolean = () => false,
): Promise<Entry[]> {
  const found: Entry[] = []
  const visit = async (relative: string): Promise<void> => {
    for (const name of (await readdir(join(directory, relative))).sort()) {
      const path = relative ? `${relative}/${name}` : name
      const file = join(directory, path)
      const stat = await lstat(file)
      if (leaveOut(path, stat.isDirectory())) continue
      const target = at ? `${at}/${path}` : path
      if (stat.isSymbolicLink()) found.push({ path: target, link: await readlink(file) })
      else if (stat.isFile()) found.push({ path: target, file, size: stat.size, mode: stat.mode & 0o111 ? 0o755 : 0o644 })
      else if (stat.isDirectory()) {
        found.push({ path: target, directory: true })
        await visit(path)
      }
    }
  }
  await visit('')
  return found
}
