/** `nami controller-manager` runs controllers by themselves, against any API server; flags are kube-controller-manager's. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { featureGatesFlag, featureGatesFrom } from './feature-gates-from.ts'

const flags = {
  kubeconfig: { type: 'string', value: 'F', doc: 'how to reach the API server, and as whom' },
  controllers: {
    type: 'string',
    value: 'N,...',
    doc: "which to run: names, '*' for all that are on by default, '-name' to take one out",
    default: '*',
  },
  'leader-elect': { type: 'string', value: 'BOOL', doc: 'work only while holding the lease', default: 'true' },
  'leader-elect-resource-name': { type: 'string', value: 'N', doc: 'name of the lease', default: 'kube-controller-manager' },
  'leader-elect-resource-namespace': { type: 'string', value: 'N', doc: 'its namespace', default: 'kube-system' },
  'leader-elect-lease-duration': { type: 'string', value: 'T', doc: 'how long others wait for a silent leader', default: '15s' },
  'leader-elect-renew-deadline': { type: 'string', value: 'T', doc: 'how long a leader tries to renew', default: '10s' },
  'leader-elect-retry-period': { type: 'string', value: 'T', doc: 'pause between attempts', default: '2s' },
  'use-service-account-credentials': { type: 'boolean', doc: 'each controller as a service account of its own' },
  'root-ca-file': { type: 'string', value: 'F', doc: 'CA that is published to every namespace' },
  'service-account-private-key-file': { type: 'string', value: 'F', doc: 'signs tokens that lie in Secrets' },
  'cluster-signing-cert-file': { type: 'string', value: 'F', doc: 'CA that signs CertificateSigningRequests' },
  'cluster-signing-key-file': { type: 'string', value: 'F', doc: 'its key' },
  'cluster-cidr': { type: 'string', value: 'CIDR', doc: 'range that nodes are given parts of' },
  'node-cidr-mask-size': { type: 'string', value: 'BITS', doc: 'size of those parts (default 24)' },
  'secure-port': { type: 'string', value: 'P', doc: 'health and metrics over HTTPS; 0 for none', default: '10257' },
  'bind-address': { type: 'string', value: 'IP', doc: 'where they are served', default: '0.0.0.0' },
  ...featureGatesFlag,
} as const

const command: Command = defineCommand({
  summary: 'run controllers by themselves, against any API server',
  usage: 'controller-manager --kubeconfig F',
  examples: [
    'controller-manager --kubeconfig ~/.kube/config --controllers deployment,replicaset',
    "controller-manager --kubeconfig F --controllers '*,-garbagecollector' --leader-elect=false",
  ],
  flags,

  async run({ flags, terminal, note }) {
    if (!flags.kubeconfig)
      throw new CommandError('--kubeconfig is needed.', { next: ['nami controller-manager --help'], exitCode: 2 })
    const [{ loadKubeconfig }, { runControllerManager }, { createLog }, { systemClock }, { systemRandom }, os] =
      await Promise.all([
        import('#client/kubeconfig.ts'),
        import('#cluster/controller-manager.ts'),
        import('#cluster/log.ts'),
        import('#lib/clock.ts'),
        import('#lib/random.ts'),
        import('node:os'),
      ])
    const gates = await featureGatesFrom(flags['feature-gates'])
    const elects = truth('leader-elect', flags['leader-elect'])
    const port = number('secure-port', flags['secure-port'])
    const mask = flags['node-cidr-mask-size']
    const timing = {
      leaseDuration: await milliseconds('leader-elect-lease-duration', flags['leader-elect-lease-duration']),
      renewDeadline: await milliseconds('leader-elect-renew-deadline', flags['leader-elect-renew-deadline']),
      retryPeriod: await milliseconds('leader-elect-retry-period', flags['leader-elect-retry-period']),
    }
    // Timers keep no process alive, and a candidate has nothing else.
    const alive = setInterval(() => {}, 1 << 30)
    try {
      const isDone = await runControllerManager({
        access: loadKubeconfig(flags.kubeconfig),
        ...{ clock: systemClock, random: systemRandom, signal: terminal.signal, log: createLog('controller-manager') },
        controllers: flags.controllers.split(',').map((name) => name.trim()),
        identity: `${os.hostname()}_${crypto.randomUUID()}`,
        leaderElection: elects
          ? { namespace: flags['leader-elect-resource-namespace'], name: flags['leader-elect-resource-name'], ...timing }
          : undefined,
        gates,
        usesAccounts: flags['use-service-account-credentials'] ?? false,
        files: {
          rootCa: flags['root-ca-file'],
          serviceAccountKey: flags['service-account-private-key-file'],
          signingCertificate: flags['cluster-signing-cert-file'],
          signingKey: flags['cluster-signing-key-file'],
        },
        clusterCidr: flags['cluster-cidr'],
        nodeMaskSize: mask === undefined ? undefined : number('node-cidr-mask-size', mask),
        serving: port === 0 ? undefined : { host: flags['bind-address'], port },
        onServing: (server) => note(`health and metrics on port ${server.port}`),
      })
      if (!isDone) throw new CommandError('leaderelection lost')
    } catch (error) {
      if (error instanceof Error && / is not in the list of known controllers$/.test(error.message)) {
        throw new CommandError(error.message, { exitCode: 2, cause: error })
      }
      throw error
    } finally {
      clearInterval(alive)
    }
  },
})
export default command

function truth(flag: string, text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
  throw wrong(flag, text)
}

function number(flag: string, text: string): number {
  if (!/^\d+$/.test(text)) throw wrong(flag, text)
  return Number(text)
}

async function milliseconds(flag: string, text: string): Promise<number> {
  const { parseDuration } = await import('#schema/go-time.ts')
  try {
    return Number(parseDuration(text)) / 1e6
  } catch {
    throw wrong(flag, text)
  }
}

function wrong(flag: string, text: string): CommandError {
  return new CommandError(`invalid argument ${JSON.stringify(text)} for "--${flag}" flag`, { exitCode: 2 })
}
