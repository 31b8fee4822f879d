/** All of `up` in order: prepare, provide, start, kubeconfig, application. */
import { readFileSync } from 'node:fs'
import { hasControlGroups } from '#kubelet/node/cgroups.ts'
import { systemClock } from '#lib/clock.ts'
import { defaultNodeName } from './addresses.ts'
import type { AdmissionConfig } from './admission-config.ts'
import { publicAddress } from './agent-address.ts'
import type { Answers } from './application.ts'
import { checkSpace } from './check-space.ts'
import { type ClusterConfig, type DataDirectory, dataDirectory, defaultConfig, loadConfig, prepare } from './data-directory.ts'
import { waitReferenced } from './processes.ts'
import { createProgress, type Progress, type Screen } from './progress.ts'
import { engineOf, etcdAnswersItself, type StoreWishes, withStore } from './store-config.ts'
import { takeTurn } from './turn.ts'
import { isRunning, provide, start, UpError, type UpOptions } from './up.ts'

export interface BringUpOptions {
  readonly dataDir: string | undefined
  readonly wishes: {
    readonly name: string
    readonly nodeName: string | undefined
    readonly port: number
    readonly agent: boolean
    readonly runtimeConfig?: string | undefined
    readonly encryptionConfig?: string | undefined
    readonly apiserverConfig?: string | undefined
    readonly apiserverFlags?: Readonly<Record<string, string>> | undefined
    readonly admission?: AdmissionConfig | undefined
    readonly registryPort?: number | undefined
    readonly controllers?: readonly string[] | undefined
  }
  readonly store: StoreWishes
  readonly application: string | undefined
  /** The user's kubeconfig. */
  readonly kubeconfig: string
  readonly screen: Screen
  readonly signal: AbortSignal
  readonly note: (line: string) => void
}

export interface Outcome {
  readonly name: string
  readonly wasRunning: boolean
  readonly changed: boolean
  readonly server: string
  readonly answers?: Answers
  /** How to call kubectl on this cluster. */
  readonly kubectl: string
  /** The application's first Deployment. */
  readonly workload?: string
}

export async function bringUp(options: BringUpOptions): Promise<Outcome> {
  const { signal, screen } = options
  const directory = dataDirectory(options.dataDir)
  const progress = createProgress(screen, systemClock)
  using _turn = await takeTurn(directory, { signal, onWait: () => progress.step('waiting for another nami up or down') })
  return await bringUpInTurn(options, directory, progress)
}

async function bringUpInTurn(options: BringUpOptions, directory: DataDirectory, progress: Progress): Promise<Outcome> {
  const { application, signal, note } = options
  const unfit = new AbortController()
  const settled = new AbortController()
  const known = loadConfig(directory)
  const isNew = known === undefined
  const wasUp = isRunning(directory)
  try {
    if (!wasUp) await checkSpace(directory)
    prepare(directory)
    const config = configOf(known, { ...options, path: directory.path, isRunning: wasUp })
    const up = {
      directory,
      config,
      before: wasUp ? known : undefined,
      clock: systemClock,
      signal: AbortSignal.any([signal, unfit.signal]),
      progress,
      note,
    }
    await provide(up)
    // The first image takes longer than the cluster; what an earlier run has built is found in a moment, once processors are free.
    const early = application && isNew ? await beginApplication(application, up) : undefined
    // A node would call itself ready without them, sooner than anybody has looked.
    if (!wasUp && config.agent && !hasControlGroups(readFileSync('/proc/self/mountinfo', 'utf8'))) await look(options, config)
    if (!wasUp) lookAtMachine(options, config, settled.signal).catch((error) => unfit.abort(error))
    const { wasRunning, wasChanged } = await start(up).finally(() => settled.abort())
    const contextChanged = await mergeKubeconfig(directory, config, options.kubeconfig)
    const base = {
      name: config.name,
      wasRunning,
      server: `https://${publicAddress(config)}:${config.port}`,
      kubectl: './nami kubectl',
    }
    if (!application) return { ...base, changed: contextChanged || wasChanged }
    const { runApplication } = await import('./run-application.ts')
    const run = await runApplication(early ?? (await beginApplication(application, up)), up)
    return { ...base, ...run, changed: contextChanged || wasChanged || run.changed }
  } catch (error) {
    progress.fail()
    if ((signal.aborted || unfit.signal.aborted) && !wasUp) {
      const { down } = await import('./down.ts')
      await down({ directory, clock: systemClock, progress, delete: false })
    }
    throw unfit.signal.aborted ? unfit.signal.reason : error
  }
}

