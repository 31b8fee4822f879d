import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroOf } from '#schema/decode.ts'
import type { Kind } from '#schema/kind.ts'
import { toTable } from '#schema/table.ts'
import { Scale } from './autoscaling/v1/scale.ts'
import { kinds } from './kinds.ts'
import { previewKinds } from './preview-kinds.ts'
import { StorageVersionMigration } from './storagemigration/v1beta1/storage-version-migration.ts'

/** Upstream's `printers/internalversion/printers.go`: names, types other than string, formats of what is no name, `*` for `-o wide` alone. */
const golden = `
admissionregistration.k8s.io/v1 MutatingAdmissionPolicy: Name, Mutations:integer, ParamKind, Age
admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding: Name, PolicyName, ParamRef, Age
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration: Name, Webhooks:integer, Age
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy: Name, Validations:integer, ParamKind, Age
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding: Name, PolicyName, ParamRef, Age
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration: Name, Webhooks:integer, Age
apiextensions.k8s.io/v1 CustomResourceDefinition: Name, Created At:date
apiregistration.k8s.io/v1 APIService: Name, Service, Available, Age
apps/v1 ControllerRevision: Name, Controller, Revision, Age
apps/v1 DaemonSet: Name, Desired:integer, Current:integer, Ready:integer, Up-to-date:integer, Available:integer, Node Selector, Age, Containers*, Images*, Selector*
apps/v1 Deployment: Name, Ready, Up-to-date, Available, Age, Containers*, Images*, Selector*
apps/v1 ReplicaSet: Name, Desired:integer, Current:integer, Ready:integer, Age, Containers*, Images*, Selector*
apps/v1 StatefulSet: Name, Ready, Age, Containers*, Images*
autoscaling/v1 HorizontalPodAutoscaler: Name, Reference, Targets, MinPods, MaxPods, Replicas, Age
autoscaling/v2 HorizontalPodAutoscaler: Name, Reference, Targets, MinPods, MaxPods, Replicas, Age
batch/v1 CronJob: Name, Schedule, Timezone, Suspend:boolean, Active:integer, Last Schedule, Age, Containers*, Images*, Selector*
batch/v1 Job: Name, Status, Completions, Duration, Age, Containers*, Images*, Selector*
certificates.k8s.io/v1beta1 ClusterTrustBundle: Name, SignerName
certificates.k8s.io/v1beta1 PodCertificateRequest: Name, PodName, ServiceAccountName, NodeName, SignerName, State
certificates.k8s.io/v1 CertificateSigningRequest: Name, Age, SignerName, Requestor, RequestedDuration, Condition
coordination.k8s.io/v1 Lease: Name, Holder, Age
coordination.k8s.io/v1beta1 LeaseCandidate: Name, LeaseName, BinaryVersion, EmulationVersion, Age
discovery.k8s.io/v1 EndpointSlice: Name, AddressType, Ports, Endpoints, Age
events.k8s.io/v1 Event: Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name*
flowcontrol.apiserver.k8s.io/v1 FlowSchema: Name, PriorityLevel, MatchingPrecedence, DistinguisherMethod, Age, MissingPL
flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration: Name, Type, NominalConcurrencyShares, Queues, HandSize, QueueLengthLimit, Age
internal.apiserver.k8s.io/v1alpha1 StorageVersion: Name, CommonEncodingVersion, StorageVersions, Age
networking.k8s.io/v1 IPAddress: Name, ParentRef
networking.k8s.io/v1 Ingress: Name, Class, Hosts, Address, Ports, Age
networking.k8s.io/v1 IngressClass: Name, Controller, Parameters, Age
networking.k8s.io/v1 NetworkPolicy: Name, Pod-Selector, Age
networking.k8s.io/v1 ServiceCIDR: Name, CIDRs, Age
node.k8s.io/v1 RuntimeClass: Name, Handler, Age
policy/v1 PodDisruptionBudget: Name, Min Available, Max Unavailable, Allowed Disruptions:integer, Age
rbac.authorization.k8s.io/v1 ClusterRole: Name, Created At:date
rbac.authorization.k8s.io/v1 ClusterRoleBinding: Name, Role, Age, Users*, Groups*, ServiceAccounts*
rbac.authorization.k8s.io/v1 Role: Name, Created At:date
rbac.authorization.k8s.io/v1 RoleBinding: Name, Role, Age, Users*, Groups*, ServiceAccounts*
resource.k8s.io/v1 DeviceClass: Name, Age
resource.k8s.io/v1 ResourceClaim: Name, State, Age
resource.k8s.io/v1 ResourceClaimTemplate: Name, Age
resource.k8s.io/v1 ResourceSlice: Name, Node, Driver, Pool, Age
resource.k8s.io/v1alpha3 ResourcePoolStatusRequest: Name, Age
resource.k8s.io/v1beta2 DeviceTaintRule: Name, Age
scheduling.k8s.io/v1alpha2 PodGroup: Name, Age
scheduling.k8s.io/v1alpha2 Workload: Name, Age
scheduling.k8s.io/v1 PriorityClass: Name, Value:integer, Global-Default:boolean, Age, PreemptionPolicy
storage.k8s.io/v1 CSIDriver: Name, AttachRequired:boolean, PodInfoOnMount:boolean, StorageCapacity:boolean, TokenRequests, RequiresRepublish:boolean, Modes, Age
storage.k8s.io/v1 CSINode: Name, Drivers:integer, Age
storage.k8s.io/v1 CSIStorageCapacity: Name, StorageClassName, Capacity
storage.k8s.io/v1 StorageClass: Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age
storage.k8s.io/v1 VolumeAttachment: Name, Attacher (name), PV, Node, Attached:boolean, Age
storage.k8s.io/v1 VolumeAttributesClass: Name, DriverName, Age
storagemigration.k8s.io/v1beta1 StorageVersionMigration: Name, Resource
v1 ComponentStatus: Name, Status, Message, Error
v1 ConfigMap: Name, Data, Age
v1 Endpoints: Name, Endpoints, Age
v1 Event: Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name*
v1 LimitRange: Name, Created At:date
v1 Namespace: Name, Status, Age
v1 Node: Name, Status, Roles, Age, Version, Internal-IP*, External-IP*, OS-Image*, Kernel-Version*, Container-Runtime*
v1 PersistentVolume: Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age, VolumeMode*
v1 PersistentVolumeClaim: Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode*
v1 Pod: Name, Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*
v1 PodTemplate: Name, Containers, Images, Pod Labels
v1 ReplicationController: Name, Desired:integer, Current:integer, Ready:integer, Age, Containers*, Images*, Selector*
v1 ResourceQuota: Name, Request, Limit, Age
v1 Secret: Name, Type, Data, Age
v1 Service: Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector*
v1 ServiceAccount: Name, Age
`

