/** `nami registry user`: who, beside this machine, may use the cluster's registry. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from '../cluster/flags.ts'

const command: Command = defineCommand({
  summary: "list, add or remove users of the cluster's own registry",
  usage: 'registry user [add NAME | rm NAME]',
  details: `  This machine needs no password, and nodes show their certificates: users are for pushes and pulls from elsewhere.
  The password comes from NAMI_REGISTRY_PASSWORD, or from standard input; a change counts at once.`,
  examples: ['registry user', 'registry user add ann --push team/**', 'registry user add ci --pull **', 'registry user rm ann'],
  flags: {
    'data-dir': dataDir,
    push: { type: 'string', value: 'PATTERN', multiple: true, doc: 'repositories to push to: team/* or team/** (default: all)' },
    pull: { type: 'string', value: 'PATTERN', multiple: true, doc: 'repositories to pull from, and no more' },
  },

  async run({ flags, args, terminal, print }) {
    const [{ dataDirectory }, { registryPaths }, { readUsers, removeUser, setUser }, { systemRandom: random }] =
      await Promise.all([
        import('#cluster/data-directory.ts'),
        import('#cluster/image-registry.ts'),
        import('#images/distribution/passwords.ts'),
        import('#lib/random.ts'),
      ])
    const { users } = registryPaths(dataDirectory(flags['data-dir']))
    const [verb, name, ...more] = args
    if (verb === undefined) {
      const rows = Object.entries(await readUsers(users))
      if (rows.length === 0) return print('No users: only this machine and the nodes.\n  nami registry user add NAME')
      for (const [user, { push, pull }] of rows)
        print(`${user}  push: ${push.join(', ') || '-'}  pull: ${[...pull, ...push].join(', ')}`)
      return
    }
    const isKnown = verb === 'add' || verb === 'rm'
    if (!isKnown || !name || more.length > 0 || name.includes(':')) {
      throw new CommandError('needed: add NAME, or rm NAME', { next: ['nami registry user --help'], exitCode: 2 })
    }
    if (verb === 'rm') {
      const wasThere = await removeUser(users, name, random)
      print(wasThere ? `${name} removed` : `${name} not found`)
      return wasThere ? 0 : 1
    }
    const password = terminal.env.NAMI_REGISTRY_PASSWORD || (await readPassword(terminal.stdin))
    if (!password)
      throw new CommandError('The password is empty.', { next: [`NAMI_REGISTRY_PASSWORD=... nami registry user add ${name}`] })
    const { pull = [], push = pull.length > 0 ? [] : ['**'] } = flags
    await setUser(users, name, { password, pull, push, random })
    print(`${name} may ${push.length > 0 ? `push to and pull from ${push.join(', ')}` : `pull from ${pull.join(', ')}`}`)
  },
})
export default command

async function readPassword(stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }): Promise<string> {
  if (stdin.isTTY) throw new CommandError('Give the password on standard input, or in NAMI_REGISTRY_PASSWORD.')
  let text = ''
  for await (const chunk of stdin) text += chunk
  return text.split('\n')[0] ?? ''
}
