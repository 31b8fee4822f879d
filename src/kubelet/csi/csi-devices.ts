/** CSI volumes that pods see as devices: staged, published as a file, and linked from the pod's folder (upstream `csi_block.go`). */
import { lstat, mkdir, rm, rmdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { csiText, isFinal } from './csi-node-service.ts'
import { accessOf, type CsiSource } from './csi-source.ts'
import type { RegisteredDrivers } from './registered-drivers.ts'
import { deviceDirectories, namesIn, podDevicePath, readVolumeData, type VolumeData, writeVolumeData } from './volume-data.ts'

interface Devices {
  readonly drivers: RegisteredDrivers
  readonly rootDirectory: string
  readonly pathFor: (driver: string, path: string) => string
}

type Texts = Readonly<Record<string, string>>

export interface DevicePublication extends Devices {
  readonly pod: Pod
  readonly source: CsiSource
  readonly publishContext: Texts
  readonly secrets: { readonly stage: Texts; readonly publish: Texts }
  readonly notes: VolumeData
}

export async function publishDevice(options: DevicePublication): Promise<void> {
  const { drivers, rootDirectory, pathFor, pod, source, publishContext, secrets } = options
  const { driver, name } = source
  const at = deviceDirectories(rootDirectory, name)
  const service = drivers.service(driver)
  const request = { volumeId: source.handle, access: accessOf(source), publishContext, volumeContext: source.attributes }
  await mkdir(at.data, { recursive: true, mode: 0o750 })
  await writeVolumeData(at.data, options.notes)
  let staging = ''
  if ((await service.capabilities()).has('STAGE_UNSTAGE_VOLUME')) {
    await mkdir(at.staging, { recursive: true, mode: 0o750 })
    staging = pathFor(driver, at.staging)
    await service.stage({ ...request, stagingPath: staging, secrets: secrets.stage }).catch(async (error: unknown) => {
      if (isFinal(error)) await rmdir(at.staging).catch(() => {})
      throw new Error(`blockMapper.stageVolumeForBlock failed: ${csiText(error)}`, { cause: error })
    })
  }
  const link = podDevicePath(rootDirectory, pod.metadata.uid, name)
  const target = join(at.publish, pod.metadata.uid)
  await mkdir(at.publish, { recursive: true, mode: 0o750 })
  await mkdir(dirname(link), { recursive: true, mode: 0o750 })
  await rm(link, { force: true })
  await symlink(target, link)
  const published = { stagingPath: staging, targetPath: pathFor(driver, target), readOnly: source.readOnly }
  await service.publish({ ...request, ...published, secrets: secrets.publish }).catch((error: unknown) => {
    throw new Error(`blockMapper.publishVolumeForBlock failed: ${csiText(error)}`, { cause: error })
  })
}

export async function deviceNotes(rootDirectory: string, name: string): Promise<Partial<VolumeData> | undefined> {
  return await readVolumeData(deviceDirectories(rootDirectory, name).data)
}

/** Of one pod; after the last one the volume is unstaged too. */
export async function unpublishDevice(options: Devices & { readonly podUid: string; readonly name: string }): Promise<void> {
  const { drivers, rootDirectory, pathFor, podUid, name } = options
  const at = deviceDirectories(rootDirectory, name)
  const data = await readVolumeData(at.data)
  if (data) {
    const { driverName: driver = '', volumeHandle: handle = '' } = data
    const service = drivers.service(driver)
    const target = join(at.publish, podUid)
    await service.unpublish(handle, pathFor(driver, target))
    await rm(target, { force: true })
    if ((await namesIn(at.publish)).length === 0) {
      if (await lstat(at.staging).catch(() => undefined)) {
        await service.unstage(handle, pathFor(driver, at.staging))
        await rm(at.staging, { recursive: true, force: true })
      }
      for (const directory of [at.publish, dirname(at.data)]) await rm(directory, { recursive: true, force: true })
    }
  }
  await rm(podDevicePath(rootDirectory, podUid, name), { force: true })
}