const withoutPrinter = ['authentication.k8s.io', 'authorization.k8s.io', 'metrics.k8s.io']

for (const kind of [...kinds, ...previewKinds]) {
  if (withoutPrinter.includes(kind.group) || kind.kind === 'Binding') continue
  test(`the table of ${kind.apiVersion} ${kind.kind} has upstream's columns`, () => {
    // Versions of one kind share their printer.
    const wanted = lineOf(kind) ?? lineOf(kind.def.storedAs?.kind() ?? kind)
    assert.equal(columnsOf(kind), wanted)
  })
}

test('the tables of scales and of migrations have no column that names their object by its kind', () => {
  const columns = (kind: Kind) =>
    (toTable(kind, [zeroOf(kind.schema) as never], { now: 0 }).columnDefinitions ?? []).map(({ name, type, format }) =>
      [name, type, format].join(),
    )
  assert.deepEqual(columns(Scale), ['Name,string,', 'Desired,integer,', 'Available,integer,', 'Age,string,'])
  assert.deepEqual(columns(StorageVersionMigration), ['Name,string,', 'Resource,string,'])
})

function lineOf({ apiVersion, kind }: Kind): string | undefined {
  const name = `${apiVersion} ${kind}: `
  const line = golden.split('\n').find((one) => one.startsWith(name))
  return line?.slice(name.length)
}

function columnsOf(kind: Kind): string {
  const { columnDefinitions } = toTable(kind, [zeroOf(kind.schema) as never], { now: 0 })
  return (columnDefinitions ?? [])
    .map(({ name, type, format, priority }) => {
      const what = `${type === 'string' ? '' : `:${type}`}${format && name !== 'Name' ? ` (${format})` : ''}`
      return `${name}${what}${priority ? '*' : ''}`
    })
    .join(', ')
}
