/**
 * The built-in provisioner: a volume is a directory on the node that its pod goes to. What touches the disk is handed in, since the
 * directories are where the node is. It takes part as every provisioner from outside does: by annotations, and by deleting what it made.
 */
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import type { Client } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { type Cluster, type Controller, defineController } from '../runtime/controller.ts'
import { annotations, classOf } from './match.ts'

export const localPathProvisioner = 'nami/local-path'
const finalizer = 'nami/local-path-protection'
/** On nodes that nobody runs (`src/simulate`). */
const simulated = 'simulate.nami/shape'

export interface LocalDirectories {
  /** Where the directories of volumes are, on every node. */
  readonly root: string
  /** Makes the directory on that node, open to any user of its pod. Fine where it is there. */
  make(node: string, path: string): Promise<void>
  /** Removes it with all it holds. Fine where there is none. */
  remove(node: string, path: string): Promise<void>
}

type Claims = Cluster<
  typeof PersistentVolumeClaim | typeof PersistentVolume | typeof StorageClass | typeof Node,
  typeof PersistentVolumeClaim | typeof PersistentVolume
>

/** Two: one makes volumes for claims, the other removes those that are released. */
export function localPathControllers(directories: LocalDirectories): readonly Controller[] {
  const shared = { name: 'local-path-provisioner', account: 'local-path-provisioner', component: localPathProvisioner }
  return [
    defineController({
      ...shared,
      for: PersistentVolumeClaim,
      reads: [PersistentVolume, StorageClass, Node],
      writes: [PersistentVolumeClaim, PersistentVolume],
      reconcile: (claim, cluster) => provision(claim, cluster, directories),
    }),
    defineController({
      ...shared,
      for: PersistentVolume,
      reads: [Node],
      writes: [PersistentVolume],
      reconcile: (volume, cluster) => reclaim(volume, cluster, directories),
    }),
  ]
}

async function provision(claim: PersistentVolumeClaim, cluster: Claims, directories: LocalDirectories): Promise<void> {
  const { metadata, spec } = claim
  const known = metadata.annotations ?? {}
  if (spec.volumeName || metadata.deletionTimestamp || known[annotations.provisioner] !== localPathProvisioner) return
  const storageClass = cluster.get(StorageClass, { name: classOf(claim) })
  if (storageClass?.provisioner !== localPathProvisioner) return
  const isDelayed = storageClass.volumeBindingMode === 'WaitForFirstConsumer'
  if (isDelayed && known[annotations.selectedNode] === undefined) return
  const nodes = cluster.list(Node)
  const plan = planVolumeFor(claim, { storageClass, nodes, root: directories.root })
  if ('problem' in plan) return refuse(claim, plan, cluster)
  if (cluster.get(PersistentVolume, { name: plan.volume.metadata?.name ?? '' })) return
  const about = `External provisioner is provisioning volume for claim ${JSON.stringify(`${metadata.namespace}/${metadata.name}`)}`
  cluster.event(claim, { type: 'Normal', reason: 'Provisioning', message: about })
  await directories.make(plan.node, plan.path).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error)
    const why = `failed to provision volume with StorageClass ${JSON.stringify(storageClass.metadata.name)}: ${text}`
    cluster.event(claim, { type: 'Warning', reason: 'ProvisioningFailed', message: why })
    throw error
  })
  await cluster.create(PersistentVolume, plan.volume).catch((error) => {
    if (!hasReason(error, 'AlreadyExists')) throw error
  })
  const message = `Successfully provisioned volume ${plan.volume.metadata?.name}`
  cluster.event(claim, { type: 'Normal', reason: 'ProvisioningSucceeded', message })
}

async function refuse(claim: PersistentVolumeClaim, { problem, reschedules }: Refusal, cluster: Claims): Promise<void> {
  const message = `failed to provision volume with StorageClass ${JSON.stringify(classOf(claim))}: ${problem}`
  cluster.event(claim, { type: 'Warning', reason: 'ProvisioningFailed', message })
  if (!reschedules) return
  const body = { metadata: { annotations: { [annotations.selectedNode]: null } } }
  await cluster.patch(PersistentVolumeClaim, claim, { type: 'merge', body })
}

interface Refusal {
  readonly problem: string
  /** The scheduler is to choose another node. */
  readonly reschedules?: boolean
}

