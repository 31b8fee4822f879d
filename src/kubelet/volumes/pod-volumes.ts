/** The volumes of the node's pods: set up before containers start, kept up to date, mounted into containers, torn down. */
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Volume } from '#api/core/v1/volume.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { type Container, containersOf } from '../containers/pod-names.ts'
import type { Mount } from '../cri/runtime.ts'
import { expandStrictly } from '../env/expand.ts'
import type { Addresses } from '../env/field-ref.ts'
import type { Mounter } from './mounter.ts'
import type { ObjectSource } from './object-source.ts'
import { pluginOf } from './plugins.ts'
import type { TokenSource } from './service-account-token.ts'
import { prepareSubPath } from './sub-path.ts'
import { volumePath } from './volume-plugin.ts'

export interface VolumeFailure {
  readonly volume: string
  readonly message: string
}

export interface PodVolumes {
  /** Fills what is not there yet and brings up to date what follows other objects. Answers what failed, each on its own. */
  setUp(pod: Pod, addresses: Addresses): Promise<readonly VolumeFailure[]>
  /** Whether every volume that a container mounts has been set up once. */
  isReady(pod: Pod): boolean
  /** Throws with the text for CreateContainerConfigError. */
  mountsOf(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<readonly Mount[]>
  /** When content must be looked at again without any object having changed (tokens). */
  renewAt(pod: Pod): number | undefined
  /** Of a pod that has ended: unmounts and removes its volumes, and keeps what its status is made from. Safe to repeat. */
  release(podUid: string): Promise<void>
  /** Of a pod that is gone: removes everything. Safe to repeat. */
  tearDown(podUid: string): Promise<void>
  /** Pods of which there is anything on disk. */
  podsOnDisk(): Promise<readonly string[]>
}

export interface DiskVolumesOptions {
  readonly rootDirectory: string
  readonly objects: ObjectSource
  readonly tokens: TokenSource
  readonly mounter: Mounter
  readonly clock: Clock
  readonly random: Random
  readonly allocatable: Readonly<Record<string, string>>
}

const propagation = { None: 'private', HostToContainer: 'hostToContainer', Bidirectional: 'bidirectional' } as const

export class DiskVolumes implements PodVolumes {
  readonly #options: DiskVolumesOptions
  /** Pod uid -> names of the volumes that are set up. */
  readonly #done = new Map<string, Set<string>>()

  constructor(options: DiskVolumesOptions) {
    this.#options = options
  }

  async setUp(pod: Pod, addresses: Addresses): Promise<readonly VolumeFailure[]> {
    const done = this.#done.get(pod.metadata.uid) ?? new Set<string>()
    this.#done.set(pod.metadata.uid, done)
    const failures: VolumeFailure[] = []
    await Promise.all(
      usedVolumes(pod).map(async (volume) => {
        try {
          const plugin = pluginOf(volume)
          if (done.has(volume.name) && !plugin.isLive) return
          const path = volumePath(this.#podDirectory(pod.metadata.uid), plugin, volume.name)
          await plugin.setUp({ ...this.#options, pod, volume, path, addresses })
          done.add(volume.name)
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error)
          failures.push({ volume: volume.name, message: `MountVolume.SetUp failed for volume "${volume.name}" : ${text}` })
        }
      }),
    )
    return failures
  }

  isReady(pod: Pod): boolean {
    const done = this.#done.get(pod.metadata.uid)
    return usedVolumes(pod).every(({ name }) => done?.has(name))
  }

  async mountsOf(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<readonly Mount[]> {
    const mounts: Mount[] = []
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      const volume = pod.spec.volumes?.find(({ name }) => name === mount.name)
      if (!volume) throw new Error(`cannot find volume "${mount.name}" to mount into container "${container.name}"`)
      const plugin = pluginOf(volume)
      const root = this.#rootOf(pod, volume)
      const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, env) : (mount.subPath ?? '')
      const target = join(this.#podDirectory(pod.metadata.uid), 'volume-subpaths', volume.name, container.name, String(index))
      const hostPath = subPath ? await this.#subPath({ volume: root, subPath, target }, mount.name, container.name) : root
      mounts.push({
        containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
        hostPath,
        readonly: Boolean(mount.readOnly || plugin.isReadOnly),
        ...(mount.recursiveReadOnly && mount.recursiveReadOnly !== 'Disabled' && { recursiveReadOnly: true }),
        propagation: propagation[mount.mountPropagation ?? 'None'],
      })
    }
    return mounts
  }

  renewAt(pod: Pod): number | undefined {
    return this.#options.tokens.renewAt(pod)
  }

  async release(podUid: string): Promise<void> {
    const directory = this.#podDirectory(podUid)
    for (const mount of await this.#options.mounter.mountsBelow(directory)) await this.#options.mounter.unmount(mount)
    for (const folder of ['volume-subpaths', 'volumes']) await rm(join(directory, folder), { recursive: true, force: true })
    this.#options.tokens.forget(podUid)
    this.#done.delete(podUid)
  }

  async tearDown(podUid: string): Promise<void> {
    await this.release(podUid)
    await rm(this.#podDirectory(podUid), { recursive: true, force: true })
  }

  async podsOnDisk(): Promise<readonly string[]> {
    return await readdir(join(this.#options.rootDirectory, 'pods')).catch(() => [])
  }

  #rootOf(pod: Pod, volume: Volume): string {
    const plugin = pluginOf(volume)
    return plugin.hostPath?.(volume) ?? volumePath(this.#podDirectory(pod.metadata.uid), plugin, volume.name)
  }

  async #subPath(mount: Parameters<typeof prepareSubPath>[0], volume: string, container: string): Promise<string> {
    try {
      await mkdir(mount.volume, { recursive: true })
      return await prepareSubPath(mount, this.#options.mounter)
    } catch (error) {
      const text = `failed to prepare subPath for volumeMount "${volume}" of container "${container}"`
      throw new Error(text, { cause: error })
    }
  }

  #podDirectory(uid: string): string {
    return join(this.#options.rootDirectory, 'pods', uid)
  }
}

/** Volumes that a container mounts; the others are left alone. */
export function usedVolumes(pod: Pod): readonly Volume[] {
  const used = new Set([...containersOf(pod)].flatMap(({ container }) => (container.volumeMounts ?? []).map(({ name }) => name)))
  return (pod.spec.volumes ?? []).filter(({ name }) => used.has(name))
}

/** The agent's own folders are for root alone. */
export async function makeRoot(rootDirectory: string): Promise<void> {
  await mkdir(join(rootDirectory, 'pods'), { recursive: true })
  await chmod(rootDirectory, 0o750)
}
