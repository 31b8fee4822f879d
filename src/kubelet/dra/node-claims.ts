/**
 * The devices of pods: claims are prepared by their drivers before a pod's sandbox is made, handed to its containers, and given back when nothing of the
 * pod runs any more (KEP-4381, upstream `kubelet/cm/dra`). Extended resources that are devices come by a claim of the pod's own (KEP-5004).
 *
 * Guarantees: a claim is given back once, after the last of its pods on this node; what an earlier agent has prepared is given back by a later one.
 */
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { quantityValue } from '#schema/quantity.ts'
import type { Container } from '../containers/pod-names.ts'
import { InTurn } from '../csi/in-turn.ts'
import type { PluginHandler } from '../csi/plugin-registry.ts'
import { type ClaimRef, DraPlugins, type DraPluginsOptions } from './dra-plugins.ts'
import { type KnownClaim, PreparedClaims } from './prepared-claims.ts'

/** What a pod worker asks of it. */
export interface PodClaims {
  /** Rejects with what the pod's events are to say. */
  prepare(pod: Pod): Promise<void>
  /** Names by which the runtime knows the container's devices. */
  devicesOf(pod: Pod, container: Container): Promise<readonly string[]>
  release(podUid: string): Promise<void>
}

export interface NodeClaimsOptions extends DraPluginsOptions {
  readonly rootDirectory: string
}

interface Wanted {
  readonly name: string
  /** It was made for the pod. */
  readonly isOwn: boolean
}

export class NodeClaims implements PodClaims {
  readonly #options: NodeClaimsOptions
  readonly #plugins: DraPlugins
  readonly #claims: PreparedClaims
  /** Of what is done for one pod, nothing is between. */
  readonly #inTurn = new InTurn()
  #loading: Promise<void> | undefined

  constructor(options: NodeClaimsOptions) {
    this.#options = options
    this.#plugins = new DraPlugins(options)
    this.#claims = new PreparedClaims(join(options.rootDirectory, 'dra_manager_state.json'))
  }

  /** No driver has come yet, and none may: what they offered before is not offered now. */
  async begin(): Promise<void> {
    await this.#plugins.wipe()
  }

  get plugins(): PluginHandler {
    return this.#plugins
  }

