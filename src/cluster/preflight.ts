/** What `up` looks at while a cluster starts that was not running: faults of the machine that no waiting would cure, by the checks of `doctor`. */
import { cgroupControllers } from './doctor/cgroup-controllers.ts'
import type { Check, DoctorContext } from './doctor/check.ts'
import { clockSanity } from './doctor/clock-sanity.ts'
import { diagnose } from './doctor/diagnose.ts'
import { kernelNetwork } from './doctor/kernel-network.ts'
import { kernelNftables } from './doctor/kernel-nftables.ts'
import { loopback } from './doctor/loopback.ts'
import { programVersions } from './doctor/program-versions.ts'
import { UpError } from './up.ts'

const checks: readonly Check[] = [loopback, programVersions, kernelNetwork, kernelNftables, cgroupControllers, clockSanity]

/** Throws what is wrong and what to type. */
export async function preflight(context: DoctorContext): Promise<void> {
  const problems = (await diagnose(context, checks)).flatMap((diagnosis) => diagnosis.problems)
  const [first, ...others] = problems
  if (!first) return
  const next = [...first.fix, ...others.flatMap(({ problem, fix }) => [problem, ...fix]), 'nami doctor    looks at everything']
  throw new UpError(`This machine cannot run a cluster yet. ${first.problem}`, next)
}
