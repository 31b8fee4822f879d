/** `nami simulate run` is the process of simulated nodes, against any API server. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { worded } from './simulated-cluster.ts'

const command: Command = defineCommand({
  summary: 'simulate nodes of any cluster in the foreground',
  usage: 'simulate run --kubeconfig F [N|FILE]',
  details: `  Without N or FILE the nodes are those that the ConfigMap simulated-nodes of kube-system asks for; a change there takes
  effect at once. With it they are these, and they are removed by the next run that does not want them.`,
  examples: ['simulate run --kubeconfig ~/.kube/config 100', 'simulate run --kubeconfig ~/.kube/config nodes.yaml'],
  flags: {
    kubeconfig: { type: 'string', value: 'F', doc: 'how to reach the API server, and as whom' },
    'with-parent': { type: 'boolean', doc: 'end when standard input does', hidden: true },
  },

  async run({ flags, args, terminal, note }) {
    const [given] = args
    if (!flags.kubeconfig || args.length > 1)
      throw new CommandError('usage: nami simulate run --kubeconfig F [N|FILE]', { exitCode: 2 })
    const [
      { loadKubeconfig },
      { httpsTransport },
      { createClient },
      { systemClock: clock },
      { systemRandom: random },
      { version },
    ] = await Promise.all([
      import('#client/kubeconfig.ts'),
      import('#client/https-transport.ts'),
      import('#client/typed-client.ts'),
      import('#lib/clock.ts'),
      import('#lib/random.ts'),
      import('#cluster/version.ts'),
    ])
    const { createLog } = await import('#cluster/log.ts')
    const { simulateUntil } = await import('#cluster/run-simulator.ts')
    const stop = new AbortController()
    const signal = AbortSignal.any([terminal.signal, stop.signal])
    if (flags['with-parent']) {
      terminal.stdin.on('end', () => stop.abort(new Error('the server has ended')))
      terminal.stdin.resume()
    }
    // Timers keep no process alive.
    const alive = setInterval(() => {}, 1 << 30)
    const client = createClient(
      httpsTransport({ ...loadKubeconfig(flags.kubeconfig).transportOptions({ clock }), userAgent: `nami/${version}` }),
    )
    const log = createLog('simulator')
    try {
      await worded(() =>
        simulateUntil({
          client,
          clock,
          random,
          signal,
          version,
          log,
          given,
          cwd: terminal.cwd,
          onSettled: (count) => note(`${count} simulated nodes`),
        }),
      )
    } finally {
      clearInterval(alive)
      await client.close()
    }
  },
})
export default command
