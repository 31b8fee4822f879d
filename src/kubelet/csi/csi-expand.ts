/** Grows what lies on a volume that has itself grown, and says so in the claim's status (upstream `volume/util/operationexecutor/node_expander.go`). */
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Client } from '#client/client.ts'
import { quantityValue } from '#schema/quantity.ts'
import type { CsiNodeService, ExpandRequest } from './csi-node-service.ts'

/** Conditions that are over with it. */
const resizing: ReadonlySet<string> = new Set(['FileSystemResizePending', 'Resizing', 'NodeResizeError'])

export interface Expansion {
  readonly claim: PersistentVolumeClaim
  /** As the volume says it. */
  readonly size: string
}

/** What is left to do for the volume of this name; undefined: nothing. */
export async function pendingExpansion(client: Client, name: string): Promise<Expansion | undefined> {
  const volume = await client.get(PersistentVolume, { name })
  const { claimRef, capacity } = volume.spec
  const size = capacity?.storage
  if (!claimRef?.name || !size) return undefined
  const claim = await client.get(PersistentVolumeClaim, { name: claimRef.name, namespace: claimRef.namespace })
  const now = claim.status.capacity?.storage
  return now !== undefined && quantityValue(size) > quantityValue(now) ? { claim, size } : undefined
}

export async function expand(
  { claim, size }: Expansion,
  { client, service, request }: { client: Client; service: CsiNodeService; request: Omit<ExpandRequest, 'requiredBytes'> },
): Promise<void> {
  await service.expand({ ...request, requiredBytes: BigInt(quantityValue(size)) })
  const conditions = (claim.status.conditions ?? []).filter(({ type }) => !resizing.has(type))
  const status = { capacity: { ...claim.status.capacity, storage: size }, conditions, allocatedResourceStatuses: null }
  const body = { metadata: { resourceVersion: claim.metadata.resourceVersion }, status }
  await client.patch(PersistentVolumeClaim, claim, { type: 'merge', body }, { subresource: 'status' })
}
