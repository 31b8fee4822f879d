/**
 * CSI volumes of the node's pods: staged once for the node, published for each pod, and taken down again (upstream `pkg/volume/csi`).
 *
 * Guarantees
 * - What is done to one volume happens in turn, whoever asks.
 * - Before a driver is asked for anything it is written down what would have to be undone; after an answer that leaves open how far the driver
 *   came, that stays.
 * - Taking down needs no memory: another agent does it from what is on disk.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import type { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { KubeObject } from '#schema/kind.ts'
import type { CsiMountContext, CsiMounts } from '../volumes/csi-mounts.ts'
import { MountError, unableToMount } from '../volumes/mount-error.ts'
import type { Mounter } from '../volumes/mounter.ts'
import { giveToGroup } from '../volumes/ownership.ts'
import type { TokenSource } from '../volumes/service-account-token.ts'
import type { VolumeUsage } from '../volumes/volume-usage.ts'
import { deviceNotes, publishDevice, unpublishDevice } from './csi-devices.ts'
import { expand, pendingExpansion } from './csi-expand.ts'
import { type CsiNodeService, csiText, isFinal } from './csi-node-service.ts'
import { accessOf, type CsiSource, checkLifecycle, podInfo, type SecretName, sourceOf, takesGroup } from './csi-source.ts'
import { InTurn } from './in-turn.ts'
import type { RegisteredDrivers } from './registered-drivers.ts'
import {
  attachmentName,
  deviceDirectories,
  namesIn,
  podDevicePath,
  podVolumeDirectory,
  readVolumeData,
  removeVolume,
  stagingDirectory,
  uniqueVolumeName,
  writeVolumeData,
} from './volume-data.ts'
import type { VolumesInUse } from './volumes-in-use.ts'

export interface CsiVolumesOptions {
  readonly client: Client
  readonly clock: Clock
  readonly mounter: Mounter
  readonly tokens: TokenSource
  readonly rootDirectory: string
  /** What the driver of an endpoint calls the root directory; default the same. */
  readonly rootFor?: ((endpoint: string) => string) | undefined
  readonly nodeName: string
  readonly node: () => Node | undefined
  readonly drivers: RegisteredDrivers
  /** Undefined where there is no such object. */
  readonly csiDriver: (name: string) => Promise<CSIDriver | undefined>
  readonly inUse: VolumesInUse
  readonly record: (about: KubeObject, event: { type: 'Normal' | 'Warning'; reason: string; message: string }) => void
  readonly onError: (error: unknown) => void
}

/** How long attaching may take before the pod is told. */
const patience = 123_000
const growPeriod = 60_000
const tokensKey = 'csi.storage.k8s.io/serviceAccount.tokens'
const plugin = 'kubernetes.io/csi:'

export class CsiVolumes implements CsiMounts {
  readonly #options: CsiVolumesOptions
  readonly #inTurn = new InTurn()
  /** By pod and volume, since when it waits to be attached. */
  readonly #waiting = new Map<string, number>()
  /** By volume, when it was last looked for whether it had grown. */
  readonly #lookedAt = new Map<string, number>()

  constructor(options: CsiVolumesOptions) {
    this.#options = options
  }

