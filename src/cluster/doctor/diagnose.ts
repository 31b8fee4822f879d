/** Runs checks one after the other and gathers what they found; a check that fails itself is a problem too. */
import type { Check, DoctorContext, Need, Problem } from './check.ts'

export interface Diagnosis {
  readonly name: string
  readonly about: string
  readonly status: 'fine' | 'problem' | 'skipped'
  readonly problems: readonly Problem[]
  /** Why it was skipped. */
  readonly why?: string
}

export async function diagnose(context: DoctorContext, checks: readonly Check[]): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = []
  const answers = { api: undefined as boolean | undefined }
  for (const check of checks) {
    const { name, about } = check
    const why = await unmet(context, check.needs ?? [], answers)
    if (why) {
      found.push({ name, about, status: 'skipped', problems: [], why })
      continue
    }
    const problems = await look(check, context)
    found.push({ name, about, status: problems.length > 0 ? 'problem' : 'fine', problems })
  }
  return found
}

async function look(check: Check, context: DoctorContext): Promise<readonly Problem[]> {
  try {
    return await check.run(context)
  } catch (error) {
    return [{ problem: `The check itself failed: ${(error as Error).message}`, fix: ['NAMI_DEBUG=1 nami doctor --all'] }]
  }
}

const reasons: Readonly<Record<Need, string>> = {
  root: 'only root can look',
  node: 'this cluster has no node on this machine',
  cluster: 'there is no cluster yet',
  running: 'the cluster is not running',
  api: 'the API server does not answer',
}

async function unmet(
  context: DoctorContext,
  needs: readonly Need[],
  answers: { api: boolean | undefined },
): Promise<string | undefined> {
  const { machine, config, clusterExists, processes, api } = context
  for (const need of needs) {
    if (need === 'api') answers.api ??= await api.get('/livez').then(Boolean, () => false)
    const holds = {
      root: machine.uid === 0,
      node: config.agent,
      cluster: clusterExists,
      running: Object.values(processes).some((pid) => pid !== undefined),
      api: answers.api === true,
    }
    if (!holds[need]) return reasons[need]
  }
  return undefined
}
