/** `nami registry images`: which images there are, and which of them run. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'list the images of the project, newest first',
  usage: 'registry images',
  examples: ['registry images', 'registry images --limit 50 --digests', 'registry images -e 1.2.0', 'registry images -f 2026-11'],
  flags: {
    ...commonFlags,
    'tag-exists': { type: 'string', short: 'e', value: 'TAG', doc: 'only say whether there is such a tag (exit code 0 or 1)' },
    'reverse-sort': { type: 'boolean', short: 'r', doc: 'oldest first' },
    limit: { type: 'string', short: 'l', value: 'N', doc: 'as many', default: '20' },
    'filter-tags': { type: 'string', short: 'f', value: 'TEXT', multiple: true, doc: 'tags that hold the text' },
    digests: { type: 'boolean', short: 'd', doc: 'with digests' },
  },

  run: (call) =>
    worded(async () => {
      const { flags, args, terminal, print } = call
      exactly(args, [], 'registry images')
      if (!/^\d+$/.test(flags.limit)) throw new CommandError(`--limit ${flags.limit}: a number`, { exitCode: 2 })
      const { imageRows } = await import('#workflow/images/push-project.ts')
      const { images, git, around } = await openWorkflow(call)
      if (flags['tag-exists'] !== undefined) {
        const exists = (await images.digest(flags['tag-exists'])) !== undefined
        const [yes, no] = answers[Math.floor(around.random.next() * answers.length)] ?? answers[0]
        print(exists ? yes : no)
        return exists ? 0 : 1
      }
      const rows = await imageRows(images, git, flags['filter-tags'] ?? [])
      if (flags['reverse-sort']) rows.reverse()
      const limit = Number(flags.limit)
      const isColoured = terminal.stdout.isTTY && !terminal.env.NO_COLOR
      print(`${'PUSHED'.padEnd(20)}  ${flags.digests ? `${'DIGEST'.padEnd(71)}  ` : ''}TAG`)
      for (const { tag, digest, time, runsOn } of rows.slice(0, limit)) {
        const when = (time === undefined ? '' : new Date(time * 1000).toISOString().slice(0, 19).replace('T', ' ')).padEnd(20)
        const line = `${when}  ${flags.digests ? `${digest.padEnd(71)}  ` : ''}${tag}${runsOn.length > 0 ? `  (${runsOn.join(', ')})` : ''}`
        const colour = runsOn.includes('production') ? 32 : runsOn.includes('staging') ? 33 : 0
        print(isColoured && colour ? `\u001b[${colour}m${line}\u001b[0m` : line)
      }
      if (rows.length > limit) print(`${rows.length - limit} more images available`)
    }),
})
export default command

/** Hokusai answers in a language by chance; scripts read the exit code. */
const answers = [
  ['Yes', 'No'],
  ['Ja', 'Nein'],
  ['Oui', 'Non'],
  ['Sí', 'No'],
  ['Hai', 'Iie'],
  ['Da', 'Net'],
] as const
