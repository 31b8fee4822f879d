/**
 * Debian packages that an `Aptfile` names, one a line as Heroku's apt buildpack reads it: unpacked with all that they depend on into a layer
 * below the application's. They are not installed: no script of theirs runs, no user or service is made. They are packed once, and again
 * when the Aptfile changes.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LayerPlan } from './applications/application.ts'
import { ImageError } from './image.ts'
import { entriesOf } from './layer.ts'
import type { Component } from './sbom.ts'

const run = promisify(execFile)

/** Where their programs lie, behind the application's own. */
export const packagePath = '/usr/bin:/usr/sbin:/sbin'

/** Undefined where the folder has no Aptfile. */
export async function debianPackages(directory: string, architecture: string): Promise<LayerPlan | undefined> {
  const file = join(directory, 'Aptfile')
  if (!existsSync(file)) return undefined
  const names = packageNames(await readFile(file, 'utf8'), file)
  const work = { folder: '', components: [] as Component[] }
  return {
    key: `packages-1 ${architecture} ${names.toSorted().join(' ')}`,
    async entries() {
      const packages = await closure(names, file)
      work.components = packages.map(({ name, version }) => ({ name, version, purl: `pkg:deb/debian/${name}@${version}` }))
      work.folder = await mkdtemp(join(tmpdir(), 'nami-packages-'))
      await unpack(packages, work.folder)
      return entriesOf(join(work.folder, 'root'), '', isForPeople)
    },
    components: () => work.components,
    packed: async () => {
      if (work.folder) await rm(work.folder, { recursive: true, force: true })
    },
  }
}

/** Throws for what apt would take for an option, and for what the buildpack knows besides names. */
export function packageNames(text: string, file: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim())
  const odd = lines.find((line) => line !== '' && !/^[a-z0-9][a-z0-9+.-]+$/.test(line))
  if (odd !== undefined) {
    throw new ImageError(
      'BadContext',
      `${file}:${lines.indexOf(odd) + 1}: ${odd}: one name of a Debian package a line, and no more`,
    )
  }
  return [...new Set(lines.filter(Boolean))]
}

interface Package {
  readonly name: string
  readonly version: string
}

/** As apt would install them on a machine that has nothing. */
async function closure(names: readonly string[], file: string): Promise<readonly Package[]> {
  const options = ['-o', 'Dir::State::status=/dev/null', '-o', 'Debug::NoLocking=1', '--no-install-recommends']
  const words = ['LC_ALL=C', 'apt-get', '--simulate', ...options, 'install', ...names]
  const { stdout } = await run('env', words, { maxBuffer: 64 << 20 }).catch((error) => {
    if (error.code === 127) throw new ImageError('NotFound', `${file} names Debian packages, and this machine has no apt-get`)
    const said = /^E: (.*)$/m.exec(error.stderr)?.[1] ?? error.message
    throw new ImageError('NotFound', `${file}: ${said}; type: apt-get update`, { cause: error })
  })
  return [...stdout.matchAll(/^Inst (\S+) \((\S+)/gm)].map(([, name = '', version = '']) => ({ name, version }))
}

async function unpack(packages: readonly Package[], folder: string): Promise<void> {
  const wanted = packages.map(({ name, version }) => `${name}=${version}`)
  await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...wanted], { cwd: folder }).catch((error) => {
    const said = /^E: (.*)$/m.exec(error.stderr)?.[1] ?? error.message
    throw new ImageError('NotFound', `Debian packages cannot be fetched: ${said}`, { cause: error })
  })
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.deb')).sort()) {
    await run('dpkg-deb', ['--extract', join(folder, name), join(folder, 'root')])
  }
}

/** Manuals, translations and the like: no program needs them. */
function isForPeople(path: string): boolean {
  return /^usr\/share\/(doc|man|info|locale|lintian|bash-completion|bug)$/.test(path)
}
