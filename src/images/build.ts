/**
 * Builds an image from a folder with a Node.js application: no Docker, no Dockerfile, no registry. Two layers: the runtime, made
 * once per Node version, and the application. Equal content gives an equal digest.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { assemble } from './assemble.ts'
import { type Image, ImageError } from './image.ts'
import { type Entry, entriesOf, type Layer, layerOf } from './layer.ts'
import type { Layout } from './layout.ts'
import { type RuntimeSources, runtimeEntries, runtimeKey } from './runtime-layer.ts'

export interface BuildOptions {
  readonly directory: string
  readonly runtime: RuntimeSources
  readonly architecture: string
  readonly onProgress?: (line: string) => void
}

export interface BuiltImage {
  readonly image: Image
  /** Ten digits of the content's digest: a tag that changes exactly when the image does. */
  readonly tag: string
}

/** Throws ImageError with what to do when the folder is no application that can be built. */
export async function buildApplication(
  layout: Layout,
  { directory, runtime, architecture, onProgress }: BuildOptions,
): Promise<BuiltImage> {
  const start = await startCommand(directory)
  const base = await cachedLayer(layout, await runtimeKey(runtime), async () => {
    onProgress?.('packing the Node.js runtime (once)')
    return layerOf(layout, await runtimeEntries(runtime), { compression: 'zstd' })
  })
  onProgress?.(`packing ${basename(resolve(directory))}`)
  const application = await layerOf(layout, await applicationEntries(directory), { compression: 'zstd' })
  const image = await assemble(layout, {
    architecture,
    layers: [base, application],
    config: {
      Env: ['PATH=/usr/local/bin:/app/node_modules/.bin:/bin', 'NODE_ENV=production', 'HOME=/home/node'],
      Entrypoint: start,
      WorkingDir: '/app',
      User: '1000:1000',
    },
  })
  return { image, tag: image.descriptor.digest.slice(7, 17) }
}

/** The program that `npm start` would run, without npm in between, so that signals reach it. */
async function startCommand(directory: string): Promise<readonly string[]> {
  const file = join(directory, 'package.json')
  if (!existsSync(file)) {
    throw new ImageError(
      'NotFound',
      `${directory} has no package.json; Nami builds Node.js applications: put one there with a "start" script`,
    )
  }
  const { scripts, main, dependencies } = parsePackage(file, await readFile(file, 'utf8'))
  if (Object.keys(dependencies ?? {}).length > 0 && !existsSync(join(directory, 'node_modules'))) {
    throw new ImageError('NotFound', `the dependencies of ${directory} are not installed; type: npm ci --prefix ${directory}`)
  }
  const start = scripts?.start
  if (start) {
    const words = start.trim().split(/\s+/)
    return words[0] === 'node' && !/["'$&|;<>()`*]/.test(start)
      ? ['/usr/local/bin/node', ...words.slice(1)]
      : ['/bin/sh', '-c', start]
  }
  const entry = [main, 'server.js', 'index.js'].find((name) => name && existsSync(join(directory, name)))
  if (!entry) throw new ImageError('NotFound', `${file} names no "start" script and no "main" file that exists`)
  return ['/usr/local/bin/node', entry]
}

interface PackageFile {
  readonly scripts?: { readonly start?: string }
  readonly main?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function parsePackage(file: string, text: string): PackageFile {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ImageError('BadManifest', `${file}: ${(error as Error).message}`, { cause: error })
  }
}

const neverInImages = new Set(['.git', '.hg', '.svn', '.DS_Store', '.env', 'npm-debug.log'])

async function applicationEntries(directory: string): Promise<Entry[]> {
  const ignored = await ignoreList(directory)
  const leaveOut = (path: string) => neverInImages.has(basename(path)) || ignored.some((pattern) => pattern.test(path))
  return [{ path: 'app', directory: true }, ...(await entriesOf(directory, 'app', leaveOut))]
}

/** Patterns of `.dockerignore`: `*`, `**` and `?`; later `!` lines are not known and refused rather than misread. */
async function ignoreList(directory: string): Promise<RegExp[]> {
  const file = join(directory, '.dockerignore')
  const text = existsSync(file) ? await readFile(file, 'utf8') : ''
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'))
  const negated = lines.find((line) => line.startsWith('!'))
  if (negated) throw new ImageError('BadManifest', `${file}: lines that begin with "!" are not supported: ${negated}`)
  return lines.map((line) => {
    const pattern = line.replace(/^\/|\/$/g, '').replace(/[.+^${}()|[\]\\]/g, '\\$&')
    return new RegExp(
      `^${pattern
        .replace(/\*\*\/?/g, '\0')
        .replace(/\*/g, '[^/]*')
        .replace(/\?/g, '[^/]')
        .replace(/\0/g, '(?:.*/)?')}(?:/|$)`,
    )
  })
}

/** Remembers layers by what they were made from, beside the layout's blobs. */
async function cachedLayer(layout: Layout, key: string, make: () => Promise<Layer>): Promise<Layer> {
  const file = join(layout.directory, `layer-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`)
  const known: Layer | undefined = existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : undefined
  if (known && (await layout.has(known.descriptor.digest))) return known
  const layer = await make()
  await writeFile(`${file}.partial`, JSON.stringify(layer))
  await rename(`${file}.partial`, file)
  return layer
}
