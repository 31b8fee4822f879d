/** Writes which volume is for which claim and waits until both say that they are bound. */
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { sleep } from '#lib/clock.ts'
import { type Actor, failure, type Rejection } from '../framework/plugin.ts'
import type { Snapshot } from '../framework/snapshot.ts'
import { isFullyBound, volumeOf } from './volume-claims.ts'

export interface VolumeMatch {
  readonly claim: PersistentVolumeClaim
  readonly volume: PersistentVolume
}

export interface VolumeChoice {
  readonly matches: readonly VolumeMatch[]
  /** Claims for which volumes are to be made. */
  readonly provisioned: readonly PersistentVolumeClaim[]
}

interface Work {
  readonly volumes: readonly PersistentVolume[]
  readonly claims: readonly PersistentVolumeClaim[]
  readonly waitFor: readonly PersistentVolumeClaim[]
  /** Milliseconds. */
  readonly timeout: number
}

const lookEvery = 1_000

/** Writes are guarded by the versions that were looked at, so two schedulers never promise one volume twice. */
export async function bindVolumes(
  { volumes, claims, waitFor, timeout }: Work,
  { pod, snapshot, node }: { pod: Pod; snapshot: Snapshot; node: string },
  { client, clock, signal }: Actor,
): Promise<Rejection | undefined> {
  for (const volume of volumes) {
    snapshot.objects.confirm(PersistentVolume, await client.update(PersistentVolume, volume as never))
  }
  for (const claim of claims) {
    snapshot.objects.confirm(PersistentVolumeClaim, await client.update(PersistentVolumeClaim, claim as never))
  }
  const deadline = clock.monotonic() + timeout
  for (;;) {
    const state = waitFor.map(({ metadata }) => progressOf(metadata, { pod, snapshot, node }))
    const failed = state.find((one) => typeof one === 'string')
    if (failed) return failure(failed)
    if (state.every((one) => one === true)) return undefined
    if (clock.monotonic() >= deadline) return failure('binding volumes: context deadline exceeded')
    await sleep(clock, lookEvery, signal)
  }
}

/** True when bound, false while it is awaited, a sentence when it never will be. */
function progressOf(
  { name, namespace }: PersistentVolumeClaim['metadata'],
  { snapshot, node }: { pod: Pod; snapshot: Snapshot; node: string },
): boolean | string {
  const claim = snapshot.objects.get(PersistentVolumeClaim, { name, namespace })
  if (!claim) return `binding volumes: persistentvolumeclaim "${name}" not found`
  if (claim.metadata.deletionTimestamp) return `binding volumes: persistentvolumeclaim "${name}" is being deleted`
  if (!isFullyBound(claim)) {
    const selected = claim.metadata.annotations?.['volume.kubernetes.io/selected-node']
    if (selected === '') return `binding volumes: pvc "${name}" provisioning failed, reset selected node`
    return false
  }
  const volume = volumeOf(claim, snapshot)
  if (!volume) return false
  const required = volume.spec.nodeAffinity?.required
  const info = snapshot.get(node)
  if (!info) return 'binding volumes: node not found'
  return (
    !required ||
    matchesSelector(required, info.node) ||
    `binding volumes: pv "${volume.metadata.name}" node affinity doesn't match node "${node}": no matching NodeSelectorTerms`
  )
}
