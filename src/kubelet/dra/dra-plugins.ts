/**
 * Drivers of devices that have made themselves known on this node (upstream `kubelet/cm/dra/plugin`). Several plugins of one driver may be there at a
 * time, as during an update; the one that came last is asked. A driver that has been gone for a while offers nothing any more: its slices go.
 */
import { readFileSync } from 'node:fs'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import type { Client } from '#client/client.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { GrpcChannel } from '../cri/grpc.ts'
import { type ProtoFile, readProto } from '../cri/proto-file.ts'
import type { Message } from '../cri/proto-wire.ts'
import type { Plugin, PluginHandler } from '../csi/plugin-registry.ts'

export interface ClaimRef {
  readonly namespace: string
  readonly uid: string
  readonly name: string
}

export interface PreparedDevice {
  /** Of the claim; none: all of them. */
  readonly requests: readonly string[]
  readonly pool: string
  readonly device: string
  /** Names by which the runtime knows it. */
  readonly cdiIds: readonly string[]
}

export interface DraPluginsOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly nodeName: string
  /** A driver has come: what failed for want of it may be tried again. */
  readonly onDriver: () => void
  readonly onError: (error: unknown) => void
}

/** What plugins call the services that are spoken here, the best first. */
const services = ['v1.DRAPlugin', 'v1beta1.DRAPlugin'] as const
/** As upstream's call of a plugin. */
const timeout = 45_000
/** Long enough for a driver's pod to be replaced. */
const wipeDelay = 30_000
const firstPause = 1_000
const longestPause = 300_000

const packageName = 'k8s.io.kubelet.pkg.apis.dra'
let protos: readonly ProtoFile[] | undefined

export function draProtos(): readonly ProtoFile[] {
  if (protos) return protos
  const text = readFileSync(new URL('./dra.proto', import.meta.url), 'utf8')
  protos = [text, text.replace(`${packageName}.v1;`, `${packageName}.v1beta1;`)].map(readProto)
  return protos
}

export class DraPlugins implements PluginHandler {
  readonly #options: DraPluginsOptions
  /** By driver, in the order in which they came. */
  readonly #plugins = new Map<string, Plugin[]>()
  readonly #wipes = new Map<string, AbortController>()

  constructor(options: DraPluginsOptions) {
    this.#options = options
  }

  validate({ name, endpoint, versions }: Plugin): void {
    const about = `invalid supported gRPC versions of DRA driver plugin ${name} at endpoint ${endpoint}: `
    if (versions.length === 0) throw new Error(`${about}empty list of supported gRPC services (aka supported versions)`)
    if (services.some((service) => versions.includes(service))) return
    const quoted = (all: readonly string[]) => `[${all.map((one) => JSON.stringify(one)).join(' ')}]`
    const problem = `none of services supported by the plugin (${quoted(versions)}) are supported by the kubelet (${quoted(services)})`
    throw new Error(`${about}${problem}`)
  }

  async register(plugin: Plugin): Promise<void> {
    const { name, endpoint } = plugin
    const known = this.#plugins.get(name) ?? []
    if (known.some((one) => one.endpoint === endpoint)) {
      throw new Error(`endpoint ${endpoint} already registered for DRA driver plugin ${name}`)
    }
    this.#plugins.set(name, [...known, plugin])
    this.#wipes.get(name)?.abort()
    this.#wipes.delete(name)
    this.#options.onDriver()
  }

  async deregister({ name, endpoint }: Plugin): Promise<void> {
    const left = (this.#plugins.get(name) ?? []).filter((one) => one.endpoint !== endpoint)
    if (left.length > 0) {
      this.#plugins.set(name, left)
      return
    }
    this.#plugins.delete(name)
    if (!this.#wipes.has(name)) void this.#wipeLater(name)
  }

  /** Throws where the driver is not there. */
  check(driver: string): void {
    this.#newest(driver)
  }

  /** By UID of the claim. */
  async prepare(driver: string, claims: readonly ClaimRef[]): Promise<ReadonlyMap<string, readonly PreparedDevice[]>> {
    const answers = await this.#call('NodePrepareResources', driver, claims)
    return new Map([...answers].map(([uid, { devices }]) => [uid, (devices ?? []).map(deviceOf)]))
  }

  async unprepare(driver: string, claims: readonly ClaimRef[]): Promise<void> {
    await this.#call('NodeUnprepareResources', driver, claims)
  }

  async #call(method: string, driver: string, claims: readonly ClaimRef[]): Promise<ReadonlyMap<string, Message>> {
    const { endpoint, versions } = this.#newest(driver)
    const version = services.find((one) => versions.includes(one)) ?? services[0]
    const channel = new GrpcChannel({ socket: endpoint, clock: this.#options.clock, protos: draProtos })
    const request = { claims: claims.map(({ namespace, uid, name }) => ({ namespace, uid, name })) }
    try {
      const response = await channel.call(`${packageName}.${version}`, method, request, { timeout }).catch((error) => {
        throw new Error(`${method}: ${(error as Error).message}`, { cause: error })
      })
      const answers = new Map<string, Message>(Object.entries(response.claims ?? {}))
      checkAnswers(method, claims, answers)
      return answers
    } finally {
      channel.close()
    }
  }

  #newest(driver: string): Plugin {
    const plugin = this.#plugins.get(driver)?.at(-1)
    if (!plugin) throw new Error(`DRA driver ${driver} is not registered`)
    return plugin
  }

  async #wipeLater(driver: string): Promise<void> {
    const { clock, signal } = this.#options
    const stop = new AbortController()
    this.#wipes.set(driver, stop)
    const ended = AbortSignal.any([signal, stop.signal])
    await sleep(clock, wipeDelay, ended).catch(() => {})
    await this.wipe(driver, ended)
    if (this.#wipes.get(driver) === stop) this.#wipes.delete(driver)
  }

  /** Deletes what the driver, or all of them, offer on this node. */
  async wipe(driver?: string, signal = this.#options.signal): Promise<void> {
    const { client, clock, nodeName, onError } = this.#options
    const fieldSelector = `${driver === undefined ? '' : `spec.driver=${driver},`}spec.nodeName=${nodeName}`
    for (let pause = firstPause; !signal.aborted; pause = Math.min(longestPause, pause * 2)) {
      try {
        return await client.deleteCollection(ResourceSlice, { fieldSelector })
      } catch (error) {
        if (signal.aborted || hasReason(error, 'NotFound')) return
        onError(error)
        await sleep(clock, pause, signal).catch(() => {})
      }
    }
  }
}

function checkAnswers(method: string, claims: readonly ClaimRef[], answers: ReadonlyMap<string, Message>): void {
  for (const [uid, answer] of answers) {
    const claim = claims.find((one) => one.uid === uid)
    if (!claim) throw new Error(`${method} returned result for unknown claim UID ${uid}`)
    if (answer.error) throw new Error(`${method} failed for ResourceClaim ${claim.name}: ${answer.error}`)
  }
  if (answers.size < claims.length) throw new Error(`${method} skipped ${claims.length - answers.size} ResourceClaims`)
}

function deviceOf({ request_names, pool_name, device_name, cdi_device_ids }: Message): PreparedDevice {
  return { requests: request_names ?? [], pool: pool_name, device: device_name, cdiIds: cdi_device_ids ?? [] }
}
