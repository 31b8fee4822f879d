/** What a node with CSI drivers runs: their registration, what the API is told of them, and their volumes. */
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { startInformer } from '#client/informer.ts'
import { sleep } from '#lib/clock.ts'
import type { CsiOptions } from './csi.ts'
import { CsiVolumes } from './csi-volumes.ts'
import { NodeRecord } from './node-record.ts'
import { type PluginHandler, watchPlugins } from './plugin-registry.ts'
import { RegisteredDrivers } from './registered-drivers.ts'
import { VolumesInUse } from './volumes-in-use.ts'

export interface RunningCsi {
  readonly volumes: CsiVolumes
  readonly inUse: VolumesInUse
}

const sweepPeriod = 10_000

export async function runCsi(options: CsiOptions & { readonly pluginsDirectory: string }): Promise<RunningCsi> {
  const { client, clock, random, signal, rootDirectory, onError, pluginsDirectory } = options
  const drivers = new RegisteredDrivers({ clock })
  const informer = startInformer(client, CSIDriver, { clock, random, signal, onError })
  const csiDriver = async (name: string) => {
    await informer.synced()
    return informer.get({ name })
  }
  const inUse = new VolumesInUse({ rootDirectory, onChange: options.onVolumesInUse })
  await inUse.load()
  const volumes = new CsiVolumes({ ...options, drivers, csiDriver, inUse })
  const parts: Parts = { options, drivers, csiDriver }
  const handlers = { ...options.otherPlugins, CSIPlugin: driverHandler(parts) }
  void watchPlugins({ directory: pluginsDirectory, handlers, clock, signal, onError }).catch(onError)
  void every(parts, sweepPeriod, () => volumes.sweep())
  return { volumes, inUse }
}

interface Parts {
  readonly options: CsiOptions
  readonly drivers: RegisteredDrivers
  readonly csiDriver: (name: string) => Promise<CSIDriver | undefined>
}

function driverHandler(parts: Parts): PluginHandler {
  const { options, drivers } = parts
  const record = new NodeRecord(options)
  const updating = new Map<string, AbortController>()
  return {
    validate: ({ name, endpoint, versions }) => drivers.validate(name, endpoint, versions),
    async register({ name, endpoint, versions }) {
      drivers.add(name, endpoint, versions)
      try {
        await record.install(name, await drivers.service(name).info())
      } catch (error) {
        drivers.remove(name)
        throw error
      }
      const stop = new AbortController()
      updating.set(name, stop)
      void keepLimit(parts, { name, record, stop: stop.signal })
      options.onDriver()
    },
    async deregister({ name }) {
      updating.get(name)?.abort()
      drivers.remove(name)
      await record.uninstall(name)
    },
  }
}

/** How often it is looked whether a driver wants its limit kept. */
const idlePeriod = 60_000

/** Drivers may want to be asked again and again how many volumes the node takes (KEP-4876). */
async function keepLimit(
  { options, drivers, csiDriver }: Parts,
  { name, record, stop }: { name: string; record: NodeRecord; stop: AbortSignal },
): Promise<void> {
  const { clock, onError } = options
  const signal = AbortSignal.any([options.signal, stop])
  while (!signal.aborted) {
    try {
      const seconds = (await csiDriver(name))?.spec.nodeAllocatableUpdatePeriodSeconds
      await sleep(clock, seconds ? Number(seconds) * 1000 : idlePeriod, signal)
      if (seconds) await record.install(name, await drivers.service(name).info())
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
  }
}

async function every({ options }: Parts, period: number, work: () => Promise<void>): Promise<void> {
  const { clock, signal, onError } = options
  while (!signal.aborted) {
    await sleep(clock, period, signal).catch(() => {})
    if (!signal.aborted) await work().catch(onError)
  }
}
