/**
 * Builds an image from a folder with an application: no Docker, no Dockerfile, no registry. Layers by how often they change: the runtime,
 * the dependencies, the source. Equal content gives an equal digest.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { ApplicationKind, ApplicationPlan, LayerPlan } from './applications/application.ts'
import { nodeApplication } from './applications/node.ts'
import { pythonApplication } from './applications/python.ts'
import { staticSite } from './applications/static.ts'
import { assemble } from './assemble.ts'
import { attach } from './attach.ts'
import { placed, readContext } from './context.ts'
import { debianPackages, packagePath } from './debian-packages.ts'
import { type Guess, guess } from './guess.ts'
import { type Image, type ImageConfig, ImageError } from './image.ts'
import { type Entry, type Layer, layerOf } from './layer.ts'
import type { Layout } from './layout.ts'
import { inTotoType, provenanceOf } from './provenance.ts'
import type { RuntimeSources } from './runtime-layer.ts'
import { billOfMaterials, type Component, spdxType } from './sbom.ts'

export interface BuildOptions {
  readonly directory: string
  readonly runtime: RuntimeSources
  readonly architecture: string
  /** Stands in for this machine's runtime. */
  readonly base?: Image | undefined
  /** Development dependencies are kept, and the source belongs to the application's user, who may then change it. */
  readonly isForDevelopment?: boolean
  readonly onProgress?: (line: string) => void
}

export interface BuiltImage {
  readonly image: Image
  /** Ten digits of the content's digest: a tag that changes exactly when the image does. */
  readonly tag: string
  readonly guess: Guess
}

/** In the order in which they are looked for. */
const kinds: readonly ApplicationKind[] = [nodeApplication, pythonApplication, staticSite]

/** Throws ImageError with what to do when the folder is no application that can be built. */
export async function buildApplication(layout: Layout, options: BuildOptions): Promise<BuiltImage> {
  const { directory, runtime, base, onProgress } = options
  const kind = kindOf(directory)
  const plan = await kind.plan(directory, { runtime, base, isForDevelopment: options.isForDevelopment ?? false })
  const context = await readContext(directory, { apart: plan.apart })
  for (const note of [...(plan.notes ?? []), ...context.notes]) onProgress?.(note)
  const guessed = await guess(context.entries)
  const packages = await debianPackages(directory, options.architecture)
  const lowest =
    packages && (await cachedLayer(layout, packages, () => onProgress?.('packing Debian packages (until Aptfile changes)')))
  const below =
    plan.runtime && (await cachedLayer(layout, plan.runtime, () => onProgress?.(`packing the ${kind.name} runtime (once)`)))
  const dependencies =
    plan.dependencies &&
    (await cachedLayer(layout, plan.dependencies, () => onProgress?.('packing the dependencies (until they change)')))
  onProgress?.(`packing ${basename(resolve(directory))}`)
  const entries: Entry[] = [{ path: 'app', directory: true }, ...placed(context.entries, 'app')]
  const owned = options.isForDevelopment ? entries.map((entry) => ({ ...entry, uid: 1000, gid: 1000 })) : entries
  const source = await layerOf(layout, owned, { compression: 'zstd' })
  const image = await assemble(layout, {
    architecture: base?.config.architecture ?? options.architecture,
    layers: [...layersOf(base), ...[lowest, below, dependencies, source].filter((layer) => layer !== undefined)],
    config: configOf(plan, { base, guessed, hasPackages: packages !== undefined }),
  })
  const name = basename(resolve(directory))
  await attach(layout, image, {
    type: spdxType,
    document: billOfMaterials({ name, digest: image.descriptor.digest }, [...(lowest?.components ?? []), ...plan.components]),
  })
  const statement = provenanceOf({
    ...{ name, image, kind: kind.name, source: source.descriptor },
    ...{ dependencies: dependencies?.descriptor, base: base?.descriptor },
  })
  await attach(layout, image, { type: inTotoType, document: statement })
  return { image, tag: image.descriptor.digest.slice(7, 17), guess: guessed }
}

function kindOf(directory: string): ApplicationKind {
  const kind = kinds.find((one) => one.isIn(directory))
  if (kind) return kind
  throw new ImageError(
    'NotFound',
    `${directory} has no package.json, no Python program (app.py, main.py, requirements.txt) and no index.html: Nami does not know how to build it. Put a Dockerfile there, or a package.json with a "start" script`,
  )
}

function layersOf(base: Image | undefined): Layer[] {
  return (base?.manifest.layers ?? []).map((descriptor, index) => {
    const diffId = base?.config.rootfs.diff_ids[index]
    if (!diffId) throw new ImageError('BadManifest', 'the base image has more layers than its configuration says')
    return { descriptor, diffId }
  })
}

interface Around {
  readonly base: Image | undefined
  readonly guessed: Guess
  readonly hasPackages: boolean
}

function configOf(plan: ApplicationPlan, { base, guessed, hasPackages }: Around): ImageConfig['config'] {
  const below = base?.config.config
  const path = `/usr/local/bin:/app/node_modules/.bin:/bin${hasPackages ? `:${packagePath}` : ''}`
  const own = base ? [] : [`PATH=${path}`, 'HOME=/home/node']
  const labels = {
    ...(guessed.port && { 'dev.nami.port': String(guessed.port) }),
    ...(guessed.health && { 'dev.nami.health': guessed.health }),
  }
  return {
    Env: [...(below?.Env ?? []), ...own, ...plan.env],
    // Not the entry point: what somebody runs in the image instead stands in for it, and is not appended.
    ...(below?.Entrypoint && { Entrypoint: below.Entrypoint }),
    Cmd: plan.command,
    WorkingDir: '/app',
    // An image that runs as root by default does not do so for an application.
    User: below?.User && !/^(0|root)(:|$)/.test(below.User) ? below.User : '1000:1000',
    ...(guessed.port && { ExposedPorts: { [`${guessed.port}/tcp`]: {} } }),
    ...(Object.keys(labels).length > 0 && { Labels: labels }),
  }
}

interface CachedLayer extends Layer {
  readonly components?: readonly Component[]
}

/** Remembers layers by what they were made from, beside the layout's blobs. */
async function cachedLayer(layout: Layout, plan: LayerPlan, onMake: () => void): Promise<CachedLayer> {
  const file = join(layout.directory, `layer-${createHash('sha256').update(plan.key).digest('hex').slice(0, 16)}.json`)
  const known: CachedLayer | undefined = existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : undefined
  if (known && (await layout.has(known.descriptor.digest))) return known
  onMake()
  try {
    const layer = await layerOf(layout, await plan.entries(), { compression: 'zstd' })
    const components = plan.components?.()
    const made: CachedLayer = { ...layer, ...(components && { components }) }
    await writeFile(`${file}.partial`, JSON.stringify(made))
    await rename(`${file}.partial`, file)
    return made
  } finally {
    await plan.packed?.()
  }
}
