/**
 * PersistentVolume binder: marries claims to volumes, and says of volumes whose claim is gone that they are released. A marriage takes
 * several writes; each is found done or not by whoever comes next.
 */
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { keyOf } from '#client/indexed-store.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Caches, type Cluster, defineController } from '../runtime/controller.ts'
import { type ClaimStep, planClaim } from './claim-plan.ts'
import { podsByClaim, podsWithClaim } from './claims-of-pods.ts'
import { annotations } from './match.ts'
import { planVolume } from './volume-plan.ts'

type Claims = Cluster<
  typeof PersistentVolumeClaim | typeof PersistentVolume | typeof StorageClass | typeof Pod,
  typeof PersistentVolumeClaim | typeof PersistentVolume
>

/** Seconds between visits of what waits (`pvclaimbinder-sync-period`). */
const resync = 15
const identity = { account: 'persistent-volume-binder', component: 'persistentvolume-controller' }

export const claimBinder = defineController({
  name: 'persistentvolume-binder-controller',
  ...identity,
  for: PersistentVolumeClaim,
  reads: [PersistentVolume, StorageClass, Pod],
  writes: [PersistentVolumeClaim, PersistentVolume],
  workers: 1,
  indexes: [podsByClaim],
  watches: [{ kind: PersistentVolume, visits: claimsFor }],
  grants: [{ groups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] }],

  async reconcile(claim, cluster) {
    const unscheduledPods = podsWithClaim(cluster, claim.metadata)
      .filter(({ spec }) => !spec.nodeName)
      .map((pod) => pod.metadata.name)
    const around = { volumes: cluster.list(PersistentVolume), classes: cluster.list(StorageClass), unscheduledPods }
    const step = planClaim(claim, around)
    await takeStep(claim, step, cluster)
    return step.do === 'bind' || step.do === 'lose' ? undefined : { after: resync }
  },
})

/** Where it has none, the volume may be what claims wait for. */
function claimsFor({ spec: { claimRef } }: PersistentVolume, caches: Caches<typeof PersistentVolumeClaim>) {
  if (claimRef) return [{ name: claimRef.name ?? '', namespace: claimRef.namespace ?? '' }]
  const waiting = caches.list(PersistentVolumeClaim).filter(({ status }) => status.phase === 'Pending')
  return waiting.map(({ metadata }) => metadata)
}

async function takeStep(claim: PersistentVolumeClaim, step: ClaimStep, cluster: Claims): Promise<void> {
  switch (step.do) {
    case 'bind':
      return bind(claim, step.volume, cluster)
    case 'setClass':
      await cluster.patch(PersistentVolumeClaim, claim, { type: 'merge', body: { spec: { storageClassName: step.name } } })
      return
    case 'provision':
      return askProvisioner(claim, step.provisioner, cluster)
    case 'lose':
      if (claim.status.phase !== 'Lost') cluster.event(claim, step.event)
      await cluster.status(PersistentVolumeClaim, claim, unbound(claim, 'Lost'))
      return
    case 'wait':
      if (step.event) cluster.event(claim, step.event)
      await cluster.status(PersistentVolumeClaim, claim, unbound(claim, 'Pending'))
  }
}

/** What is said of its volume goes. */
function unbound({ status }: PersistentVolumeClaim, phase: 'Pending' | 'Lost'): PersistentVolumeClaim['status'] {
  const { accessModes: _, capacity: __, ...rest } = status
  return { ...rest, phase }
}

/** Provisioners outside look for these annotations. */
async function askProvisioner(claim: PersistentVolumeClaim, provisioner: string, cluster: Claims): Promise<void> {
  const wanted = { [annotations.betaProvisioner]: provisioner, [annotations.provisioner]: provisioner }
  if (claim.metadata.annotations?.[annotations.provisioner] !== provisioner) {
    await cluster.patch(PersistentVolumeClaim, claim, { type: 'merge', body: { metadata: { annotations: wanted } } })
  }
  const waiting = `Waiting for a volume to be created either by the external provisioner '${provisioner}'`
  const advice = 'If volume creation is delayed, please verify that the provisioner is running and correctly registered.'
  const message = `${waiting} or manually by the system administrator. ${advice}`
  cluster.event(claim, { type: 'Normal', reason: 'ExternalProvisioning', message })
}

