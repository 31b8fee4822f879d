/** `nami uses KIND/NAME`: who would feel a change of it. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'list every workload that a change of an object would reach',
  usage: 'uses KIND/NAME',
  details:
    '  Kinds: configmap, secret, serviceaccount, persistentvolumeclaim (volume), image, node, priorityclass, service. In every namespace unless one is given.',
  examples: [
    'uses configmap/web-env',
    'uses secret/database -n shop',
    'uses image/registry.example.com/team/web',
    'uses node/worker-1 --json',
  ],
  flags: {
    ...commonFlags,
    namespace: { type: 'string', short: 'n', value: 'NS', doc: 'in this namespace alone' },
    context: { type: 'string', value: 'C', doc: 'context of the kubeconfig (default: the current one)' },
    json: { type: 'boolean', doc: 'print as JSON' },
  },

  run: (call) =>
    worded(async () => {
      const { flags, args, terminal, print } = call
      const [about = ''] = exactly(args, ['KIND/NAME'], 'uses configmap/web-env')
      const [{ parseQuestion, usersOf, userLines }, { connectTo, kubeconfigOf }] = await Promise.all([
        import('#workflow/environment/uses.ts'),
        import('./connect.ts'),
      ])
      const question = parseQuestion(about, flags.namespace)
      const { client } = connectTo(terminal, kubeconfigOf(terminal), flags.context)
      try {
        const users = await usersOf(client, question)
        if (flags.json) return print(JSON.stringify(users))
        if (users.length === 0) return print(`Nothing uses ${about}.`)
        for (const line of userLines(users)) print(line)
      } finally {
        await client.close()
      }
    }),
})
export default command
