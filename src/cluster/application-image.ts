/** An application folder's image: built, kept in the cluster's layout, and brought into the node's runtime. */
import { createWriteStream, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { writeArchive } from '#images/archive.ts'
import { buildApplication } from '#images/build.ts'
import type { Image } from '#images/image.ts'
import { openLayout } from '#images/layout.ts'
import { ApplicationError } from './application-error.ts'
import type { DataDirectory } from './data-directory.ts'
import { findProgram } from './provision.ts'

export interface Importer {
  /** Whether the runtime has the image. */
  has(reference: string): Promise<boolean>
  /** Imports an archive from this path. */
  load(path: string): void
}

export interface Built {
  /** `localhost/<folder>:<tag>`; the tag follows from the content. */
  readonly reference: string
  readonly image: Image
}

/** Builds the folder's image and keeps it in the cluster's layout. */
export async function build(
  application: string,
  { images }: DataDirectory,
  say: (line: string) => void,
  base?: Image,
): Promise<Built> {
  const busybox = findProgram('/bin/busybox') ?? findProgram('busybox')
  if (!busybox) throw new ApplicationError('busybox is not installed.', ['apt-get install -y busybox-static'])
  const layout = await openLayout(images)
  const { image, tag } = await buildApplication(layout, {
    directory: application,
    runtime: { node: process.execPath, busybox },
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    base,
    onProgress: say,
  })
  const reference = `localhost/${basename(resolve(application))}:${tag}`
  await layout.tag(reference, image)
  return { reference, image }
}

/** Brings the image into the runtime, where it is not there already. */
export async function importBuilt(
  { reference, image }: Built,
  { run, containerd }: Pick<DataDirectory, 'run' | 'containerd'>,
  importer: Importer,
): Promise<void> {
  if (await importer.has(reference)) return
  const archive = join(run, `image-${image.descriptor.digest.slice(7, 17)}.tar`)
  const content = join(containerd.root, 'io.containerd.content.v1.content/blobs/sha256')
  const load = async (isThere: (digest: string) => boolean) => {
    await pipeline(await writeArchive([{ reference, image }], isThere), createWriteStream(archive))
    importer.load(archive)
  }
  try {
    // Only what the runtime lacks; all of it, should the runtime have thrown away something meanwhile.
    await load((digest) => existsSync(join(content, digest.slice('sha256:'.length)))).catch(() => load(() => false))
  } finally {
    await rm(archive, { force: true })
  }
}