/** Volume, its phase, claim, its phase: in this order, so that a half-made marriage is known by its volume. */
async function bind(claim: PersistentVolumeClaim, volume: PersistentVolume, cluster: Claims): Promise<void> {
  const engaged = await reserve(claim, volume, cluster)
  await cluster.status(PersistentVolume, engaged, { ...engaged.status, phase: 'Bound' })
  const given = await nameVolume(claim, volume.metadata.name, cluster)
  if (given.status.phase === 'Bound') return
  const { accessModes, capacity, volumeAttributesClassName: attributes } = engaged.spec
  await cluster.status(PersistentVolumeClaim, given, {
    ...given.status,
    phase: 'Bound',
    ...(accessModes && { accessModes }),
    ...(capacity?.storage && { capacity: { storage: capacity.storage } }),
    ...(attributes && { currentVolumeAttributesClassName: attributes }),
  })
}

async function reserve(claim: PersistentVolumeClaim, volume: PersistentVolume, cluster: Claims): Promise<PersistentVolume> {
  const { name, namespace, uid, resourceVersion } = claim.metadata
  const { metadata, spec } = volume
  if (spec.claimRef?.uid === uid) return volume
  const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion }
  const noted = spec.claimRef ? metadata.annotations : { ...metadata.annotations, [annotations.boundByController]: 'yes' }
  const next = { ...volume, metadata: { ...metadata, ...(noted && { annotations: noted }) }, spec: { ...spec, claimRef } }
  return cluster.update(PersistentVolume, next as never)
}

async function nameVolume(claim: PersistentVolumeClaim, volumeName: string, cluster: Claims): Promise<PersistentVolumeClaim> {
  const { metadata, spec } = claim
  const done = metadata.annotations?.[annotations.bindCompleted] !== undefined
  if (done && spec.volumeName === volumeName) return claim
  const noted = {
    ...metadata.annotations,
    ...(spec.volumeName !== volumeName && { [annotations.boundByController]: 'yes' }),
    [annotations.bindCompleted]: 'yes',
  }
  const next = { ...claim, metadata: { ...metadata, annotations: noted }, spec: { ...spec, volumeName } }
  return cluster.update(PersistentVolumeClaim, next as never)
}

export const volumeBinder = defineController({
  name: 'persistentvolume-binder-controller',
  ...identity,
  for: PersistentVolume,
  reads: [PersistentVolumeClaim],
  writes: [PersistentVolume],
  workers: 1,
  indexes: [{ kind: PersistentVolume, name: 'claim', keys: ({ spec: { claimRef } }) => (claimRef ? [keyOf(claimRef)] : []) }],
  watches: [
    {
      kind: PersistentVolumeClaim,
      // A volume may be set aside for a claim that does not know of it yet.
      visits: ({ metadata, spec }: PersistentVolumeClaim, caches) => [
        ...(spec.volumeName ? [{ name: spec.volumeName }] : []),
        ...caches.indexed(PersistentVolume, { index: 'claim', value: keyOf(metadata) }).map((volume) => volume.metadata),
      ],
    },
  ],

  async reconcile(volume, cluster) {
    const claim = await claimOf(volume, cluster)
    const step = planVolume(volume, claim)
    if (step.do === 'phase') {
      const { reason: _, message: __, ...status } = volume.status
      if (status.phase !== step.phase) await cluster.status(PersistentVolume, volume, { ...status, phase: step.phase })
    } else if (step.do === 'unbind') await unbind(volume, step.keepsClaim, cluster)
    else if (step.do === 'fail') {
      const { reason, message } = step
      cluster.event(volume, { type: 'Warning', reason, message })
      await cluster.status(PersistentVolume, volume, { ...volume.status, phase: 'Failed', message })
    }
  },
})

type Volumes = Cluster<typeof PersistentVolume | typeof PersistentVolumeClaim, typeof PersistentVolume>

/** What is not in the cache may just not be there yet; a volume is given up only for a claim that is known to be gone. */
async function claimOf({ spec }: PersistentVolume, cluster: Volumes): Promise<PersistentVolumeClaim | undefined> {
  const { name = '', namespace = '', uid } = spec.claimRef ?? {}
  if (!uid) return undefined
  const found = cluster.get(PersistentVolumeClaim, { name, namespace })
  if (found?.metadata.uid === uid) return found
  try {
    const live = await cluster.live.get(PersistentVolumeClaim, { name, namespace })
    return live.metadata.uid === uid ? live : undefined
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

async function unbind(volume: PersistentVolume, keepsClaim: boolean, cluster: Volumes): Promise<void> {
  const { claimRef, ...rest } = volume.spec
  const { [annotations.boundByController]: _, ...kept } = volume.metadata.annotations ?? {}
  const { uid: __, resourceVersion: ___, ...reference } = claimRef ?? {}
  const next = keepsClaim
    ? { ...volume, spec: { ...rest, claimRef: reference } }
    : { ...volume, metadata: { ...volume.metadata, annotations: kept }, spec: rest }
  await cluster.update(PersistentVolume, next as never)
}