async function beginApplication(application: string, up: UpOptions) {
  const { begin } = await import('./run-application.ts')
  return begin(application, up)
}

/** A start that is well under way needs no explanation; a look at the machine takes processors that it needs. */
const lookAfter = 2_000

async function lookAtMachine(options: BringUpOptions, config: ClusterConfig, settled: AbortSignal): Promise<void> {
  const isStarted = await waitReferenced(systemClock, lookAfter, settled).then(
    () => false,
    () => true,
  )
  if (!isStarted) await look(options, config)
}

async function look({ dataDir, kubeconfig }: BringUpOptions, config: ClusterConfig): Promise<void> {
  const [{ openContext }, { preflight }] = await Promise.all([import('./doctor/context.ts'), import('./preflight.ts')])
  await using context = await openContext({ dataDir, userKubeconfig: kubeconfig })
  await preflight({ ...context, config })
}

/** What an earlier `up` chose stays, unless something else is asked for; what cannot be changed on a cluster that stands is refused. */
export function configOf(
  known: ClusterConfig | undefined,
  { wishes, store, path, isRunning: isUp }: Pick<BringUpOptions, 'wishes' | 'store'> & { path: string; isRunning: boolean },
): ClusterConfig {
  if (!known) return withStore({ ...defaultConfig, ...wishes, nodeName: wishes.nodeName ?? defaultNodeName() }, store)
  if (wishes.port !== defaultConfig.port && wishes.port !== known.port) {
    throw new UpError(`The cluster in ${path} serves on port ${known.port}.`, ['Leave out --port, or use another --data-dir.'])
  }
  if (wishes.nodeName !== undefined && wishes.nodeName !== known.nodeName) {
    const next = ['Leave out --node-name, or use another --data-dir.']
    throw new UpError(`The node of the cluster in ${path} is called ${known.nodeName}.`, next)
  }
  if (known.agent && !wishes.agent && isUp) {
    throw new UpError(`The cluster in ${path} runs with a node.`, ['nami down', 'nami up --no-agent'])
  }
  if (store.engine && store.engine !== engineOf(known)) {
    throw new UpError(`The cluster in ${path} keeps its state in ${engineOf(known)}.`, [
      'nami down',
      `nami store migrate --to ${store.engine}`,
      'nami up',
    ])
  }
  if (store.etcdApiPort && known.etcd) throw new UpError(`${etcdAnswersItself}.`, ['Leave out --etcd-api-port.'])
  return { ...withStore(known, store), ...changesOf(known, wishes) }
}

/** Flags of kube-apiserver are asked for one by one: those of an earlier time stay beside them. */
function changesOf(known: ClusterConfig, wishes: BringUpOptions['wishes']): Partial<ClusterConfig> {
  const { name, agent, runtimeConfig, encryptionConfig, apiserverConfig, apiserverFlags, admission, registryPort, controllers } =
    wishes
  return {
    ...(name !== defaultConfig.name && { name }),
    ...(!agent && { agent }),
    ...(runtimeConfig !== undefined && { runtimeConfig }),
    ...(encryptionConfig !== undefined && { encryptionConfig }),
    ...(apiserverConfig !== undefined && { apiserverConfig }),
    ...(apiserverFlags !== undefined && { apiserverFlags: { ...known.apiserverFlags, ...apiserverFlags } }),
    ...(admission !== undefined && { admission }),
    ...(registryPort !== undefined && { registryPort }),
    ...(controllers !== undefined && { controllers }),
  }
}

async function mergeKubeconfig(directory: DataDirectory, { name }: ClusterConfig, path: string): Promise<boolean> {
  const [{ administratorIdentity }, { editFile, mergedText }] = await Promise.all([
    import('./administrator.ts'),
    import('./kubeconfig-file.ts'),
  ])
  const identity = administratorIdentity(directory)
  return identity !== undefined && editFile(path, (text) => mergedText(text, { name, ...identity }))
}
