/**
 * `nami dev`: a stack with one service under development. Saved files go into its running container and its process starts anew: no image
 * is built and no pod restarted. Only when what the image is made of changes is it built again. In the end the cluster is as it was.
 */
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { readContext } from '#images/context.ts'
import type { Image } from '#images/image.ts'
import { followStack } from '../compose/follow.ts'
import { cleanStack, podsOf, type RunningStack, startStack, stopStack } from '../compose/run-stack.ts'
import type { Service } from '../compose/service.ts'
import type { PodStreams } from '../environment/target.ts'
import { cleanName } from '../project/clean-name.ts'
import type { Surroundings } from '../surroundings.ts'
import { WorkflowError } from '../workflow-error.ts'
import { supervised } from './supervisor.ts'
import { changeReader, type Execute, openReceiver, type Receiver } from './sync.ts'
import { watchFolder } from './watch-folder.ts'

export interface Forwarding {
  readonly local: number
  readonly remote: number
  readonly pod: () => { readonly name: string; readonly namespace: string } | undefined
  /** Leads to the application under development: concerned by `hold`. */
  readonly isOwn: boolean
}

export interface DevelopOptions {
  readonly running: Omit<RunningStack, 'images' | 'publishes'>
  /** Still waits when Ctrl-C was pressed. */
  readonly calm: Surroundings
  readonly service: string
  /** Builds every service anew; of the one under development the image too. */
  build(): Promise<{ readonly images: RunningStack['images']; readonly image: Image }>
  readonly pods: PodStreams
  readonly execute: Execute
  /** Answers the port that it took: another where the wanted one is in use. */
  forward(forwarding: Forwarding): Promise<number>
  /**
   * While the application starts anew: who connects waits until the answer is called. Connections that were there are ended then, since
   * the node tells of their end a second later.
   */
  hold(): () => void
  readonly debugPort?: number | undefined
  /** Applications that notice changes by themselves are left running. */
  readonly restarts: boolean
  readonly isKept: boolean
  readonly hasColours: boolean
}

/** What images are made of, beside the source. */
const ingredients =
  /^(package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|requirements[^/]*\.txt|pyproject\.toml|Procfile|Dockerfile[^/]*|\.dockerignore|node_modules\/\.package-lock\.json)$/

export async function develop(options: DevelopOptions): Promise<void> {
  const { running, calm } = options
  const { around, stack, client, namespace } = running
  const directory = stack.services[options.service]?.build?.context
  if (!directory) throw new WorkflowError(`service ${options.service} is not built from a folder: there is nothing to develop.`)
  const isNew = !(await client.get(Namespace, { name: namespace }).catch(() => undefined))
  const stop = new AbortController()
  const signal = AbortSignal.any([around.signal, stop.signal])
  try {
    // Before the build, so that nothing that is saved meanwhile is missed.
    const apart = { node_modules: ['.package-lock.json'], '.venv': [], venv: [] }
    const watched = await watchFolder({ directory, apart, clock: around.clock, signal })
    const { entries } = await readContext(directory, { apart: Object.keys(apart) })
    const session = new Session(options, { directory, known: new Set(entries.map(({ path }) => path)) })
    await session.start()
    void session.follow(signal)
    await session.forwardPorts()
    around.note(`watching ${directory}; Ctrl-C ends`)
    for await (const paths of watched.changes) await session.take(paths)
  } catch (error) {
    if (!around.signal.aborted) throw error
  } finally {
    stop.abort()
    around.note('stopping')
    await stopStack({ ...running, around: calm })
    if (isNew && !options.isKept) await cleanStack({ client, namespace, around: calm })
  }
}

class Session {
  #options: DevelopOptions
  #receiver: Receiver | undefined
  #pod: { readonly name: string; readonly namespace: string } | undefined
  #image: Image | undefined
  #read: ReturnType<typeof changeReader>

  constructor(options: DevelopOptions, { directory, known }: { directory: string; known: ReadonlySet<string> }) {
    this.#options = options
    this.#read = changeReader(directory, { known, note: options.running.around.note })
  }

