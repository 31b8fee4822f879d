/** What `up` looks at while a cluster starts that was not running: faults of the machine that no waiting would cure, by the checks of `doctor`. */
import type { DataDirectory } from './data-directory.ts'
import { cgroupControllers } from './doctor/cgroup-controllers.ts'
import type { Check, DoctorContext } from './doctor/check.ts'
import { clockSanity } from './doctor/clock-sanity.ts'
import { diagnose } from './doctor/diagnose.ts'
import { kernelNetwork } from './doctor/kernel-network.ts'
import { kernelNftables } from './doctor/kernel-nftables.ts'
import { loopback } from './doctor/loopback.ts'
import { thisMachine } from './doctor/machine.ts'
import { programVersions } from './doctor/program-versions.ts'
import { UpError } from './up.ts'

const checks: readonly Check[] = [loopback, programVersions, kernelNetwork, kernelNftables, cgroupControllers, clockSanity]

/** A start writes less than this before anything runs: keys, an empty state, logs. */
const leastBytes = 32 * 1024 ** 2

/** Before anything is written: throws where the disk cannot take it. */
export async function checkSpace({ path }: DataDirectory): Promise<void> {
  const { freeBytes } = await thisMachine().space(path)
  if (freeBytes < leastBytes) throw noSpace(path, freeBytes)
}

/** Throws what is wrong and what to type. */
export async function preflight(context: DoctorContext): Promise<void> {
  const problems = (await diagnose(context, checks)).flatMap((diagnosis) => diagnosis.problems)
  const [first, ...others] = problems
  if (!first) return
  const next = [...first.fix, ...others.flatMap(({ problem, fix }) => [problem, ...fix]), 'nami doctor    looks at everything']
  throw new UpError(`This machine cannot run a cluster yet. ${first.problem}`, next)
}

function noSpace(path: string, freeBytes: number): UpError {
  const left = Math.floor(freeBytes / 1024 ** 2)
  return new UpError(`The disk that holds ${path} is full: ${left} MB are free, and a cluster needs 32 to begin with.`, [
    `df -h ${path}`,
    'nami up --data-dir D    puts it elsewhere',
  ])
}
