/** The volumes of the node's pods: set up before containers start, kept up to date, mounted into containers, torn down. */
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Volume } from '#api/core/v1/volume.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { type Container, containersOf } from '../containers/pod-names.ts'
import type { ContainerConfig, Mount, Runtime } from '../cri/runtime.ts'
import { expandStrictly } from '../env/expand.ts'
import type { Addresses } from '../env/field-ref.ts'
import type { CertificateSource } from './certificate-source.ts'
import { type ClaimSource, claimOf, type Mountable } from './claims.ts'
import type { CsiMounts } from './csi-mounts.ts'
import { imagePlugin } from './image.ts'
import { MountError, unableToMount, unmountedNames } from './mount-error.ts'
import type { Mounter } from './mounter.ts'
import type { ObjectSource } from './object-source.ts'
import { pluginOf } from './plugins.ts'
import type { TokenSource } from './service-account-token.ts'
import { prepareSubPath, readInside } from './sub-path.ts'
import type { TrustSource } from './trust-bundles.ts'
import { podDeviceLink, volumePath } from './volume-plugin.ts'
import { usageAt, type VolumeUsage } from './volume-usage.ts'

export interface VolumeFailure {
  readonly volume: string
  readonly message: string
  /** It only waits for others: nobody is told. */
  readonly isQuiet?: boolean
}

export interface PodVolumes {
  /** Fills what is not there yet and brings up to date what follows other objects. Answers what failed, each on its own. */
  setUp(pod: Pod, addresses: Addresses): Promise<readonly VolumeFailure[]>
  /** Whether every volume that a container mounts has been set up once. */
  isReady(pod: Pod): boolean
  /** Throws with the text for CreateContainerConfigError. */
  mountsOf(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<readonly Mount[]>
  /** Puts the files of an image where `mountsOf` then finds them. */
  mountImage(pod: Pod, volume: string, image: string): Promise<void>
  /** A file of a volume that the pod wrote; undefined where there is none. */
  readFile(pod: Pod, volume: string, path: string): Promise<Buffer | undefined>
  /** Throws as `mountsOf`. */
  devicesOf(pod: Pod, container: Container): readonly Device[]
  /** How full they are, as far as their kind lets one tell. */
  usageOf(pod: Pod): Promise<readonly VolumeUsage[]>
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
  readonly claims: ClaimSource
  readonly tokens: TokenSource
  readonly mounter: Mounter
  readonly csi: CsiMounts
  readonly trust?: TrustSource | undefined
  readonly certificates?: CertificateSource | undefined
  readonly clock: Clock
  readonly random: Random
  readonly allocatable: Readonly<Record<string, string>>
  readonly images: Pick<Runtime, 'imageMounts' | 'releaseImage'>
}

export type Device = ContainerConfig['devices'][number]

const propagation = { None: 'private', HostToContainer: 'hostToContainer', Bidirectional: 'bidirectional' } as const

export class DiskVolumes implements PodVolumes {
  readonly #options: DiskVolumesOptions
  /** Pod uid -> name of the volume -> what it was set up as. */
  readonly #done = new Map<string, Map<string, Mountable>>()

  constructor(options: DiskVolumesOptions) {
    this.#options = options
  }

