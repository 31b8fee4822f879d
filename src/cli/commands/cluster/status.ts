/** `nami status` says what runs. */
import { type Command, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: 'say what runs, and how well',
  usage: 'status',
  details: '  Exit code 0: everything runs; 1: something does not; 3: there is no cluster.',
  examples: ['status', 'status --json'],
  flags: { 'data-dir': dataDir, json: { type: 'boolean', doc: 'print as JSON' } },

  async run({ flags, print }) {
    const [{ dataDirectory }, { inspect }] = await Promise.all([
      import('#cluster/data-directory.ts'),
      import('#cluster/status.ts'),
    ])
    const status = await inspect(dataDirectory(flags['data-dir']))
    if (flags.json) print(JSON.stringify(status))
    else for (const line of linesOf(status)) print(line)
    return status.exists ? (status.isHealthy ? 0 : 1) : 3
  },
})
export default command

type Status = Awaited<ReturnType<typeof import('#cluster/status.ts').inspect>>

function linesOf(status: Status): string[] {
  if (!status.exists) return [`No cluster in ${status.path}.`, '  nami up']
  const lines = [`Cluster ${status.name} in ${status.path}`]
  for (const { name, pid } of status.processes)
    lines.push(`  ${name.padEnd(12)}${pid === undefined ? 'not running' : `running (pid ${pid})`}`)
  lines.push(`  ${'API'.padEnd(12)}${status.api}`)
  if (status.store !== 'sound') lines.push(`  ${'state'.padEnd(12)}${status.store.replaceAll('\n', `\n${' '.repeat(14)}`)}`)
  for (const { name, ready, pods } of status.nodes) lines.push(`  ${'node'.padEnd(12)}${name}: ${ready}, ${pods} pods`)
  if (!status.isHealthy) lines.push('', 'nami doctor    looks for the cause')
  return lines
}
