/** `nami scheduler` runs the scheduler by itself, against any API server; flags are kube-scheduler's. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { featureGatesFlag, featureGatesFrom } from './feature-gates-from.ts'

const command: Command = defineCommand({
  summary: 'run the scheduler by itself, against any API server',
  usage: 'scheduler --kubeconfig F',
  examples: ['scheduler --kubeconfig ~/.kube/config', 'scheduler --kubeconfig F --config profiles.yaml --leader-elect=false'],
  flags: {
    kubeconfig: { type: 'string', value: 'F', doc: 'how to reach the API server, and as whom' },
    config: {
      type: 'string',
      value: 'F',
      doc: 'a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): profiles, weights, arguments',
    },
    'leader-elect': { type: 'string', value: 'BOOL', doc: 'work only while holding the lease (default true)' },
    'secure-port': { type: 'string', value: 'P', doc: 'health and metrics over HTTPS; 0 for none', default: '10259' },
    'bind-address': { type: 'string', value: 'IP', doc: 'where they are served', default: '0.0.0.0' },
    ...featureGatesFlag,
  },

  async run({ flags, terminal, note }) {
    const [{ loadKubeconfig }, { runSchedulerProcess }, { createLog }, { systemClock }, { systemRandom }] = await Promise.all([
      import('#client/kubeconfig.ts'),
      import('#cluster/scheduler.ts'),
      import('#cluster/log.ts'),
      import('#lib/clock.ts'),
      import('#lib/random.ts'),
    ])
    const port = flags['secure-port']
    if (!/^\d+$/.test(port)) throw wrong('secure-port', port)
    const gates = await featureGatesFrom(flags['feature-gates'])
    const given = await configuration(flags.config === undefined ? undefined : resolve(terminal.cwd, flags.config))
    const elects = truth('leader-elect', flags['leader-elect']) ?? given.leaderElection.leaderElect
    const kubeconfig = flags.kubeconfig ?? given.kubeconfig
    if (!kubeconfig) throw new CommandError('--kubeconfig is needed.', { next: ['nami scheduler --help'], exitCode: 2 })
    // Timers keep no process alive, and a candidate has nothing else.
    const alive = setInterval(() => {}, 1 << 30)
    try {
      const isDone = await runSchedulerProcess({
        access: loadKubeconfig(resolve(terminal.cwd, kubeconfig)),
        configuration: { ...given, leaderElection: { ...given.leaderElection, leaderElect: elects } },
        ...{ clock: systemClock, random: systemRandom, signal: terminal.signal, log: createLog('scheduler') },
        gates,
        identity: `${hostname()}_${systemRandom.uuid()}`,
        serving: port === '0' ? undefined : { host: flags['bind-address'], port: Number(port) },
        onServing: (server) => note(`health and metrics on port ${server.port}`),
      })
      if (!isDone) throw new CommandError('leaderelection lost')
    } finally {
      clearInterval(alive)
    }
  },
})
export default command

async function configuration(file: string | undefined) {
  const { readSchedulerConfiguration } = await import('#cluster/scheduler.ts')
  try {
    return readSchedulerConfiguration(file)
  } catch (error) {
    throw new CommandError((error as Error).message, { exitCode: 2, cause: error })
  }
}

function truth(flag: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
  throw wrong(flag, text)
}

function wrong(flag: string, text: string): CommandError {
  return new CommandError(`invalid argument ${JSON.stringify(text)} for "--${flag}" flag`, { exitCode: 2 })
}
