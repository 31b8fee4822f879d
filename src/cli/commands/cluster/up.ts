/** `nami up [app-directory]` starts a cluster, and on it the application in a folder. */
import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, CommandError, defineCommand, type Terminal } from '#cli/command.ts'
import { systemClock } from '#lib/clock.ts'
import { admissionFrom } from './admission-from.ts'
import { apiserverFlags, apiserverFlagsFrom } from './apiserver-flags-from.ts'
import {
  admissionFlags,
  configFile,
  controllersFlag,
  controllersFrom,
  dataDir,
  encryptionProviderConfig,
  etcdApiPort,
  runtimeConfig,
  storeFlags,
} from './flags.ts'
import { storeFrom } from './store-from.ts'

const command: Command = defineCommand({
  summary: 'start a cluster on this machine, and an application on it',
  usage: 'up [app-directory]',
  details: `  Installs what is missing, starts the control plane and a node, and writes the context "nami"
  into ~/.kube/config. With an app-directory it builds an image of the folder, applies the manifests
  in its kubernetes/ folder, and waits until the application answers. Run again, it changes only what differs:
  other flags take effect by a restart of the control plane, which containers do not notice.
  kube-apiserver's flags are known by their own names: --audit-policy-file F, --authorization-mode Node,RBAC,Webhook, ...`,
  examples: ['up', 'up examples/hello', 'up --no-agent --port 7443 --data-dir /tmp/nami'],
  flags: {
    'data-dir': dataDir,
    name: { type: 'string', value: 'N', doc: 'name of the kubeconfig context', default: 'nami' },
    'node-name': { type: 'string', value: 'N', doc: 'name of this machine as a node (default its host name)' },
    port: { type: 'string', value: 'P', doc: 'port of the API server', default: '6443' },
    'runtime-config': runtimeConfig,
    'encryption-provider-config': encryptionProviderConfig,
    ...admissionFlags,
    ...apiserverFlags,
    ...storeFlags,
    'etcd-api-port': etcdApiPort,
    config: configFile,
    controllers: controllersFlag,
    'registry-port': { type: 'string', value: 'P', doc: 'port of the image registry, 0 for none (default 5000)' },
    'simulate-nodes': {
      type: 'string',
      value: 'N|FILE',
      doc: 'nodes without machines, by number or by shapes in YAML (see simulate add); without root, these alone',
    },
    'no-agent': { type: 'boolean', doc: 'a control plane alone: needs no root, runs no containers' },
    json: { type: 'boolean', doc: 'print the outcome as JSON' },
  },

  async run({ flags, args, terminal, print, note }) {
    const began = systemClock.monotonic()
    const port = portOf(flags.port)
    const application = args[0] === undefined ? undefined : applicationFolder(resolve(terminal.cwd, args[0]))
    if (application && flags['no-agent']) throw new CommandError('An application needs a node: leave out --no-agent.')
    const simulated = await simulatedNodes(flags['simulate-nodes'], terminal.cwd)
    const { bringUp } = await import('#cluster/bring-up.ts')
    const outcome = await bringUp({
      dataDir: flags['data-dir'],
      wishes: {
        name: flags.name,
        nodeName: flags['node-name'],
        port,
        // Containers need root; simulated nodes do not.
        agent: !flags['no-agent'] && !(simulated && process.getuid?.() !== 0),
        runtimeConfig: flags['runtime-config'],
        encryptionConfig: existingFile('encryption-provider-config', flags['encryption-provider-config'], terminal.cwd),
        apiserverConfig: existingFile('config', flags.config, terminal.cwd),
        apiserverFlags: await apiserverFlagsFrom(flags, terminal),
        admission: await admissionFrom(flags, terminal),
        controllers: await controllersFrom(flags.controllers),
        registryPort: flags['registry-port'] === undefined ? undefined : portOf(flags['registry-port'], '--registry-port', 0),
      },
      store: await storeFrom(flags, terminal),
      application,
      kubeconfig: kubeconfigPath(terminal),
      screen: terminal.stderr as never,
      signal: terminal.signal,
      note,
    }).catch(worded)
    const nodes = simulated && (await simulated.start(flags['data-dir'], terminal.signal))
    const seconds = ((systemClock.monotonic() - began) / 1000).toFixed(1)
    if (flags.json)
      return print(JSON.stringify({ ...outcome, ...(simulated && { simulatedNodes: nodes }), seconds: Number(seconds) }))
    report(outcome, seconds, print)
    if (simulated) print(`\n${nodes} simulated nodes are there.`)
  },
})
export default command

/** Read before anything is started, so that a mistake in the file is known at once. */
async function simulatedNodes(given: string | undefined, cwd: string) {
  if (given === undefined) return undefined
  const [{ groupFrom, simulate }, shared] = await Promise.all([import('#cluster/simulate.ts'), import('./simulated-cluster.ts')])
  const { name, text } = await shared.worded(async () => groupFrom(given, { cwd }))
  return {
    async start(dataDir: string | undefined, signal: AbortSignal): Promise<number> {
      await using cluster = await shared.simulationOf(dataDir)
      return await shared.worded(() => simulate(cluster.client, { [name]: text }, { signal }))
    },
  }
}

type Outcome = Awaited<ReturnType<typeof import('#cluster/bring-up.ts').bringUp>>

function report(outcome: Outcome, seconds: string, print: (line?: string) => void): void {
  print(
    outcome.wasRunning
      ? `Cluster ${outcome.name} is running; ${outcome.changed ? 'brought up to date' : 'nothing to change'} (${seconds} s).`
      : `Cluster ready in ${seconds} s.`,
  )
  print(`  API server  ${outcome.server}`)
  if (outcome.answers) {
    print(`  application ${outcome.answers.url}`)
    print(`  answered by ${outcome.answers.pods.join(', ')}`)
  }
  print()
  print('Try:')
  for (const line of suggestions(outcome)) print(`  ${line}`)
}

function suggestions({ answers, kubectl, workload }: Outcome): readonly string[] {
  if (!answers) return [`${kubectl} get nodes`, './nami up examples/hello', './nami status']
  return [`curl ${answers.url}`, `${kubectl} get pods -o wide`, `${kubectl} scale deployment ${workload} --replicas=5`]
}

/** The processes run elsewhere, so that the path must be whole. */
function existingFile(flag: string, path: string | undefined, cwd: string): string | undefined {
  if (path === undefined) return undefined
  const file = resolve(cwd, path)
  if (!existsSync(file)) throw new CommandError(`--${flag}: ${file} does not exist`, { exitCode: 2 })
  return file
}

function portOf(text: string, flag = '--port', least = 1): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < least || port > 65_535) {
    throw new CommandError(`${flag} ${text}: a port is a number from ${least} to 65535`, { exitCode: 2 })
  }
  return port
}

function applicationFolder(path: string): string {
  if (!existsSync(path)) throw new CommandError(`${path} does not exist`, { exitCode: 2 })
  if (!statSync(path).isDirectory()) throw new CommandError(`${path} is not a folder`, { exitCode: 2 })
  return path
}

function kubeconfigPath({ env }: Terminal): string {
  return env.KUBECONFIG?.split(':').find(Boolean) ?? join(env.HOME ?? homedir(), '.kube/config')
}

/** Errors of the cluster carry what to do next. */
function worded(error: Error & { next?: readonly string[] }): never {
  if (error.next) throw new CommandError(error.message, { next: error.next, cause: error })
  throw error
}
