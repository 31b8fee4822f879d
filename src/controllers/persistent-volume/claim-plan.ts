/** What is to be done about a claim next (upstream `syncUnboundClaim`, `syncBoundClaim`). */
import type { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { StorageClass } from '#api/storage/v1/storage-class.ts'
import { isDefaultClass } from '#api/storage/v1/validation.ts'
import { annotations, bestMatch, classOf, isFor, mismatch } from './match.ts'

export interface ClaimEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export type ClaimStep =
  | { readonly do: 'bind'; readonly volume: PersistentVolume }
  | { readonly do: 'wait'; readonly event?: ClaimEvent }
  | { readonly do: 'lose'; readonly event: ClaimEvent }
  | { readonly do: 'provision'; readonly provisioner: string }
  | { readonly do: 'setClass'; readonly name: string }

export interface ClaimSurroundings {
  readonly volumes: readonly PersistentVolume[]
  readonly classes: readonly StorageClass[]
  /** Names of pods that use the claim and have no node yet. */
  readonly unscheduledPods: readonly string[]
}

export function planClaim(claim: PersistentVolumeClaim, around: ClaimSurroundings): ClaimStep {
  const volume = around.volumes.find(({ metadata }) => metadata.name === claim.spec.volumeName)
  if (claim.metadata.annotations?.[annotations.bindCompleted] !== undefined) return planBound(claim, volume)
  return claim.spec.volumeName ? planNamed(claim, volume) : planUnbound(claim, around)
}

function planBound(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): ClaimStep {
  if (!claim.spec.volumeName)
    return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!')
  if (!volume) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!')
  const { claimRef } = volume.spec
  if (!claimRef || claimRef.uid === claim.metadata.uid) return { do: 'bind', volume }
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly')
}

/** The claim says itself which volume it wants. */
function planNamed(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): ClaimStep {
  if (!volume) return { do: 'wait' }
  const { name } = volume.metadata
  if (!volume.spec.claimRef) {
    const why = mismatch(volume, claim)
    if (!why) return { do: 'bind', volume }
    return wait('Warning', 'VolumeMismatch', `Cannot bind to requested volume ${JSON.stringify(name)}: ${why}`)
  }
  if (isFor(volume, claim)) return { do: 'bind', volume }
  return wait('Warning', 'FailedBinding', `volume ${JSON.stringify(name)} already bound to a different claim.`)
}

function planUnbound(claim: PersistentVolumeClaim, { volumes, classes, unscheduledPods }: ClaimSurroundings): ClaimStep {
  const className = classOf(claim)
  const storageClass = classes.find(({ metadata }) => metadata.name === className)
  const hasNode = claim.metadata.annotations?.[annotations.selectedNode] !== undefined
  const isDelayed = !hasNode && storageClass?.volumeBindingMode === 'WaitForFirstConsumer'
  const volume = bestMatch(claim, volumes, isDelayed)
  if (volume) return { do: 'bind', volume }
  const fallback = claim.spec.storageClassName === undefined && !className ? defaultClass(classes) : undefined
  if (fallback) return { do: 'setClass', name: fallback }
  if (isDelayed) return waitForPod(unscheduledPods)
  if (!className) {
    return wait('Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set')
  }
  if (!storageClass)
    return wait('Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`)
  const provisioner = migrated[storageClass.provisioner] ?? storageClass.provisioner
  // Those were drivers of upstream's own; none is left.
  if (provisioner.startsWith('kubernetes.io/')) {
    return wait('Warning', 'ProvisioningFailed', `no volume plugin matched name: ${provisioner}`)
  }
  return { do: 'provision', provisioner }
}

/** The CSI drivers that took the place of upstream's own (`csi-translation-lib`). */
const migrated: Readonly<Record<string, string>> = {
  'kubernetes.io/aws-ebs': 'ebs.csi.aws.com',
  'kubernetes.io/azure-disk': 'disk.csi.azure.com',
  'kubernetes.io/azure-file': 'file.csi.azure.com',
  'kubernetes.io/cinder': 'cinder.csi.openstack.org',
  'kubernetes.io/gce-pd': 'pd.csi.storage.gke.io',
  'kubernetes.io/portworx-volume': 'pxd.portworx.com',
  'kubernetes.io/vsphere-volume': 'csi.vsphere.vmware.com',
}

function waitForPod(pods: readonly string[]): ClaimStep {
  if (pods.length > 1) return wait('Normal', 'WaitForPodScheduled', `waiting for pods ${pods.join(',')} to be scheduled`)
  if (pods.length === 1) return wait('Normal', 'WaitForPodScheduled', `waiting for pod ${pods[0]} to be scheduled`)
  return wait('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
}

/** KEP-3333: the newest of those that are marked so, and the first by name among those of one age. */
export function defaultClass(classes: readonly StorageClass[]): string | undefined {
  const age = ({ metadata }: StorageClass) => Date.parse(metadata.creationTimestamp)
  return classes
    .filter(({ metadata }) => isDefaultClass(metadata.annotations))
    .sort((a, b) => age(b) - age(a) || (a.metadata.name < b.metadata.name ? -1 : 1))[0]?.metadata.name
}

function wait(type: ClaimEvent['type'], reason: string, message: string): ClaimStep {
  return { do: 'wait', event: { type, reason, message } }
}

function lost(reason: string, message: string): ClaimStep {
  return { do: 'lose', event: { type: 'Warning', reason, message } }
}
