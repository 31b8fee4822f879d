/**
 * Finds plugins by the sockets that they lay down in a folder, asks each what it is, and tells it whether it is welcome (upstream
 * `kubelet/pluginmanager`). A socket that goes takes its plugin with it; one that is laid down anew is another plugin.
 */
import { type FSWatcher, watch } from 'node:fs'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, sleep } from '#lib/clock.ts'
import { GrpcChannel, protosAt } from '../cri/grpc.ts'
import type { Message } from '../cri/proto-wire.ts'
import { csiText } from './csi-node-service.ts'

export interface PluginHandler {
  /** Both reject with the reason for the plugin. */
  validate(plugin: Plugin): void
  register(plugin: Plugin): Promise<void>
  deregister(plugin: Plugin): Promise<void>
}

export interface Plugin {
  readonly name: string
  readonly endpoint: string
  readonly versions: readonly string[]
}

export interface PluginRegistryOptions {
  readonly directory: string
  /** By the type that plugins say they are. */
  readonly handlers: Readonly<Record<string, PluginHandler>>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onError: (error: unknown) => void
}

interface Known {
  /** Which of the sockets that were ever at this path. */
  readonly socket: string
  plugin?: Plugin
  handler?: PluginHandler
  pause: number
  nextAt: number
}

/** Without news from the file system; also how soon a failed registration may be tried again. */
const scanPeriod = 10_000
const firstPause = 500
const longestPause = 122_000
const infoTimeout = 1000
const notifyTimeout = 5000

export const registrationProtos = protosAt([new URL('./plugin-registration.proto', import.meta.url)])

/** Settles after the signal. */
export async function watchPlugins(options: PluginRegistryOptions): Promise<void> {
  const { directory, clock, signal, onError } = options
  await mkdir(directory, { recursive: true, mode: 0o750 })
  const registry = new Registry(options)
  let wake = new AbortController()
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(directory, { persistent: false }, () => wake.abort())
    watcher.on('error', onError)
  } catch (error) {
    onError(error)
  }
  while (!signal.aborted) {
    wake = new AbortController()
    const wait = await registry.scan().catch((error: unknown) => {
      if (!signal.aborted) onError(error)
      return scanPeriod
    })
    await sleep(clock, wait, AbortSignal.any([signal, wake.signal])).catch(() => {})
  }
  watcher?.close()
}

class Registry {
  readonly #options: PluginRegistryOptions
  readonly #known = new Map<string, Known>()

  constructor(options: PluginRegistryOptions) {
    this.#options = options
  }

  /** Answers in how many milliseconds to look again. */
  async scan(): Promise<number> {
    const { directory, clock, onError } = this.#options
    const sockets = await socketsBelow(directory)
    for (const [path, known] of this.#known) {
      if (sockets.get(path) === known.socket) continue
      this.#known.delete(path)
      if (known.plugin) await known.handler?.deregister(known.plugin).catch(onError)
    }
    const now = clock.now()
    await Promise.all(
      [...sockets].map(async ([path, socket]) => {
        const known = this.#known.get(path) ?? { socket, pause: 0, nextAt: now }
        this.#known.set(path, known)
        if (known.plugin || known.nextAt > now) return
        await this.#register(path, known).catch((error: unknown) => {
          known.pause = Math.min(longestPause, known.pause * 2 || firstPause)
          known.nextAt = clock.now() + known.pause
          onError(error)
        })
      }),
    )
    const due = [...this.#known.values()].filter(({ plugin }) => !plugin).map(({ nextAt }) => nextAt - clock.now())
    return Math.max(10, Math.min(scanPeriod, ...due))
  }

  async #register(path: string, known: Known): Promise<void> {
    const channel = new GrpcChannel({ socket: path, clock: this.#options.clock, protos: registrationProtos })
    const call = (method: string, request: Message, timeout: number) =>
      channel.call('pluginregistration.Registration', method, request, { timeout })
    const refuse = async (problem: string): Promise<never> => {
      await call('NotifyRegistrationStatus', { plugin_registered: false, error: problem }, notifyTimeout)
      throw new Error(problem)
    }
    try {
      const info = await call('GetInfo', {}, infoTimeout).catch((error: unknown) => {
        const text = `failed to get plugin info using RPC GetInfo at socket ${path}, err: ${csiText(error)}`
        throw new Error(`RegisterPlugin error -- ${text}`, { cause: error })
      })
      const handler = this.#options.handlers[info.type]
      if (!handler) {
        return await refuse(`RegisterPlugin error -- no handler registered for plugin type: ${info.type} at socket ${path}`)
      }
      const plugin = { name: info.name, endpoint: info.endpoint || path, versions: info.supported_versions }
      try {
        handler.validate(plugin)
      } catch (error) {
        return await refuse(`RegisterPlugin error -- plugin validation failed with err: ${csiText(error)}`)
      }
      await handler
        .register(plugin)
        .catch((error: unknown) => refuse(`RegisterPlugin error -- plugin registration failed with err: ${csiText(error)}`))
      known.plugin = plugin
      known.handler = handler
      await call('NotifyRegistrationStatus', { plugin_registered: true, error: '' }, notifyTimeout)
    } finally {
      channel.close()
    }
  }
}

/** By path, what tells a socket from the one that was there before. */
async function socketsBelow(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await readdir(directory)) {
    if (name.startsWith('.')) continue
    const path = join(directory, name)
    const stats = await lstat(path).catch(() => undefined)
    if (stats?.isSocket()) found.set(path, `${stats.ino} ${stats.ctimeMs}`)
    else if (stats?.isDirectory()) for (const [below, socket] of await socketsBelow(path)) found.set(below, socket)
  }
  return found
}