  async setUp(pod: Pod, addresses: Addresses): Promise<readonly VolumeFailure[]> {
    const done = this.#done.get(pod.metadata.uid) ?? new Map<string, Mountable>()
    this.#done.set(pod.metadata.uid, done)
    const failures: VolumeFailure[] = []
    const wanted = usedVolumes(pod)
    await Promise.all(
      wanted.map(async (volume) => {
        const known = done.get(volume.name)
        if (known && !pluginOf(known).isLive && !pluginOf(known).refresh) return
        try {
          done.set(volume.name, await this.#setUpOne(pod, { volume, known }, addresses))
        } catch (error) {
          if (!(error instanceof MountError)) throw error
          failures.push({ volume: volume.name, message: error.message, ...(error.isQuiet && { isQuiet: true }) })
        }
      }),
    )
    const waiting = wanted.filter(({ name }) => !done.has(name)).map(({ name }) => name)
    return failures.map((failure) => ({ ...failure, message: failure.message.replace(unmountedNames, waiting.join(' ')) }))
  }

  /** Answers what it was set up as; rejects with MountErrors alone. */
  async #setUpOne(
    pod: Pod,
    { volume, known }: { volume: Volume; known: Mountable | undefined },
    addresses: Addresses,
  ): Promise<Mountable> {
    const isRefreshed = known !== undefined && !pluginOf(known).isLive
    const found = isRefreshed ? known : await this.#resolve(pod, volume)
    try {
      const plugin = pluginOf(found)
      if (found.isBlock && !plugin.hasDevices) {
        throw new MountError(`MapVolume.FindMapperPluginBySpec failed for volume "${found.name}" : no volume plugin matched`)
      }
      const context = { ...this.#options, pod, volume: found, path: this.#pathOf(pod, found), addresses }
      await (isRefreshed ? plugin.refresh?.(context) : plugin.setUp(context))
      return found
    } catch (error) {
      if (error instanceof MountError) throw error
      const step = found.isBlock ? 'MapVolume.SetUpDevice' : 'MountVolume.SetUp'
      throw new MountError(`${step} failed for volume "${found.name}" : ${textOf(error)}`, { cause: error })
    }
  }

  async #resolve(pod: Pod, volume: Volume): Promise<Mountable> {
    try {
      return await this.#options.claims.resolve(pod, volume)
    } catch (error) {
      if (error instanceof MountError) throw error
      throw new MountError(unableToMount(textOf(error), [volume.name]), { cause: error })
    }
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
      const known = this.#mountable(pod, volume)
      const plugin = pluginOf(known)
      const root = this.#rootOf(pod, known)
      const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, env) : (mount.subPath ?? '')
      const target = join(this.#podDirectory(pod.metadata.uid), 'volume-subpaths', volume.name, container.name, String(index))
      const hostPath = subPath ? await this.#subPath({ volume: root, subPath, target }, mount.name, container.name) : root
      mounts.push({
        containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
        hostPath,
        readonly: Boolean(mount.readOnly || plugin.isReadOnly || known.isReadOnly),
        ...(mount.recursiveReadOnly && mount.recursiveReadOnly !== 'Disabled' && { recursiveReadOnly: true }),
        propagation: propagation[mount.mountPropagation ?? 'None'],
      })
    }
    return mounts
  }

  async mountImage(pod: Pod, name: string, image: string): Promise<void> {
    const path = this.#imagePath(pod.metadata.uid, name)
    const { images, mounter } = this.#options
    const mounts = await images.imageMounts(image, path)
    await mkdir(path, { recursive: true })
    for (const { type, source, options } of mounts) {
      await mounter.mount(path, { type: type === 'bind' ? 'none' : type, source, options })
    }
  }

  async readFile(pod: Pod, name: string, path: string): Promise<Buffer | undefined> {
    const volume = pod.spec.volumes?.find((one) => one.name === name)
    if (!volume) throw new Error(`cannot find the volume "${name}" referenced by FileKeyRef`)
    const known = this.#mountable(pod, volume)
    return await readInside(this.#rootOf(pod, known), path)
  }

  devicesOf(pod: Pod, container: Container): readonly Device[] {
    return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
      const volume = pod.spec.volumes?.find((one) => one.name === name)
      if (!volume) throw new Error(`cannot find volume "${name}" to pass into container "${container.name}"`)
      const known = this.#mountable(pod, volume)
      const hostPath = known.local?.path ?? podDeviceLink(this.#podDirectory(pod.metadata.uid), pluginOf(known), known.name)
      return { containerPath: devicePath, hostPath, permissions: known.isReadOnly ? 'r' : 'mrw' }
    })
  }