  /** Also again, with a new image. */
  async start(): Promise<void> {
    const { running, service, build, debugPort } = this.#options
    const { images, image } = await build()
    if (this.#image?.descriptor.digest === image.descriptor.digest) return
    const own = running.stack.services[service] as Service
    const stack = {
      ...running.stack,
      services: { ...running.stack.services, [service]: underDevelopment(own, image, debugPort) },
    }
    this.#receiver?.close()
    await startStack({ ...running, stack, images, publishes: false })
    this.#image = image
    const [pod] = (await podsOf(running, service)).filter(({ metadata }) => !metadata.deletionTimestamp)
    if (!pod) throw new WorkflowError(`service ${service} has no pod.`)
    this.#pod = { name: pod.metadata.name, namespace: running.namespace }
    this.#receiver = await this.#connect(this.#pod, image)
  }

  #connect(pod: { name: string; namespace: string }, image: Image): Promise<Receiver> {
    const { execute, service } = this.#options
    const folder = image.config.config.WorkingDir || '/app'
    return openReceiver(execute, { pod, container: cleanName(service), folder, ports: this.#ports() })
  }

  /** Of the service, in its pod. */
  #ports(): number[] {
    const { running, service } = this.#options
    const published = (running.stack.services[service]?.ports ?? []).filter(({ protocol }) => protocol === 'TCP')
    return published.length > 0 ? published.map(({ target }) => target) : exposedPorts(this.#image)
  }

  async forwardPorts(): Promise<void> {
    const { running, service, forward, debugPort } = this.#options
    const { around } = running
    const exposed = exposedPorts(this.#image)
    for (const one of Object.values(running.stack.services)) {
      const published = one.ports.filter(({ protocol, published: port }) => protocol === 'TCP' && port !== undefined)
      const pairs = published.map(({ published: local = 0, target }) => ({ local, remote: target }))
      const isOwn = one.name === service
      if (isOwn && pairs.length === 0) pairs.push(...exposed.map((port) => ({ local: port, remote: port })))
      if (isOwn && debugPort) pairs.push({ local: debugPort, remote: debugPort })
      const at = { name: `${cleanName(one.name)}-1`, namespace: running.namespace }
      for (const { local, remote } of pairs) {
        const port = await forward({ local, remote, isOwn, pod: () => (isOwn ? this.#pod : at) })
        const what = isOwn && remote === debugPort ? 'debugger' : one.name
        around.note(`${what}: http://localhost:${port}${port === local ? '' : ` (${local} is in use)`}`)
      }
    }
  }

  async follow(signal: AbortSignal): Promise<void> {
    const { running, pods, hasColours } = this.#options
    const around = { ...running.around, signal }
    await followStack({ running, pods, around, hasColours, options: { isFollowed: true } }, () => signal.aborted).catch(() => {})
  }

  /** A fault of the user's, such as a lock file that does not fit, is told and ends nothing. */
  async take(paths: ReadonlySet<string>): Promise<void> {
    const { running, restarts } = this.#options
    const { around } = running
    try {
      if ([...paths].some((path) => ingredients.test(path))) {
        around.note('what the image is made of has changed: building')
        await this.start()
        return
      }
      const began = around.clock.monotonic()
      const changes = await this.#read(paths)
      const names = [...changes.put.map(({ path }) => path), ...changes.removed]
      if (names.length === 0) return
      await this.#send(changes, restarts)
      const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
      around.note(`sent ${names.slice(0, 3).join(', ')}${more} (${Math.round(around.clock.monotonic() - began)} ms)`)
    } catch (error) {
      if (around.signal.aborted) throw error
      around.note(`error: ${(error as Error).message}`)
    }
  }

  /** A connection that was lost is made once more. */
  async #send(changes: Parameters<Receiver['send']>[0], restarts: boolean): Promise<void> {
    if (!this.#receiver || !this.#pod || !this.#image) return
    const release = restarts ? this.#options.hold() : undefined
    try {
      await this.#receiver.send(changes, { restarts })
    } catch (error) {
      const [pod] = await podsOf(this.#options.running, this.#options.service)
      if (!pod || !isRunning(pod)) throw error
      this.#receiver = await this.#connect(this.#pod, this.#image)
      await this.#receiver.send(changes, { restarts })
    } finally {
      release?.()
    }
  }
}

function exposedPorts(image: Image | undefined): number[] {
  return Object.keys(image?.config.config.ExposedPorts ?? {}).map((text) => Number(text.split('/')[0]))
}

function isRunning({ status }: Pod): boolean {
  return status.containerStatuses?.[0]?.state?.running !== undefined
}

/** Its own command below a process that can start it anew; the folder is no longer mounted, since it is sent. */
export function underDevelopment(service: Service, image: Image, debugPort: number | undefined): Service {
  const { Entrypoint = [], Cmd = [], WorkingDir = '/app' } = image.config.config
  const entrypoint = service.entrypoint ?? Entrypoint
  const command = service.command ?? (service.entrypoint ? [] : Cmd)
  const [first, ...rest] = supervised([...entrypoint, ...command])
  const options = [service.environment.NODE_OPTIONS, debugPort && `--inspect=0.0.0.0:${debugPort}`].filter(Boolean).join(' ')
  return {
    ...service,
    scale: 1,
    restart: 'Always',
    entrypoint: [first as string],
    command: rest,
    environment: { ...service.environment, ...(options && { NODE_OPTIONS: options }) },
    mounts: service.mounts.filter((mount) => mount.kind !== 'folder' || mount.target !== WorkingDir),
  }
}
