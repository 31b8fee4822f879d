/** Node.js applications: runtime, dependencies as the lock file has them, source. */
import { createHash } from 'node:crypto'
import { existsSync, readlinkSync } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ImageError } from '../image.ts'
import { entriesOf } from '../layer.ts'
import { runtimeEntries, runtimeKey } from '../runtime-layer.ts'
import type { Component } from '../sbom.ts'
import { type ApplicationKind, type ApplicationPlan, commandOf, type LayerPlan, webProcess } from './application.ts'

export const nodeApplication: ApplicationKind = {
  name: 'Node.js',
  isIn: (directory) => existsSync(join(directory, 'package.json')),

  async plan(directory, { runtime, base, isForDevelopment }): Promise<ApplicationPlan> {
    const start = await startLine(directory)
    const lock = await readLock(directory)
    const installed = await readInstalled(directory)
    checkInstalled(directory, lock, installed)
    const needsDev = lock !== undefined && startsWithDevTool(directory, start, lock)
    const isDevKept = isForDevelopment || needsDev
    const dependencies = existsSync(join(directory, 'node_modules'))
      ? await dependencyLayer(directory, { lock, isDevKept })
      : undefined
    const node = base ? 'node' : '/usr/local/bin/node'
    return {
      ...(!base && { runtime: { key: await runtimeKey(runtime), entries: () => runtimeEntries(runtime) } }),
      ...(dependencies && { dependencies }),
      apart: ['node_modules'],
      command: commandOf(start, { node }),
      env: [`NODE_ENV=${isForDevelopment ? 'development' : 'production'}`],
      components: componentsOf(lock, isDevKept),
      ...(needsDev &&
        !isForDevelopment && { notes: [`"${start}" needs development dependencies: all of them are in the image`] }),
    }
  },
}

interface PackageFile {
  readonly scripts?: { readonly start?: string }
  readonly main?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The program that `npm start` would run, without npm in between, so that signals reach it. */
async function startLine(directory: string): Promise<string> {
  const file = join(directory, 'package.json')
  const { scripts, main, dependencies } = parseJson<PackageFile>(file, await readFile(file, 'utf8'))
  if (Object.keys(dependencies ?? {}).length > 0 && !existsSync(join(directory, 'node_modules'))) {
    throw new ImageError('NotFound', `the dependencies of ${directory} are not installed; type: npm ci --prefix ${directory}`)
  }
  const procfile = join(directory, 'Procfile')
  const web = existsSync(procfile) ? webProcess(await readFile(procfile, 'utf8')) : undefined
  const start = web ?? scripts?.start
  if (start) return start.trim()
  const entry = [main, 'server.js', 'index.js', 'server.ts', 'index.ts'].find((name) => name && existsSync(join(directory, name)))
  if (!entry) throw new ImageError('NotFound', `${file} names no "start" script and no "main" file that exists`)
  return `node ${entry}`
}

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
  readonly link?: boolean
  readonly license?: string
}

type Lock = Readonly<Record<string, LockedPackage>>

/** Of npm, version 2 or 3: others say the same in other words, and are then not read. */
async function readLock(directory: string): Promise<Lock | undefined> {
  const file = ['npm-shrinkwrap.json', 'package-lock.json'].map((name) => join(directory, name)).find(existsSync)
  return file ? parseJson<{ packages?: Lock }>(file, await readFile(file, 'utf8')).packages : undefined
}

async function readInstalled(directory: string): Promise<Lock | undefined> {
  const file = join(directory, 'node_modules/.package-lock.json')
  return existsSync(file) ? parseJson<{ packages?: Lock }>(file, await readFile(file, 'utf8')).packages : undefined
}

/** An image must hold what the lock file says, not what somebody installed some day. */
function checkInstalled(directory: string, lock: Lock | undefined, installed: Lock | undefined): void {
  if (!lock || !installed) return
  const differing = Object.entries(lock).filter(([path, { version, dev, optional, devOptional, link }]) => {
    if (!path.startsWith('node_modules/') || dev || optional || devOptional || link) return false
    return installed[path]?.version !== version
  })
  const [first] = differing
  if (!first) return
  const [path, { version }] = first
  throw new ImageError(
    'BadContext',
    `${directory}: node_modules is not what package-lock.json says (${path.slice('node_modules/'.length)} ${version ?? ''}, and ${differing.length - 1} more); type: npm ci --prefix ${directory}`,
  )
}

function startsWithDevTool(directory: string, start: string, lock: Lock): boolean {
  const word = start.replace(/^npx\s+/, '').split(/\s+/)[0] ?? ''
  const bin = join(directory, 'node_modules/.bin', basename(word))
  try {
    const path = /^\.\.\/((?:@[^/]+\/)?[^/]+)/.exec(readlinkSync(bin))?.[1]
    return path !== undefined && lock[`node_modules/${path}`]?.dev === true
  } catch {
    return false
  }
}

interface DependencyOptions {
  readonly lock: Lock | undefined
  readonly isDevKept: boolean
}

async function dependencyLayer(directory: string, { lock, isDevKept }: DependencyOptions): Promise<LayerPlan> {
  const root = join(directory, 'node_modules')
  const left = isDevKept ? [] : Object.entries(lock ?? {}).filter(([, { dev }]) => dev)
  const leftOut = new Set(left.map(([path]) => path.slice('node_modules/'.length)))
  const isLeftOut = (path: string) => {
    if (path === '.cache' || path === '.package-lock.json' || leftOut.has(path)) return true
    const link = /^\.bin\//.test(path) ? linkTarget(join(root, path)) : undefined
    return link !== undefined && leftOut.has(link)
  }
  return {
    key: `dependencies-1 ${isDevKept} ${await installationKey(root)}`,
    entries: async () => [{ path: 'app', directory: true }, ...(await entriesOf(root, 'app/node_modules', isLeftOut))],
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return /^\.\.\/((?:@[^/]+\/)?[^/]+)/.exec(readlinkSync(path))?.[1]
  } catch {
    return undefined
  }
}

/**
 * Two installations with equal keys hold the same files. npm writes what it installed into a file; who installs otherwise, or changes a
 * package by hand at its top level, is noticed by the times of the folders.
 */
async function installationKey(root: string): Promise<string> {
  const hash = createHash('sha256').update(root)
  const written = join(root, '.package-lock.json')
  const hasRecord = existsSync(written)
  if (hasRecord) hash.update(await readFile(written))
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const name of (await readdir(folder)).sort()) {
      if (name === '.cache') continue
      const path = join(folder, name)
      const stat = await lstat(path)
      hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
      if (stat.isDirectory() && depth > 0) await visit(path, depth - 1)
    }
  }
  await visit(root, hasRecord ? 1 : Number.POSITIVE_INFINITY)
  return hash.digest('hex')
}

function componentsOf(lock: Lock | undefined, isDevKept: boolean): Component[] {
  return Object.entries(lock ?? {}).flatMap(([path, { version, dev, integrity, license, resolved }]) => {
    const name = path.split('node_modules/').at(-1) ?? ''
    if (!path.startsWith('node_modules/') || !version || (dev && !isDevKept)) return []
    return [
      {
        ...{ name, version, purl: `pkg:npm/${name.replace(/^@/, '%40')}@${version}` },
        ...(integrity && { integrity }),
        ...(license && { license }),
        ...(resolved && { source: resolved }),
      },
    ]
  })
}

function parseJson<T>(file: string, text: string): T {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ImageError('BadManifest', `${file}: ${(error as Error).message}`, { cause: error })
  }
}