  async usageOf(pod: Pod): Promise<readonly VolumeUsage[]> {
    const done = [...(this.#done.get(pod.metadata.uid) ?? [])]
    const found = done.map(async ([name, known]) => {
      const usage = await this.#usageOf(pod, known).catch(() => undefined)
      const volume = pod.spec.volumes?.find((one) => one.name === name)
      return usage ? [{ name, claim: volume && claimOf(pod, volume)?.name, ...usage }] : []
    })
    return (await Promise.all(found)).flat()
  }

  renewAt(pod: Pod): number | undefined {
    const { tokens, certificates } = this.#options
    const times = [tokens.renewAt(pod), certificates?.renewAt(pod.metadata.uid)].filter((at) => at !== undefined)
    return times.length > 0 ? Math.min(...times) : undefined
  }

  async release(podUid: string): Promise<void> {
    const directory = this.#podDirectory(podUid)
    const { mounter, csi } = this.#options
    for (const mount of await mounter.mountsBelow(join(directory, 'volume-subpaths'))) await mounter.unmount(mount)
    await csi.release(podUid)
    for (const mount of await mounter.mountsBelow(directory)) await mounter.unmount(mount)
    for (const name of await readdir(this.#imagePath(podUid)).catch(() => [])) {
      await this.#options.images.releaseImage(this.#imagePath(podUid, name))
    }
    // What is still mounted there belongs to somebody else and must not be removed with the rest.
    const [stuck] = await mounter.mountsBelow(directory)
    if (stuck) throw new Error(`${stuck} is still mounted`)
    for (const folder of ['volume-subpaths', 'volumes', 'volumeDevices'])
      await rm(join(directory, folder), { recursive: true, force: true })
    this.#options.tokens.forget(podUid)
    this.#options.certificates?.forget(podUid)
    this.#done.delete(podUid)
  }

  async tearDown(podUid: string): Promise<void> {
    await this.release(podUid)
    await rm(this.#podDirectory(podUid), { recursive: true, force: true })
  }

  async podsOnDisk(): Promise<readonly string[]> {
    return await readdir(join(this.#options.rootDirectory, 'pods')).catch(() => [])
  }

  #mountable(pod: Pod, volume: Volume): Mountable {
    const known = this.#done.get(pod.metadata.uid)?.get(volume.name)
    if (known) return known
    if (claimOf(pod, volume)) throw new Error(`volume "${volume.name}" is not mounted`)
    return volume
  }

  async #usageOf(pod: Pod, known: Mountable): Promise<Omit<VolumeUsage, 'name'> | undefined> {
    const plugin = pluginOf(known)
    const { csi } = this.#options
    if (known.isBlock) return undefined
    if (plugin.usage) return await plugin.usage({ pod, volume: known, path: this.#pathOf(pod, known), csi })
    const owns = plugin.ownsFileSystem?.(known)
    return owns === undefined ? undefined : await usageAt(this.#rootOf(pod, known), { shared: !owns })
  }

  #pathOf(pod: Pod, known: Mountable): string {
    return volumePath(this.#podDirectory(pod.metadata.uid), pluginOf(known), known.name)
  }

  /** What containers see of it. */
  #rootOf(pod: Pod, known: Mountable): string {
    const plugin = pluginOf(known)
    return plugin.hostPath?.(known) ?? join(this.#pathOf(pod, known), plugin.folder ?? '')
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

  #imagePath(uid: string, name = ''): string {
    return join(volumePath(this.#podDirectory(uid), imagePlugin, name))
  }

  #podDirectory(uid: string): string {
    return join(this.#options.rootDirectory, 'pods', uid)
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Volumes that a container mounts or is given as a device; the others are left alone. */
export function usedVolumes(pod: Pod): readonly Volume[] {
  const used = new Set<string>()
  for (const { container } of containersOf(pod)) {
    for (const { name } of [...(container.volumeMounts ?? []), ...(container.volumeDevices ?? [])]) used.add(name)
  }
  return (pod.spec.volumes ?? []).filter(({ name }) => used.has(name))
}

/** The agent's own folders are for root alone. */
export async function makeRoot(rootDirectory: string): Promise<void> {
  await mkdir(join(rootDirectory, 'pods'), { recursive: true })
  await chmod(rootDirectory, 0o750)
}
