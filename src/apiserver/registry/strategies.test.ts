import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import { has } from '#schema/field-set.ts'
import type { Kind } from '#schema/kind.ts'
import { made } from '#testing/errors-of.ts'
import { answersDeleted } from './delete.ts'
import { versionsOf } from './field-managers.ts'
import type { WriteContext } from './write-context.ts'

/**
 * Upstream's `registry/<group>/<resource>/strategy.go` and `storage.go` of each kind: version (`AllowUnconditionalUpdate` is false),
 * creates (`AllowCreateOnUpdate`), answers (`ReturnDeletedObject`), generation (is counted), and of writes to the status:
 * keeps (these metadata stay as they were), disowns (nobody comes to own these).
 */
const golden = `
MutatingAdmissionPolicy: version generation
MutatingAdmissionPolicyBinding: version generation
MutatingWebhookConfiguration: version generation
ValidatingAdmissionPolicy: version generation keeps=all disowns=metadata
ValidatingAdmissionPolicyBinding: version generation
ValidatingWebhookConfiguration: version generation
CustomResourceDefinition: version generation
APIService: version keeps=all disowns=metadata
StorageVersion: version keeps=all
DaemonSet: generation
Deployment: generation keeps=labels disowns=metadata.labels
ReplicaSet: generation
StatefulSet: generation
CronJob: generation
Job: generation
ClusterTrustBundle: version
PodCertificateRequest: version keeps=all
Lease: version creates
LeaseCandidate: version creates
Endpoints: creates
Event: creates
LimitRange: creates
Namespace: answers
PersistentVolume: answers
PersistentVolumeClaim: answers
Pod: answers generation keeps=ownerReferences disowns=metadata.deletionTimestamp,metadata.ownerReferences
PodTemplate: answers generation
ReplicationController: generation
ResourceQuota: creates answers
Service: creates answers
ServiceAccount: answers
EndpointSlice: generation
FlowSchema: generation keeps=all disowns=metadata
PriorityLevelConfiguration: generation keeps=all disowns=metadata
Ingress: generation
IngressClass: generation
NetworkPolicy: generation
ServiceCIDR: keeps=all
RuntimeClass: version creates
PodDisruptionBudget: version generation
ClusterRole: creates
ClusterRoleBinding: creates
Role: creates
RoleBinding: creates
DeviceClass: answers generation
DeviceTaintRule: answers generation keeps=all disowns=metadata
ResourceClaim: answers keeps=all
ResourceClaimTemplate: answers
ResourcePoolStatusRequest: version answers keeps=all disowns=metadata
ResourceSlice: answers generation
PodGroup: keeps=all disowns=metadata
PriorityClass: generation
CSIDriver: version answers generation
CSINode: version answers
CSIStorageCapacity: version answers
StorageClass: answers
VolumeAttachment: version answers keeps=all disowns=metadata
VolumeAttributesClass: answers
StorageVersionMigration: version keeps=all disowns=metadata
`

const lines = golden.trim().split('\n')

for (const kind of [...kinds, ...previewKinds]) {
  if (kind.def.verbs && !kind.def.verbs.includes('update')) continue
  test(`writes of ${kind.apiVersion} ${kind.kind} are taken as upstream's strategy takes them`, () => {
    const line = lines.find((one) => one.startsWith(`${kind.kind}: `)) ?? `${kind.kind}: `
    assert.equal(`${kind.kind}: ${wordsOf(kind).join(' ')}`, line)
  })
}

function wordsOf(kind: Kind): string[] {
  const { requireVersion, createOnUpdate, generationFrom, status } = kind.def
  const counts = generationFrom ? generationFrom.length > 0 : status
  const kept = keptByStatus(kind)
  const disowned = disownedByStatus(kind)
  return [
    ...(requireVersion ? ['version'] : []),
    ...(createOnUpdate ? ['creates'] : []),
    ...(answersDeleted(kind) ? ['answers'] : []),
    ...(counts ? ['generation'] : []),
    ...(kept ? [`keeps=${kept}`] : []),
    ...(disowned ? [`disowns=${disowned}`] : []),
  ]
}

const looked = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const

function keptByStatus(kind: Kind): string {
  if (!kind.def.status) return ''
  const owner = (uid: string) => [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid }]
  const metadata = (n: string) => ({
    ...{ labels: { n }, annotations: { n }, finalizers: [`x/${n}`], ownerReferences: owner(n) },
    managedFields: [{ manager: n }],
  })
  const [object, old] = [made(kind, { metadata: metadata('new') }), made(kind, { metadata: metadata('old') })]
  kind.def.prepareStatus?.(object, old, '2026-01-02T00:00:00Z')
  assert.equal(object.metadata.managedFields?.[0]?.manager, 'new')
  assert.deepEqual(old, made(kind, { metadata: metadata('old') }), 'the old one is shared')
  const kept = looked.filter((name) => JSON.stringify(object.metadata[name]) === JSON.stringify(old.metadata[name]))
  return kept.length === looked.length ? 'all' : kept.join()
}

function disownedByStatus(kind: Kind): string {
  if (!kind.def.status) return ''
  const { reset } = versionsOf({ kind, subresource: 'status', registry: {} } as unknown as WriteContext)
  if (has(reset, ['f:metadata'])) return 'metadata'
  const names = ['deletionTimestamp', ...looked].map((name) => ['f:metadata', `f:${name}`])
  return names
    .filter((path) => has(reset, path))
    .map((path) => path.map((part) => part.slice(2)).join('.'))
    .join()
}
