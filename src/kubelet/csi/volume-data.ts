/**
 * Where CSI volumes lie below the agent's folder, and the notes beside them by which they are taken down again, also by an agent that did not
 * set them up. Paths, names and keys are upstream's (`pkg/volume/csi`).
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface VolumeData {
  /** What the volume is called in paths: the persistent volume, or the pod's own name for it. */
  readonly specVolID: string
  readonly volumeHandle: string
  readonly driverName: string
  readonly nodeName: string
  readonly attachmentID: string
  readonly volumeLifecycleMode: string
}

const fileName = 'vol_data.json'

export function podVolumeDirectory(root: string, podUid: string, name: string): string {
  return join(root, 'pods', podUid, 'volumes/kubernetes.io~csi', name)
}

/** Holds a link to the device. */
export function podDevicePath(root: string, podUid: string, name: string): string {
  return join(root, 'pods', podUid, 'volumeDevices/kubernetes.io~csi', name)
}

export function stagingDirectory(root: string, { driver, handle }: { driver: string; handle: string }): string {
  return join(pluginDirectory(root), driver, createHash('sha256').update(handle).digest('hex'))
}

export function pluginDirectory(root: string): string {
  return join(root, 'plugins/kubernetes.io/csi')
}

/** Of a volume that is a device: where it is staged, published for a pod, and noted. */
export function deviceDirectories(root: string, name: string) {
  const base = join(pluginDirectory(root), 'volumeDevices')
  return { staging: join(base, 'staging', name), publish: join(base, 'publish', name), data: join(base, name, 'data') }
}

/** The name under which the attach-detach controller and the drivers' attachers know an attachment. */
export function attachmentName({ driver, handle, node }: { driver: string; handle: string; node: string }): string {
  return `csi-${createHash('sha256').update(`${handle}${driver}${node}`).digest('hex')}`
}

/** As nodes report it in `volumesInUse` and `volumesAttached`. */
export function uniqueVolumeName({ driver, handle }: { driver: string; handle: string }): string {
  return `kubernetes.io/csi/${driver}^${handle}`
}

export async function readVolumeData(directory: string): Promise<Partial<VolumeData> | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, fileName), 'utf8'))
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    const text = error instanceof Error ? error.message : String(error)
    throw new Error(`kubernetes.io/csi: failed to load volume data file [${directory}]: ${text}`, { cause: error })
  }
}

export async function writeVolumeData(directory: string, data: Partial<VolumeData>): Promise<void> {
  await writeFile(join(directory, fileName), JSON.stringify(data))
}

/** Removes the empty folder `name`, the notes and the folder of both. What is not empty is somebody's data, and stays. */
export async function removeVolume(directory: string, name: string): Promise<void> {
  await rmdir(join(directory, name)).catch(unlessGone)
  await rm(join(directory, fileName), { force: true })
  await rmdir(directory).catch(unlessGone)
}

/** Folders of a folder that may not be there. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory).catch(unlessGone)) ?? []
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
}
