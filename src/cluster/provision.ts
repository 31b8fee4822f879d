/** System packages that a node needs, and how to get them; `up` installs them where it can, and otherwise says exactly what to type. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface Requirement {
  /** What is looked for: any of these paths, or programs in PATH. */
  readonly anyOf: readonly string[]
  readonly debian: string
  readonly why: string
}

export const requirements: readonly Requirement[] = [
  { anyOf: ['containerd'], debian: 'containerd', why: 'runs containers' },
  { anyOf: ['runc'], debian: 'runc', why: 'starts them' },
  {
    anyOf: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'],
    debian: 'containernetworking-plugins',
    why: 'gives pods their network',
  },
  { anyOf: ['nft'], debian: 'nftables', why: 'leads service addresses to pods' },
  { anyOf: ['ip'], debian: 'iproute2', why: 'sets up interfaces' },
  { anyOf: ['/bin/busybox', '/usr/bin/busybox'], debian: 'busybox-static', why: 'is the shell inside images that Nami builds' },
]

const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']

/** The path of a program, also in the directories that only root has in PATH. */
export function findProgram(name: string): string | undefined {
  if (name.startsWith('/')) return existsSync(name) ? name : undefined
  return searchPath.map((directory) => join(directory, name)).find((path) => existsSync(path))
}

export function missingRequirements(find = findProgram): readonly Requirement[] {
  return requirements.filter(({ anyOf }) => !anyOf.some((one) => find(one)))
}

export interface Manual {
  /** What to type, line by line. */
  readonly commands: readonly string[]
  readonly why: string
}

/** How to get the packages without us; undefined when we can install them ourselves. */
export function manualInstall(
  missing: readonly Requirement[],
  { isRoot, hasApt }: { isRoot: boolean; hasApt: boolean },
): Manual | undefined {
  if (missing.length === 0 || (isRoot && hasApt)) return undefined
  const packages = missing.map(({ debian }) => debian).join(' ')
  if (!hasApt) {
    return { why: 'this system has no apt; install these (Debian names) with its own package manager', commands: [packages] }
  }
  return { why: 'installing packages needs root', commands: [`sudo apt-get update && sudo apt-get install -y ${packages}`] }
}

export class InstallError extends Error {}

/** Installs with apt; `say` gets a line per package. The index is fetched only where the packages are not known. */
export async function install(missing: readonly Requirement[], say: (line: string) => void): Promise<void> {
  const packages = missing.map(({ debian }) => debian)
  const known = spawnSync('apt-cache', ['show', '--no-all-versions', ...packages], { encoding: 'utf8' })
  if (known.status !== 0 || packages.some((name) => !known.stdout.includes(`Package: ${name}\n`))) {
    say('fetching the list of packages')
    await apt(['update', '-qq'])
  }
  for (const { debian, why } of missing) say(`installing ${debian}, which ${why}`)
  await apt(['install', '-y', '-qq', '--no-install-recommends', ...packages])
}

async function apt(args: readonly string[]): Promise<void> {
  const options = ['-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0']
  const child = spawn('apt-get', [...options, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Debian starts services on installation; a policy of ours forbids that, since we run our own containerd.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.stderr.on('data', (chunk) => output.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (code === 0) return
  const tail = Buffer.concat(output).toString().trim().split('\n').slice(-8).join('\n')
  throw new InstallError(`apt-get ${args[0]} failed:\n${tail}`)
}
