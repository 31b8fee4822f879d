/** `nami kubectl ...` (short: `nami k`) is kubectl, without a kubectl to install. */
import { type Command, defineCommand } from '#cli/command.ts'

const command: Command = defineCommand({
  summary: 'kubectl, built in',
  usage: 'kubectl COMMAND ...',
  details: `  Takes kubectl's commands and flags and prints what kubectl prints. Without a context in the kubeconfig
  it talks to the cluster that "nami up" started on this machine.`,
  examples: ['kubectl get pods', 'k apply -f app.yaml', 'k logs -f deployment/web'],
  verbatim: true,
  flags: {},

  async run({ args, terminal }) {
    const [{ kubectl }, { dataDirectory }] = await Promise.all([
      import('#cli/kubectl/run.ts'),
      import('#cluster/data-directory.ts'),
    ])
    return kubectl(args, terminal, { defaultKubeconfig: dataDirectory(undefined).kubeconfig })
  },
})
export default command
