/**
 * Which persistent CSI volumes the node holds, and for which pods: the first pod stages a volume, and after the last one it is unstaged. What an
 * earlier agent has left is found by the notes on disk.
 */
import { join } from 'node:path'
import {
  deviceDirectories,
  namesIn,
  pluginDirectory,
  podVolumeDirectory,
  readVolumeData,
  uniqueVolumeName,
} from './volume-data.ts'

export interface HeldVolume {
  readonly driver: string
  readonly handle: string
  readonly pods: Set<string>
  /** Somebody has to detach it, and waits until it is in use no more. */
  isAttachable: boolean
}

export class VolumesInUse {
  readonly #rootDirectory: string
  readonly #onChange: () => void
  readonly #held = new Map<string, HeldVolume>()
  #isKnown = false

  constructor({ rootDirectory, onChange }: { readonly rootDirectory: string; readonly onChange: () => void }) {
    this.#rootDirectory = rootDirectory
    this.#onChange = onChange
  }

  /** As the node reports them; undefined until what is on disk is known, since to leave one out is to give it away. */
  names(): readonly string[] | undefined {
    if (!this.#isKnown) return undefined
    return [...this.#held].flatMap(([name, { isAttachable }]) => (isAttachable ? [name] : [])).sort()
  }

  hold(volume: { driver: string; handle: string }, podUid: string, isAttachable: boolean): void {
    const name = uniqueVolumeName(volume)
    const known = this.#held.get(name)
    const held = known ?? { driver: volume.driver, handle: volume.handle, pods: new Set(), isAttachable: false }
    this.#held.set(name, held)
    held.pods.add(podUid)
    const isNews = held.isAttachable !== isAttachable
    held.isAttachable = isAttachable
    if (isNews) this.#onChange()
  }

  /** The pod lets go of all that it holds. */
  letGo(podUid: string): void {
    for (const { pods } of this.#held.values()) pods.delete(podUid)
  }

  /** Those that no pod holds. */
  idle(): readonly HeldVolume[] {
    return [...this.#held.values()].filter(({ pods }) => pods.size === 0)
  }

  /** It is unstaged. */
  forget(volume: { driver: string; handle: string }): void {
    if (this.#held.delete(uniqueVolumeName(volume))) this.#onChange()
  }

  /** What is on disk may be attached: nobody can be asked yet. */
  async load(): Promise<void> {
    const root = this.#rootDirectory
    for (const uid of await namesIn(join(root, 'pods'))) {
      for (const name of await namesIn(podVolumeDirectory(root, uid, ''))) {
        const data = await readVolumeData(podVolumeDirectory(root, uid, name))
        if (!data || data.volumeLifecycleMode === 'Ephemeral') continue
        this.hold({ driver: data.driverName ?? '', handle: data.volumeHandle ?? '' }, uid, true)
      }
    }
    for (const driver of await namesIn(pluginDirectory(root))) {
      if (driver === 'volumeDevices') {
        await this.#loadDevices()
        continue
      }
      for (const hash of await namesIn(join(pluginDirectory(root), driver))) {
        const data = await readVolumeData(join(pluginDirectory(root), driver, hash))
        if (data) this.#keep({ driver, handle: data.volumeHandle ?? '' })
      }
    }
    this.#isKnown = true
    this.#onChange()
  }

  async #loadDevices(): Promise<void> {
    for (const name of await namesIn(join(pluginDirectory(this.#rootDirectory), 'volumeDevices'))) {
      const { data, publish } = deviceDirectories(this.#rootDirectory, name)
      const { driverName: driver = '', volumeHandle: handle = '' } = (await readVolumeData(data)) ?? {}
      if (driver) for (const uid of await namesIn(publish)) this.hold({ driver, handle }, uid, true)
    }
  }

  #keep(volume: { driver: string; handle: string }): void {
    const name = uniqueVolumeName(volume)
    if (!this.#held.has(name)) this.#held.set(name, { ...volume, pods: new Set(), isAttachable: true })
  }
}
