/** All of `up` in order: prepare, provide, start, kubeconfig, application. */
import type { Client } from '#client/client.ts'
import { systemClock } from '#lib/clock.ts'
import { defaultNodeName } from './addresses.ts'
import { administratorIdentity } from './administrator.ts'
import { publicAddress } from './agent-address.ts'
import {
  type Answers,
  applyAll,
  type Built,
  build,
  importBuilt,
  mainWorkload,
  readManifests,
  untilItAnswers,
  withImage,
} from './application.ts'
import { type ClusterConfig, type DataDirectory, dataDirectory, defaultConfig, loadConfig, prepare } from './data-directory.ts'
import { openContext } from './doctor/context.ts'
import { down } from './down.ts'
import { editFile, mergedText } from './kubeconfig-file.ts'
import { importerOf, withRuntime } from './node-images.ts'
import { checkSpace, preflight } from './preflight.ts'
import { createProgress, type Progress, type Screen } from './progress.ts'
import { takeTurn } from './turn.ts'
import { isRunning, provide, start, UpError } from './up.ts'

export interface BringUpOptions {
  readonly dataDir: string | undefined
  readonly wishes: {
    readonly name: string
    readonly nodeName: string | undefined
    readonly port: number
    readonly agent: boolean
  }
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
  const manifests = application ? readManifests(application) : []
  const unfit = new AbortController()
  const wasUp = isRunning(directory)
  try {
    if (!wasUp) await checkSpace(directory)
    prepare(directory)
    const config = configOf(directory, options)
    const up = { directory, config, clock: systemClock, signal: AbortSignal.any([signal, unfit.signal]), progress, note }
    await provide(up)
    if (!wasUp) lookAtMachine(options, config).catch((error) => unfit.abort(error))
    // The image is built while the cluster starts; its failure is told where its step comes.
    const built = application ? build(application, directory, (line) => progress.update(line)) : undefined
    built?.catch(() => {})
    const { client, wasRunning } = await start(up)
    try {
      const contextChanged = mergeKubeconfig(directory, config, options.kubeconfig)
      const base = {
        name: config.name,
        wasRunning,
        server: `https://${publicAddress(config)}:${config.port}`,
        kubectl: './nami kubectl',
      }
      if (!built) return { ...base, changed: contextChanged }
      const run = await runApplication(client, { ...up, built, manifests })
      return { ...base, ...run, changed: contextChanged || run.changed }
    } finally {
      await client.close()
    }
  } catch (error) {
    progress.fail()
    if ((signal.aborted || unfit.signal.aborted) && !wasUp) await down({ directory, clock: systemClock, progress, delete: false })
    throw unfit.signal.aborted ? unfit.signal.reason : error
  }
}

/** Beside the start, so that it costs no time. */
async function lookAtMachine({ dataDir, kubeconfig }: BringUpOptions, config: ClusterConfig): Promise<void> {
  await using context = await openContext({ dataDir, userKubeconfig: kubeconfig })
  await preflight({ ...context, config })
}

/** What an earlier `up` chose stays; asking for something else while the cluster runs, or for another port, is refused. */
function configOf(directory: DataDirectory, { wishes }: BringUpOptions): ClusterConfig {
  const known = loadConfig(directory)
  if (!known) return { ...defaultConfig, ...wishes, nodeName: wishes.nodeName ?? defaultNodeName() }
  if (wishes.port !== defaultConfig.port && wishes.port !== known.port) {
    throw new UpError(`The cluster in ${directory.path} serves on port ${known.port}.`, [
      'Leave out --port, or use another --data-dir.',
    ])
  }
  return known
}

function mergeKubeconfig(directory: DataDirectory, { name }: ClusterConfig, path: string): boolean {
  const identity = administratorIdentity(directory)
  return identity !== undefined && editFile(path, (text) => mergedText(text, { name, ...identity }))
}

interface ApplicationRun {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  readonly built: Promise<Built>
  readonly manifests: ReturnType<typeof readManifests>
  readonly signal: AbortSignal
  readonly progress: Progress
  readonly note: (line: string) => void
}

async function runApplication(client: Client, run: ApplicationRun): Promise<Pick<Outcome, 'answers' | 'workload' | 'changed'>> {
  const { directory, progress, signal } = run
  progress.step('building the image')
  const image = await run.built
  progress.update(`importing ${image.reference}`)
  await withRuntime(directory, (runtime) => importBuilt(image, directory, importerOf(runtime, directory)))
  progress.done(image.reference)
  progress.step('applying manifests')
  const wanted = run.manifests.map((manifest) => withImage(manifest, image.reference))
  const lines = await applyAll(client, wanted, signal)
  progress.done()
  for (const line of lines) run.note(`      ${line}`)
  progress.step('waiting until it answers')
  const answers = await untilItAnswers(client, wanted, { clock: systemClock, signal, progress, address: '127.0.0.1' })
  progress.done()
  const workload = mainWorkload(wanted)
  return {
    changed: lines.some((line) => !line.endsWith(' unchanged')),
    ...(answers && { answers }),
    ...(workload && { workload }),
  }
}
