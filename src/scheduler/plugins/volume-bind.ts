/** Writes which volume is for which claim and waits until both say that they are bound (upstream `volumebinding/binder.go`). */
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { sleep } from '#lib/clock.ts'
import type { KubeObject } from '#schema/kind.ts'
import { versionOf } from '../framework/objects.ts'
import { type Actor, failure, type Rejection } from '../framework/plugin.ts'
import type { Snapshot } from '../framework/snapshot.ts'
import { isFullyBound, selectedNode } from './volume-claims.ts'

export interface VolumeMatch {
  readonly claim: PersistentVolumeClaim
  readonly volume: PersistentVolume
}

export interface VolumeChoice {
  readonly matches: readonly VolumeMatch[]
  /** Claims for which volumes are to be made. */
  readonly provisioned: readonly PersistentVolumeClaim[]
}

interface Where {
  readonly snapshot: Snapshot
  readonly node: string
}

const lookEvery = 1_000

/**
 * `choice` has volumes and claims as they are to be. Writes are guarded by the versions that were looked at, so two schedulers never promise one volume
 * twice. `timeout` in milliseconds.
 */
export async function bindVolumes(
  choice: VolumeChoice,
  { timeout, ...where }: Where & { readonly timeout: number },
  actor: Actor,
): Promise<Rejection | undefined> {
  const { clock, signal } = actor
  const written = await write(choice, where, actor)
  const deadline = clock.monotonic() + timeout
  for (;;) {
    await sleep(clock, lookEvery, signal)
    const progress = progressOf(written, where)
    if (typeof progress === 'string') return failure(`binding volumes: ${progress}`)
    if (progress) return undefined
    if (clock.monotonic() >= deadline) return failure('binding volumes: context deadline exceeded')
  }
}

/** As the server has them now. */
async function write({ matches, provisioned }: VolumeChoice, { snapshot }: Where, { client }: Actor): Promise<VolumeChoice> {
  const promised: VolumeMatch[] = []
  for (const { claim, volume } of matches) {
    const written = await client.update(PersistentVolume, volume as never)
    snapshot.objects.confirm(PersistentVolume, written)
    promised.push({ claim, volume: written })
  }
  const asked: PersistentVolumeClaim[] = []
  for (const claim of provisioned) {
    const written = await client.update(PersistentVolumeClaim, claim as never)
    snapshot.objects.confirm(PersistentVolumeClaim, written)
    asked.push(written)
  }
  return { matches: promised, provisioned: asked }
}

/** True when all are bound, false while one is awaited, a sentence when one never will be. What is assumed for other pods does not count. */
function progressOf({ matches, provisioned }: VolumeChoice, where: Where): boolean | string {
  if (!where.snapshot.get(where.node)) return `failed to get node "${where.node}": node "${where.node}" not found`
  const all = [...matches.map((match) => ofMatch(match, where)), ...provisioned.map((claim) => ofClaim(claim, where))]
  return all.find((one) => typeof one === 'string') ?? all.every((one) => one === true)
}

function ofMatch({ claim, volume }: VolumeMatch, where: Where): boolean | string {
  const { objects } = where.snapshot
  const { name } = volume.metadata
  const now = objects.observed(PersistentVolume, volume.metadata)
  if (!now) return `failed to check binding: could not find v1.PersistentVolume "${name}"`
  const bound = objects.observed(PersistentVolumeClaim, at(claim))
  if (!bound) return `failed to check binding: ${noClaim(claim)}`
  if (isOlder(now, volume)) return false
  if (!isReachable(now, where)) return unreachable(now, where)
  if (!now.spec.claimRef?.uid) return `ClaimRef got reset for pv "${name}"`
  return isFullyBound(bound)
}

/** A provisioner that fails takes the annotation away, so that the pod is scheduled anew. */
function ofClaim(claim: PersistentVolumeClaim, where: Where): boolean | string {
  const { objects } = where.snapshot
  const { name } = claim.metadata
  const now = objects.observed(PersistentVolumeClaim, at(claim))
  if (!now) return `failed to check provisioning pvc: ${noClaim(claim)}`
  if (isOlder(now, claim)) return false
  if (!now.metadata.annotations) return `selectedNode annotation reset for PVC "${name}"`
  if (now.metadata.annotations[selectedNode] !== where.node) return `provisioning failed for PVC "${name}"`
  if (!now.spec.volumeName) return false
  const volume = objects.observed(PersistentVolume, { name: now.spec.volumeName })
  if (!volume) return false
  return isReachable(volume, where) ? isFullyBound(now) : unreachable(volume, where)
}

function at({ metadata: { name, namespace } }: PersistentVolumeClaim) {
  return { name, namespace }
}

function noClaim({ metadata: { name, namespace } }: PersistentVolumeClaim): string {
  return `could not find v1.PersistentVolumeClaim "${namespace}/${name}"`
}

function isOlder(one: KubeObject, other: KubeObject): boolean {
  return versionOf(one) < versionOf(other)
}

function isReachable({ spec }: PersistentVolume, { snapshot, node }: Where): boolean {
  const required = spec.nodeAffinity?.required
  const info = snapshot.get(node)
  return !required || (info !== undefined && matchesSelector(required, info.node))
}

function unreachable({ metadata }: PersistentVolume, { node }: Where): string {
  return `pv "${metadata.name}" node affinity doesn't match node "${node}": no matching NodeSelectorTerms`
}
