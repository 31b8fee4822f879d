/**
 * The node's CSI drivers and their volumes. Most nodes have none: until a driver lays down its socket, a pod has such a volume, or an earlier agent
 * has left one, nothing of it is loaded.
 */
import { watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Node } from '#api/core/v1/node.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { CsiMounts } from '../volumes/csi-mounts.ts'
import type { Mounter } from '../volumes/mounter.ts'
import type { TokenSource } from '../volumes/service-account-token.ts'
import type { CsiVolumesOptions } from './csi-volumes.ts'
import type { PluginHandler } from './plugin-registry.ts'
import type { RunningCsi } from './run-csi.ts'
import { namesIn, pluginDirectory, podDevicePath, podVolumeDirectory } from './volume-data.ts'

export interface CsiOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly mounter: Mounter
  readonly tokens: TokenSource
  readonly rootDirectory: string
  readonly rootFor?: CsiVolumesOptions['rootFor']
  readonly nodeName: string
  readonly node: () => Node | undefined
  readonly record: CsiVolumesOptions['record']
  /** What `volumesInUse` answers is another. */
  readonly onVolumesInUse: () => void
  /** A driver has come: what failed for want of it may be tried again. */
  readonly onDriver: () => void
  readonly onError: (error: unknown) => void
  /** Of other plugins that lay their sockets into the same folder, by their type. */
  readonly otherPlugins?: Readonly<Record<string, PluginHandler>> | undefined
}

export interface NodeCsi extends CsiMounts {
  /** Persistent volumes of drivers that attach them, for the node's status; undefined while they are not known. */
  volumesInUse(): readonly string[] | undefined
}

export function startCsi(options: CsiOptions): NodeCsi {
  const { rootDirectory } = options
  let [running, loading]: [RunningCsi | undefined, Promise<RunningCsi> | undefined] = [undefined, undefined]
  const load = () =>
    (loading ??= import('./run-csi.ts').then(async ({ runCsi }) => (running = await runCsi({ ...options, pluginsDirectory }))))
  const pluginsDirectory = join(rootDirectory, 'plugins_registry')
  let isKnown = false
  const begin = async () => {
    if (await hasTraces(rootDirectory)) await load()
    isKnown = true
    options.onVolumesInUse()
    const { NodeRecord } = await import('./node-record.ts')
    await new NodeRecord(options).begin().catch(options.onError)
    await firstPlugin(pluginsDirectory, options.signal)
    if (!options.signal.aborted) await load()
  }
  void begin().catch((error: unknown) => {
    if (!options.signal.aborted) options.onError(error)
  })
  return {
    setUp: async (context) => (await load()).volumes.setUp(context),
    refresh: async (context) => (await load()).volumes.refresh(context),
    usage: async (context) => (await load()).volumes.usage(context),
    async release(podUid) {
      if (running || (await hasVolumes(rootDirectory, podUid))) await (await load()).volumes.release(podUid)
    },
    volumesInUse: () => (running ? running.inUse.names() : isKnown && !loading ? [] : undefined),
  }
}

async function hasVolumes(root: string, podUid: string): Promise<boolean> {
  const folders = [podVolumeDirectory(root, podUid, ''), podDevicePath(root, podUid, '')]
  return (await Promise.all(folders.map(namesIn))).some(({ length }) => length > 0)
}

async function hasTraces(root: string): Promise<boolean> {
  if ((await namesIn(pluginDirectory(root))).length > 0) return true
  for (const uid of await namesIn(join(root, 'pods'))) if (await hasVolumes(root, uid)) return true
  return false
}

/** Resolves when there is one, or the signal came. */
async function firstPlugin(directory: string, signal: AbortSignal): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o750 })
  const news = Promise.withResolvers<void>()
  const watcher = watch(directory, { persistent: false }, () => news.resolve())
  const stop = () => news.resolve()
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (!signal.aborted && (await namesIn(directory)).length === 0) await news.promise
  } finally {
    signal.removeEventListener('abort', stop)
    watcher.close()
  }
}