  async prepare(pod: Pod): Promise<void> {
    const wanted = wantedBy(pod)
    if (wanted.length === 0) return
    await this.#loaded()
    const found = await Promise.all(wanted.map((one) => this.#read(pod, one)))
    for (const { status } of found) for (const driver of driversOf(status)) this.#plugins.check(driver)
    await this.#inTurn.run('', () => this.#prepareFor(pod, found))
  }

  async #prepareFor(pod: Pod, found: readonly ResourceClaim[]): Promise<void> {
    const { uid: podUid, namespace = '' } = pod.metadata
    const known = found.map(({ metadata: { uid, name }, status }) => {
      return this.#claims.add({ namespace, uid, name }, driversOf(status), podUid)
    })
    await this.#claims.save()
    const open = known.filter(({ isPrepared }) => !isPrepared)
    for (const [driver, claims] of byDriver(open)) {
      const devices = await this.#plugins.prepare(driver, claims)
      for (const claim of claims) claim.devices = { ...claim.devices, [driver]: devices.get(claim.uid) ?? [] }
    }
    for (const claim of open) claim.isPrepared = true
    if (open.length > 0) await this.#claims.save()
  }

  async #read(pod: Pod, { name, isOwn }: Wanted): Promise<ResourceClaim> {
    const { namespace = '', uid } = pod.metadata
    const claim = await this.#options.client.get(ResourceClaim, { namespace, name }).catch((error: unknown) => {
      throw new Error(`fetch ResourceClaim ${name}: ${(error as Error).message}`, { cause: error })
    })
    const { metadata, status } = claim
    if (isOwn && !metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid)) {
      const whole = `${namespace}/${name}`
      throw new Error(`ResourceClaim ${whole} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`)
    }
    if (!status.reservedFor?.some((one) => one.uid === uid)) {
      throw new Error(`pod ${pod.metadata.name} (${uid}) is not allowed to use ResourceClaim ${name} (${metadata.uid})`)
    }
    if (!status.allocation) throw new Error(`ResourceClaim ${name}: not allocated`)
    return claim
  }

  async devicesOf(pod: Pod, container: Container): Promise<readonly string[]> {
    const asked = requestsOf(pod, container)
    if (asked.size === 0) return []
    await this.#loaded()
    const { namespace = '' } = pod.metadata
    const ids = [...asked].flatMap(([name, requests]) => {
      const claim = this.#claims.get({ namespace, name })
      if (!claim) throw new Error(`internal error: unable to get claim info for ResourceClaim ${name} in namespace ${namespace}`)
      return requests.flatMap((request) => idsOf(claim, request))
    })
    return [...new Set(ids)]
  }

  async release(podUid: string): Promise<void> {
    await this.#loaded()
    if (this.#claims.of(podUid).length > 0) await this.#inTurn.run('', () => this.#releaseFor(podUid))
  }

  async #releaseFor(podUid: string): Promise<void> {
    const claims = this.#claims.of(podUid)
    const unused = claims.filter(({ pods }) => pods.length === 1)
    for (const [driver, some] of byDriver(unused)) await this.#plugins.unprepare(driver, some)
    for (const claim of claims) {
      claim.pods = claim.pods.filter((one) => one !== podUid)
      if (claim.pods.length === 0) this.#claims.delete(claim)
    }
    await this.#claims.save()
  }

  /** Of pods that are gone without this agent's doing. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    await this.#loaded()
    for (const pod of this.#claims.pods()) if (!known.has(pod)) await this.release(pod).catch(this.#options.onError)
  }

  #loaded(): Promise<void> {
    return (this.#loading ??= this.#claims.load())
  }
}

function wantedBy({ spec, status }: Pod): readonly Wanted[] {
  const own = (spec.resourceClaims ?? []).flatMap((claim): Wanted[] => {
    const name = nameOf(claim, status)
    return name ? [{ name, isOwn: claim.resourceClaimName === undefined }] : []
  })
  const extended = status.extendedResourceClaimStatus?.resourceClaimName
  return extended ? [...own, { name: extended, isOwn: false }] : own
}

/** Undefined where none is needed; one that is still to be made holds the pod up. */
function nameOf(
  { name, resourceClaimName }: NonNullable<Pod['spec']['resourceClaims']>[number],
  { resourceClaimStatuses = [] }: Pod['status'],
): string | undefined {
  if (resourceClaimName !== undefined) return resourceClaimName
  const noted = resourceClaimStatuses.find((one) => one.name === name)
  if (!noted) throw new Error(`pod claim ${name}: ResourceClaim not created yet`)
  return noted.resourceClaimName
}

/** By name of the claim: the requests whose devices the container gets; '' stands for all. */
function requestsOf({ spec, status }: Pod, container: Container): ReadonlyMap<string, readonly string[]> {
  const asked = new Map<string, string[]>()
  const note = (name: string, request: string) => asked.set(name, [...(asked.get(name) ?? []), request])
  for (const { name, request = '' } of container.resources?.claims ?? []) {
    const claim = spec.resourceClaims?.find((one) => one.name === name)
    const found = claim && nameOf(claim, status)
    if (found) note(found, request)
  }
  const requests = container.resources?.requests ?? {}
  const asks = (resource: string) => requests[resource] !== undefined && quantityValue(requests[resource]) > 0
  const { resourceClaimName = '', requestMappings = [] } = status.extendedResourceClaimStatus ?? {}
  for (const { containerName, resourceName, requestName } of requestMappings) {
    if (containerName === container.name && asks(resourceName)) note(resourceClaimName, requestName)
  }
  return asked
}

/** A device of an alternative is named `request/alternative`, and the container asks for the request. */
function idsOf({ devices }: KnownClaim, request: string): string[] {
  const concerns = (name: string) => name === request || name.startsWith(`${request}/`)
  return Object.values(devices)
    .flat()
    .filter(({ requests }) => request === '' || requests.length === 0 || requests.some(concerns))
    .flatMap(({ cdiIds }) => cdiIds)
}

function driversOf({ allocation }: ResourceClaim['status']): string[] {
  return [...new Set((allocation?.devices?.results ?? []).map(({ driver }) => driver))]
}

function byDriver(claims: readonly KnownClaim[]): ReadonlyMap<string, (KnownClaim & ClaimRef)[]> {
  const all = new Map<string, KnownClaim[]>()
  for (const claim of claims) {
    for (const driver of Object.keys(claim.devices)) all.set(driver, [...(all.get(driver) ?? []), claim])
  }
  return all
}