  async setUp(context: CsiMountContext): Promise<void> {
    const source = sourceOf(context.pod, context.volume)
    await this.#inTurn.run(uniqueVolumeName(source), async () => {
      const driver = await this.#options.csiDriver(source.driver)
      const attributes = source.isInline ? {} : await this.#attached(context, source, driver)
      if (source.isBlock) await this.#publishDevice(context, source, attributes)
      else await this.#publish(context, { source, driver, attributes })
    })
    await this.#grow(context, source)
  }

  async refresh(context: CsiMountContext): Promise<void> {
    const source = sourceOf(context.pod, context.volume)
    const driver = await this.#options.csiDriver(source.driver)
    if (driver?.spec.requiresRepublish) await this.setUp(context)
    await this.#grow(context, source)
  }

  async usage({ pod, volume, path }: CsiMountContext): Promise<Omit<VolumeUsage, 'name'> | undefined> {
    const source = sourceOf(pod, volume)
    const service = this.#options.drivers.service(source.driver)
    if (!(await service.capabilities()).has('GET_VOLUME_STATS')) return undefined
    const found = await service.stats(source.handle, this.#pathFor(source.driver, join(path, 'mount')))
    const [bytes, inodes] = ['BYTES', 'INODES'].map((unit) => found.find((one) => one.unit === unit))
    return {
      capacityBytes: bytes?.total ?? 0,
      availableBytes: bytes?.available ?? 0,
      usedBytes: bytes?.used ?? 0,
      inodes: inodes?.total ?? 0,
      inodesFree: inodes?.available ?? 0,
      inodesUsed: inodes?.used ?? 0,
    }
  }

  async release(podUid: string): Promise<void> {
    const { rootDirectory, inUse } = this.#options
    for (const key of this.#waiting.keys()) if (key.startsWith(`${podUid}/`)) this.#waiting.delete(key)
    for (const name of await namesIn(podVolumeDirectory(rootDirectory, podUid, ''))) {
      const directory = podVolumeDirectory(rootDirectory, podUid, name)
      const data = await readVolumeData(directory)
      if (!data) continue
      const { driverName: driver = '', volumeHandle: handle = '' } = data
      await this.#inTurn.run(uniqueVolumeName({ driver, handle }), () => this.#unpublish(directory, { driver, handle, name }))
    }
    for (const name of await namesIn(podDevicePath(rootDirectory, podUid, ''))) {
      const { driverName: driver = '', volumeHandle: handle = '' } = (await deviceNotes(rootDirectory, name)) ?? {}
      const device = { ...this.#devices(), podUid, name }
      await this.#inTurn.run(uniqueVolumeName({ driver, handle }), () => unpublishDevice(device))
    }
    inUse.letGo(podUid)
    void this.sweep()
  }

  /** Unstages what no pod holds. What fails is left for the next time. */
  async sweep(): Promise<void> {
    const { inUse, onError } = this.#options
    const idle = inUse.idle().map((held) =>
      this.#inTurn.run(uniqueVolumeName(held), async () => {
        if (held.pods.size > 0) return
        await this.#unstage(held)
        this.#lookedAt.delete(uniqueVolumeName(held))
        inUse.forget(held)
      }),
    )
    for (const result of await Promise.allSettled(idle)) if (result.status === 'rejected') onError(result.reason)
  }

  /** What the attacher said about the volume; waits, by failing quietly, until it is attached. */
  async #attached({ pod, volume }: CsiMountContext, source: CsiSource, driver: CSIDriver | undefined) {
    const { client, clock, inUse, node, nodeName } = this.#options
    const isAttachable = driver?.spec.attachRequired ?? true
    inUse.hold(source, pod.metadata.uid, isAttachable)
    if (!isAttachable) return {}
    const key = `${pod.metadata.uid}/${volume.name}`
    const name = uniqueVolumeName(source)
    const { volumesAttached = [], volumesInUse = [] } = node()?.status ?? {}
    if (!volumesInUse.includes(name) || !volumesAttached.some((one) => one.name === name)) {
      const since = this.#waiting.get(key) ?? clock.now()
      this.#waiting.set(key, since)
      if (clock.now() - since >= patience) throw new MountError(unableToMount('context deadline exceeded'))
      throw new MountError(`Volume not attached according to node status for volume "${source.name}"`, { isQuiet: true })
    }
    this.#waiting.delete(key)
    try {
      const attachment = { name: attachmentName({ ...source, node: nodeName }) }
      return (await client.get(VolumeAttachment, attachment)).status?.attachmentMetadata ?? {}
    } catch (error) {
      throw mountDeviceError(source, error)
    }
  }

  /** Where the driver stages it, which it does once; '' where it does not. */
  async #stage(context: CsiMountContext, source: CsiSource, attributes: Attributes): Promise<string> {
    const { mounter, rootDirectory } = this.#options
    const service = this.#service(source.driver, 'attacher.MountDevice failed to create newCsiDriverClient')
    const capabilities = await service.capabilities()
    const stages = capabilities.has('STAGE_UNSTAGE_VOLUME')
    const directory = stagingDirectory(rootDirectory, source)
    const target = join(directory, 'globalmount')
    const stagingPath = this.#pathFor(source.driver, target)
    if ((await mounter.mountsBelow(target)).includes(target)) return stages ? stagingPath : ''
    const secrets = stages ? await this.#secrets(source.stageSecret, 'NodeStageSecretRef') : {}
    await mkdir(target, { recursive: true, mode: 0o750 })
    await writeVolumeData(directory, { volumeHandle: source.handle, driverName: source.driver })
    if (!stages) return ''
    const access = accessOf(source, groupOf(context.pod, capabilities))
    const volumeContext = source.attributes
    try {
      await service.stage({ volumeId: source.handle, stagingPath, access, publishContext: attributes, volumeContext, secrets })
    } catch (error) {
      if (isFinal(error)) await removeVolume(directory, 'globalmount').catch(this.#options.onError)
      throw error
    }
    return stagingPath
  }

  async #publish(context: CsiMountContext, { source, driver, attributes }: Publication): Promise<void> {
    const { pod, path } = context
    const staging = source.isInline ? '' : await this.#staged(context, source, attributes)
    const service = this.#service(source.driver, 'mounter.SetUpAt failed to get CSI client')
    try {
      checkLifecycle(source, driver)
    } catch (error) {
      throw new Error(`${plugin} mounter.SetupAt failed to check volume lifecycle mode: ${csiText(error)}`, { cause: error })
    }
    const capabilities = await service.capabilities()
    const secrets = await this.#secrets(source.publishSecret, 'NodePublishSecretRef')
    const info = driver?.spec.podInfoOnMount ? podInfo(pod, source) : {}
    const tokens = await this.#tokens(pod, driver)
    const isSecret = driver?.spec.serviceAccountTokenInSecrets ?? false
    await mkdir(path, { recursive: true, mode: 0o750 })
    await writeVolumeData(path, this.#notes(source))
    const target = join(path, 'mount')
    const request = {
      volumeId: source.handle,
      stagingPath: staging,
      targetPath: this.#pathFor(source.driver, target),
      readOnly: source.readOnly,
      access: accessOf(source, groupOf(pod, capabilities)),
      publishContext: attributes,
      volumeContext: { ...source.attributes, ...info, ...(!isSecret && tokens) },
      secrets: { ...secrets, ...(isSecret && tokens) },
    }
    try {
      await service.publish(request)
    } catch (error) {
      if (isFinal(error) && !(await this.#isMounted(target))) await removeVolume(path, 'mount').catch(this.#options.onError)
      throw new Error(csiText(error), { cause: error })
    }
    if (!capabilities.has('VOLUME_MOUNT_GROUP') && takesGroup(source, driver)) await this.#own(pod, target, source)
  }

  async #staged(context: CsiMountContext, source: CsiSource, attributes: Attributes): Promise<string> {
    try {
      return await this.#stage(context, source, attributes)
    } catch (error) {
      throw mountDeviceError(source, error)
    }
  }

  async #own(pod: Pod, target: string, { handle }: CsiSource): Promise<void> {
    await giveToGroup(target, pod, { readOnly: false }).catch((error: unknown) => {
      throw new Error(`applyFSGroup failed for vol ${handle}: ${csiText(error)}`, { cause: error })
    })
  }

  async #unpublish(directory: string, { driver, handle, name }: { driver: string; handle: string; name: string }): Promise<void> {
    const target = join(directory, 'mount')
    try {
      await this.#options.drivers.service(driver).unpublish(handle, this.#pathFor(driver, target))
    } catch (error) {
      const text = `UnmountVolume.TearDown failed for volume "${name}" : ${plugin} Unmounter.TearDownAt failed`
      throw new Error(`${text}: ${csiText(error)}`, { cause: error })
    }
    await this.#options.mounter.unmount(target)
    await removeVolume(directory, 'mount')
  }

  async #unstage({ driver, handle }: { driver: string; handle: string }): Promise<void> {
    const directory = stagingDirectory(this.#options.rootDirectory, { driver, handle })
    if (!(await readVolumeData(directory))) return
    const target = join(directory, 'globalmount')
    const service = this.#service(driver, 'attacher.UnmountDevice failed to create newCsiDriverClient')
    if ((await service.capabilities()).has('STAGE_UNSTAGE_VOLUME')) {
      await service.unstage(handle, this.#pathFor(driver, target)).catch((error: unknown) => {
        throw new Error(`${plugin} attacher.UnmountDevice failed: ${csiText(error)}`, { cause: error })
      })
    }
    await this.#options.mounter.unmount(target)
    await removeVolume(directory, 'globalmount')
  }

  async #publishDevice({ pod }: CsiMountContext, source: CsiSource, publishContext: Attributes): Promise<void> {
    const secrets = {
      stage: await this.#secrets(source.stageSecret, 'NodeStageSecretRef'),
      publish: await this.#secrets(source.publishSecret, 'NodePublishSecretRef'),
    }
    const notes = this.#notes(source)
    await publishDevice({ ...this.#devices(), pod, source, publishContext, secrets, notes })
  }

  /** The volume may have grown since; looked at once in a while. What fails is tried again then, and is no reason not to start. */
  async #grow({ pod, path }: CsiMountContext, source: CsiSource): Promise<void> {
    const { client, clock, drivers, record, nodeName, rootDirectory } = this.#options
    const name = uniqueVolumeName(source)
    if (source.isInline || source.readOnly || (this.#lookedAt.get(name) ?? Number.NEGATIVE_INFINITY) > clock.now() - growPeriod)
      return
    this.#lookedAt.set(name, clock.now())
    const due = await pendingExpansion(client, source.name)
    const service = drivers.service(source.driver)
    const capabilities = due ? await service.capabilities() : new Set<string>()
    if (!due || !capabilities.has('EXPAND_VOLUME')) return
    const device = deviceDirectories(rootDirectory, source.name)
    const target = source.isBlock ? join(device.publish, pod.metadata.uid) : join(path, 'mount')
    const staging = source.isBlock ? device.staging : join(stagingDirectory(rootDirectory, source), 'globalmount')
    const stages = capabilities.has('STAGE_UNSTAGE_VOLUME')
    const paths = {
      volumePath: this.#pathFor(source.driver, target),
      stagingPath: stages ? this.#pathFor(source.driver, staging) : '',
    }
    try {
      const secrets = await this.#secrets(source.expandSecret, 'NodeExpandSecretRef')
      const request = { volumeId: source.handle, ...paths, access: accessOf(source, groupOf(pod, capabilities)), secrets }
      await expand(due, { client, service, request })
      const message = `MountVolume.NodeExpandVolume succeeded for volume "${source.name}" ${nodeName}`
      for (const about of [pod, due.claim]) record(about, { type: 'Normal', reason: 'FileSystemResizeSuccessful', message })
    } catch (error) {
      const message = `MountVolume.NodeExpandVolume failed for volume "${source.name}" : ${csiText(error)}`
      record(pod, { type: 'Warning', reason: 'FileSystemResizeFailed', message })
    }
  }

  #devices() {
    const { drivers, rootDirectory } = this.#options
    return { drivers, rootDirectory, pathFor: (driver: string, path: string) => this.#pathFor(driver, path) }
  }

  #notes({ name, handle, driver, isInline }: CsiSource) {
    const { nodeName } = this.#options
    return {
      specVolID: name,
      volumeHandle: handle,
      driverName: driver,
      nodeName,
      attachmentID: attachmentName({ driver, handle, node: nodeName }),
      volumeLifecycleMode: isInline ? 'Ephemeral' : 'Persistent',
    }
  }

  #service(driver: string, about: string): CsiNodeService {
    try {
      return this.#options.drivers.service(driver)
    } catch (error) {
      throw new Error(`${plugin} ${about}: ${csiText(error)}`, { cause: error })
    }
  }

  /** A path as the driver sees it. */
  #pathFor(driver: string, path: string): string {
    const { rootDirectory, rootFor, drivers } = this.#options
    const root = rootFor?.(drivers.endpoint(driver) ?? '') ?? rootDirectory
    return root + path.slice(rootDirectory.length)
  }

  async #isMounted(path: string): Promise<boolean> {
    return (await this.#options.mounter.mountsBelow(path)).includes(path)
  }

  async #secrets(ref: SecretName | undefined, field: string): Promise<Record<string, string>> {
    if (!ref) return {}
    try {
      const { data = {} } = await this.#options.client.get(Secret, ref)
      return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
    } catch (error) {
      throw new Error(`fetching ${field} ${ref.namespace}/${ref.name} failed: ${csiText(error)}`, { cause: error })
    }
  }

  async #tokens(pod: Pod, driver: CSIDriver | undefined): Promise<Record<string, string>> {
    const requests = driver?.spec.tokenRequests ?? []
    if (requests.length === 0) return {}
    const tokens: Record<string, object> = {}
    for (const { audience, expirationSeconds } of requests) {
      try {
        const wish = { audience, ...(expirationSeconds !== undefined && { expirationSeconds: Number(expirationSeconds) }) }
        tokens[audience] = await this.#options.tokens.status(pod, wish)
      } catch (error) {
        const text = 'mounter.SetUpAt failed to get service accoount token attributes'
        throw new Error(`${plugin} ${text}: ${csiText(error)}`, { cause: error })
      }
    }
    return { [tokensKey]: JSON.stringify(tokens) }
  }
}

type Attributes = Readonly<Record<string, string>>

interface Publication {
  readonly source: CsiSource
  readonly driver: CSIDriver | undefined
  readonly attributes: Attributes
}

function mountDeviceError({ name }: CsiSource, error: unknown): MountError {
  return new MountError(`MountVolume.MountDevice failed for volume "${name}" : ${csiText(error)}`, { cause: error })
}

/** For drivers that give a volume to a group themselves. */
function groupOf({ spec }: Pod, capabilities: ReadonlySet<string>): number | undefined {
  return capabilities.has('VOLUME_MOUNT_GROUP') ? spec.securityContext?.fsGroup : undefined
}
