/** `nami doctor` looks for what is wrong with a machine and its cluster, and says what to type. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Command, defineCommand } from '#cli/command.ts'
import type { Diagnosis } from '#cluster/doctor/diagnose.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: 'look for what is wrong, and say what to type',
  usage: 'doctor',
  details: `  Looks at the kernel, programs, disk, clock, ports, processes, certificates, firewall, API, nodes, DNS
  and the kubeconfig, and changes nothing. Works before the first "nami up" too.
  Exit code 0: nothing found; 1: at least one problem.`,
  examples: ['doctor', 'doctor --all', 'doctor --json'],
  flags: {
    'data-dir': dataDir,
    all: { type: 'boolean', short: 'a', doc: 'show what is fine as well' },
    json: { type: 'boolean', doc: 'print as JSON' },
  },

  async run({ flags, terminal, print }) {
    const [{ openContext }, { diagnose }, { checks }] = await Promise.all([
      import('#cluster/doctor/context.ts'),
      import('#cluster/doctor/diagnose.ts'),
      import('#cluster/doctor/checks.ts'),
    ])
    const { KUBECONFIG, HOME } = terminal.env
    const userKubeconfig = KUBECONFIG?.split(':').find(Boolean) ?? join(HOME ?? homedir(), '.kube/config')
    await using context = await openContext({ dataDir: flags['data-dir'], userKubeconfig })
    const found = await diagnose(context, checks)
    const isFine = found.every(({ status }) => status !== 'problem')
    if (flags.json) print(JSON.stringify({ ok: isFine, checks: found }))
    else for (const line of linesOf(found, flags.all ?? false)) print(line)
    return isFine ? 0 : 1
  },
})
export default command

/** A block per problem; with `all` a line for the rest too. */
export function linesOf(found: readonly Diagnosis[], all: boolean): string[] {
  const lines = found.flatMap(({ name, about, status, problems, why }) => {
    if (status === 'problem') {
      return problems.flatMap(({ problem, fix }) => [`problem  ${name}: ${problem}`, ...fix.map((line) => `           ${line}`)])
    }
    if (!all) return []
    return [status === 'fine' ? `fine     ${name}: ${about}` : `skipped  ${name}: ${why}`]
  })
  const count = (status: Diagnosis['status']) => found.filter((one) => one.status === status).length
  const problems = found.reduce((sum, one) => sum + one.problems.length, 0)
  const rest = `${count('fine')} fine${count('skipped') ? `, ${count('skipped')} skipped` : ''}`
  if (problems === 0) return [...lines, `No problem found (${rest}).`]
  return [...lines, '', `${problems} problem${problems === 1 ? '' : 's'} found (${rest}).`]
}