export interface Provisioned {
  readonly volume: Draft<PersistentVolume>
  readonly node: string
  readonly path: string
}

interface Place {
  readonly storageClass: StorageClass
  readonly nodes: readonly Node[]
  readonly root: string
}

/** Named after the claim's UID, so that it is made once however often that is tried. */
export function planVolumeFor(claim: PersistentVolumeClaim, { storageClass, nodes, root }: Place): Provisioned | Refusal {
  const { name, namespace, uid } = claim.metadata
  const { accessModes = [], selector, volumeMode, resources } = claim.spec
  if (selector) return { problem: 'claim.Spec.Selector is not supported' }
  if (volumeMode === 'Block') return { problem: 'block volumes are not supported' }
  if (accessModes.some((mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod')) {
    return { problem: 'NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes' }
  }
  const wanted = claim.metadata.annotations?.[annotations.selectedNode]
  const node = nodes.find(({ metadata }) => (wanted === undefined ? nodes.length === 1 : metadata.name === wanted))
  if (!node)
    return wanted === undefined
      ? { problem: 'configuration error, no node was specified' }
      : { problem: `node ${JSON.stringify(wanted)} not found`, reschedules: true }
  const volumeName = `pvc-${uid}`
  const path = `${root}/${volumeName}_${namespace}_${name}`
  const key = 'kubernetes.io/hostname'
  const values = [node.metadata.labels?.[key] ?? node.metadata.name]
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In' as const, values }] }] }
  const volume = {
    metadata: {
      name: volumeName,
      annotations: { [annotations.provisionedBy]: localPathProvisioner, [nodeAnnotation]: node.metadata.name },
      finalizers: [finalizer],
    },
    spec: {
      capacity: { storage: resources?.requests?.storage ?? '0' },
      accessModes,
      volumeMode: 'Filesystem' as const,
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy,
      storageClassName: storageClass.metadata.name,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      hostPath: { path, type: 'DirectoryOrCreate' as const },
      nodeAffinity: { required },
    },
  }
  return { volume: volume as Draft<PersistentVolume>, node: node.metadata.name, path }
}

const nodeAnnotation = 'nami/local-path-node'

async function reclaim(
  volume: PersistentVolume,
  cluster: Cluster<typeof PersistentVolume | typeof Node, typeof PersistentVolume>,
  { root, remove }: LocalDirectories,
): Promise<void> {
  const { metadata, spec, status } = volume
  if (metadata.annotations?.[annotations.provisionedBy] !== localPathProvisioner) return
  if (!metadata.finalizers?.includes(finalizer)) return
  const goes = status.phase === 'Released' && spec.persistentVolumeReclaimPolicy === 'Delete'
  if (!goes) {
    if (metadata.deletionTimestamp && status.phase !== 'Bound') await letGo(volume, cluster)
    return
  }
  const path = spec.hostPath?.path ?? ''
  // The object can be edited; the directory of a volume is directly below the root and bears its name.
  const isOwn = path.startsWith(`${root}/${metadata.name}_`) && !path.slice(root.length + 1).includes('/')
  try {
    if (!isOwn) throw new Error(`${path} is not a volume's directory below ${root}`)
    const name = metadata.annotations[nodeAnnotation] ?? ''
    const node = cluster.get(Node, { name }) ?? (await find(name, cluster.live))
    // With a node that is gone went its files, and a simulated one has none.
    if (node && node.metadata.labels?.[simulated] === undefined) await remove(name, path)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    cluster.event(volume, { type: 'Warning', reason: 'VolumeFailedDelete', message })
    throw error
  }
  if (!metadata.deletionTimestamp) await cluster.delete(PersistentVolume, volume)
  await letGo(volume, cluster)
}

async function find(name: string, client: Client): Promise<Node | undefined> {
  return client.get(Node, { name }).catch((error) => {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  })
}

async function letGo(
  volume: PersistentVolume,
  cluster: Cluster<typeof PersistentVolume | typeof Node, typeof PersistentVolume>,
): Promise<void> {
  const { name } = volume.metadata
  const current = await cluster.live.get(PersistentVolume, { name }).catch((error) => {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  })
  if (!current?.metadata.finalizers?.includes(finalizer)) return
  const finalizers = current.metadata.finalizers.filter((one) => one !== finalizer)
  await cluster.update(PersistentVolume, { ...current, metadata: { ...current.metadata, finalizers } } as never)
}
