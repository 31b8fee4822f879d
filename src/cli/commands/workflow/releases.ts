/** `nami staging releases [diff A B]`: what ran when, and what differs. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'list the releases, or what differs between two',
  usage: 'staging releases [diff A B]',
  details: '  Values of secrets are never told: a diff says that they changed.',
  examples: ['staging releases', 'production releases --json', 'staging releases diff 3 4', 'review_app releases feature-1'],
  flags: {
    ...commonFlags,
    limit: { type: 'string', short: 'l', value: 'N', doc: 'the newest N', default: '20' },
    json: { type: 'boolean', doc: 'print as JSON' },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const { flags, print } = call
      if (args[0] === 'diff') {
        const { diffReleases } = await import('#workflow/environment/change-values.ts')
        const [from, to] = args.slice(1).map(numberOf)
        if (args.length !== 3 || !from || !to)
          throw new CommandError('two releases are needed', { next: [`nami ${call.name} diff 3 4`], exitCode: 2 })
        const lines = await diffReleases(target, from, to)
        for (const line of lines) print(line)
        if (lines.length === 0) print(`v${from} and v${to} are the same.`)
        return
      }
      const { listReleases } = await import('#workflow/environment/releases.ts')
      const releases = (await listReleases(target)).slice(-Number(flags.limit)).reverse()
      if (flags.json) return print(JSON.stringify(releases.map(({ templates: _, ...rest }) => rest)))
      if (releases.length === 0) return print('No releases yet.')
      const rows = releases.map(({ number, state, tag = '', by, at, description }) => [
        `v${number}`,
        state,
        tag.slice(0, 12),
        by,
        at,
        description,
      ])
      for (const line of table([['RELEASE', 'STATE', 'TAG', 'BY', 'AT', 'WHAT'], ...rows])) print(line)
    }),
})
export default command

function numberOf(text: string): number {
  return Number(/^v?(\d+)$/.exec(text)?.[1] ?? 0)
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
