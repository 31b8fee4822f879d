/** `nami up [app-directory]` starts a cluster, and on it the application in a folder. */
import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, CommandError, defineCommand, type Terminal } from '#cli/command.ts'
import { systemClock } from '#lib/clock.ts'
import { admissionFrom } from './admission-from.ts'
import { admissionFlags, configFile, dataDir, encryptionProviderConfig, etcdApiPort, runtimeConfig, storeFlags } from './flags.ts'
import { storeFrom } from './store-from.ts'

const command: Command = defineCommand({
  summary: 'start a cluster on this machine, and an application on it',
  usage: 'up [app-directory]',
  details: `  Installs what is missing, starts the control plane and a node, and writes the context "nami"
  into ~/.kube/config. With an app-directory it builds an image of the folder, applies the manifests
  in its kubernetes/ folder, and waits until the application answers. Run again, it changes only what differs.`,
  examples: ['up', 'up examples/hello', 'up --no-agent --port 7443 --data-dir /tmp/nami'],
  flags: {
    'data-dir': dataDir,
    name: { type: 'string', value: 'N', doc: 'name of the kubeconfig context', default: 'nami' },
    'node-name': { type: 'string', value: 'N', doc: 'name of this machine as a node (default its host name)' },
    port: { type: 'string', value: 'P', doc: 'port of the API server', default: '6443' },
    'runtime-config': runtimeConfig,
    'encryption-provider-config': encryptionProviderConfig,
    ...admissionFlags,
    ...storeFlags,
    'etcd-api-port': etcdApiPort,
    config: configFile,
    'no-agent': { type: 'boolean', doc: 'a control plane alone: needs no root, runs no containers' },
    json: { type: 'boolean', doc: 'print the outcome as JSON' },
  },

  async run({ flags, args, terminal, print, note }) {
    const began = systemClock.monotonic()
    const port = portOf(flags.port)
    const application = args[0] === undefined ? undefined : applicationFolder(resolve(terminal.cwd, args[0]))
    if (application && flags['no-agent']) throw new CommandError('An application needs a node: leave out --no-agent.')
    const { bringUp } = await import('#cluster/bring-up.ts')
    const outcome = await bringUp({
      dataDir: flags['data-dir'],
      wishes: {
        name: flags.name,
        nodeName: flags['node-name'],
        port,
        agent: !flags['no-agent'],
        runtimeConfig: flags['runtime-config'],
        encryptionConfig: existingFile('encryption-provider-config', flags['encryption-provider-config'], terminal.cwd),
        apiserverConfig: existingFile('config', flags.config, terminal.cwd),
        admission: await admissionFrom(flags, terminal),
      },
      store: await storeFrom(flags, terminal),
      application,
      kubeconfig: kubeconfigPath(terminal),
      screen: terminal.stderr as never,
      signal: terminal.signal,
      note,
    }).catch(worded)
    const seconds = ((systemClock.monotonic() - began) / 1000).toFixed(1)
    if (flags.json) return print(JSON.stringify({ ...outcome, seconds: Number(seconds) }))
    report(outcome, seconds, print)
  },
})
export default command

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

function portOf(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new CommandError(`--port ${text}: a port is a number from 1 to 65535`, { exitCode: 2 })
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
