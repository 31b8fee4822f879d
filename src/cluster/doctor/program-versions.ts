/** Whether containerd and runc are recent enough. */
import type { Check, Machine, Problem } from './check.ts'

/** The oldest that a node was run with: CRI `runtime.v1` came with containerd 1.6, settled cgroups with runc 1.0. */
const oldest: readonly (readonly [string, readonly [number, number]])[] = [
  ['containerd', [1, 6]],
  ['runc', [1, 0]],
]

export const programVersions: Check = {
  name: 'versions',
  about: 'versions of containerd and runc',
  needs: ['node'],

  async run({ machine }) {
    const found = await Promise.all(
      oldest.map(async ([program, wanted]) => {
        const version = await versionOf(machine, program)
        return version && isOlder(version, wanted) ? [tooOld(program, version, wanted)] : []
      }),
    )
    return found.flat()
  },
}

/** Undefined where it is not installed, or prints something unknown. */
async function versionOf(machine: Machine, program: string): Promise<readonly [number, number] | undefined> {
  if (!machine.find(program)) return undefined
  const { stdout } = await machine.run(program, ['--version'])
  const match = /(?:\s|^)v?(\d+)\.(\d+)\.\d+/.exec(stdout)
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

function isOlder([major, minor]: readonly [number, number], [wantedMajor, wantedMinor]: readonly [number, number]): boolean {
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}

function tooOld(program: string, version: readonly number[], wanted: readonly number[]): Problem {
  return {
    problem: `${program} is of version ${version.join('.')}; ${wanted.join('.')} or newer is needed.`,
    fix: [`apt-get update && apt-get install -y ${program}`],
  }
}
