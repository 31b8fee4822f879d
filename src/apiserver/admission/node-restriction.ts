/** NodeRestriction: a node writes its own objects and the status of its own pods, and cannot make itself more attractive than it is. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { notFound } from '#schema/status-error.ts'
import { nodeNameOf } from '../authz/node-identity.ts'
import { mirrorPodAnnotation, visitPod } from '../authz/pod-references.ts'
import { checkPodCertificateRequest, checkSigningRequest } from './node-restriction-certificates.ts'
import { checkNodeObject } from './node-restriction-node.ts'
import { checkTokenRequest } from './node-restriction-token.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  handles: ({ operation }) => operation !== 'CONNECT',
  mutate(request, context) {
    const node = nodeNameOf(request.user)
    if (node === undefined) return
    if (!node) throw refuse(request, `could not determine node from user ${JSON.stringify(request.user.name)}`)
    const { group, plural } = request.kind
    switch (group ? `${plural}.${group}` : plural) {
      case 'pods':
        return checkPod(node, request, context)
      case 'nodes':
        return checkNodeObject(node, request)
      case 'persistentvolumeclaims':
        return checkClaim(node, request)
      case 'serviceaccounts':
        return checkTokenRequest(node, request, context)
      case 'leases.coordination.k8s.io':
        return checkLease(node, request)
      case 'csinodes.storage.k8s.io':
        return checkNamedAlike(node, request, 'CSINode')
      case 'resourceslices.resource.k8s.io':
        return checkSlice(node, request)
      case 'certificatesigningrequests.certificates.k8s.io':
        return checkSigningRequest(node, request, context)
      case 'podcertificaterequests.certificates.k8s.io':
        return checkPodCertificateRequest(node, request, context)
    }
  },
}

const quote = (text: string) => JSON.stringify(text)

/** The stored pod; a node that asks for one that is not there learns just that. */
export function podOf({ namespace }: AdmissionRequest, name: string, { lister }: Pick<AdmissionContext, 'lister'>): Pod {
  const pod = lister.get(Pod, name, namespace)
  if (!pod) throw notFound({ group: '', plural: 'pods' }, name)
  return pod
}

function checkPod(node: string, request: AdmissionRequest, context: AdmissionContext): void {
  switch (request.subresource) {
    case '':
      return checkPodItself(node, request, context)
    case 'status':
      return checkPodStatus(node, request)
    case 'eviction':
      return checkEviction(node, request, context)
    default:
      throw refuse(request, `unexpected pod subresource ${quote(request.subresource)}, only 'status' and 'eviction' are allowed`)
  }
}

function checkPodItself(node: string, request: AdmissionRequest, context: AdmissionContext): void {
  if (request.operation === 'CREATE') return checkMirrorPod(node, request, context)
  if (request.operation !== 'DELETE') {
    const why = `unexpected operation ${quote(request.operation)}, node ${quote(node)} can only create and delete mirror pods`
    throw refuse(request, why)
  }
  if (podOf(request, request.name, context).spec.nodeName !== node) {
    throw refuse(request, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`)
  }
}

function checkMirrorPod(node: string, request: AdmissionRequest, { lister }: AdmissionContext): void {
  const pod = request.object as Pod
  const deny = (what: string) => refuse(request, `node ${quote(node)} ${what}`)
  if (pod.metadata.annotations?.[mirrorPodAnnotation] === undefined) {
    const why = `pod does not have ${quote(mirrorPodAnnotation)} annotation, node ${quote(node)} can only create mirror pods`
    throw refuse(request, why)
  }
  if (pod.spec.nodeName !== node) throw deny('can only create pods with spec.nodeName set to itself')
  const [owner, ...others] = pod.metadata.ownerReferences ?? []
  if (others.length > 0) throw deny('can only create pods with a single owner reference set to itself')
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    throw deny('can only create pods with an owner reference set to itself')
  }
  if (!owner.controller) throw deny('can only create pods with a controller owner reference set to itself')
  if (owner.blockOwnerDeletion) throw deny('must not set blockOwnerDeletion on an owner reference')
  const object = lister.get(Node, node)
  if (!object) throw notFound({ group: '', plural: 'nodes' }, node)
  if (owner.uid !== object.metadata.uid) {
    throw refuse(request, `node ${node} UID mismatch: expected ${owner.uid} got ${object.metadata.uid}`)
  }
  const forbidden = referenceOf(pod)
  if (forbidden) throw deny(`can not create pods that reference ${forbidden}`)
}

/** A static pod could otherwise fetch any object for whoever controls the node. */
function referenceOf(pod: Pod): string | undefined {
  if (pod.spec.serviceAccountName) return 'a service account'
  const references = new Set([...visitPod(pod)].filter(([, name]) => name).map(([type]) => type))
  if (references.has('secrets')) return 'secrets'
  if (references.has('configmaps')) return 'configmaps'
  if (pod.spec.resourceClaims?.length) return 'resourceclaims'
  const projections = pod.spec.volumes?.flatMap(({ projected }) => projected?.sources ?? []) ?? []
  if (projections.some((source) => source.clusterTrustBundle)) return 'clustertrustbundles'
  if (projections.some((source) => source.podCertificate)) return 'podcertificates'
  return pod.spec.volumes?.some((volume) => volume.persistentVolumeClaim) ? 'persistentvolumeclaims' : undefined
}

function checkPodStatus(node: string, request: AdmissionRequest): void {
  const { operation, object, old } = request
  if (operation !== 'UPDATE') throw refuse(request, `unexpected operation ${quote(operation)}`)
  if (old.spec.nodeName !== node) {
    throw refuse(request, `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`)
  }
  if (!sameMap(object.metadata.labels, old.metadata.labels)) {
    throw refuse(request, `node ${quote(node)} cannot update labels through pod status`)
  }
  if (JSON.stringify(object.status?.resourceClaimStatuses ?? []) !== JSON.stringify(old.status?.resourceClaimStatuses ?? [])) {
    throw refuse(request, `node ${quote(node)} cannot update resource claim statues`)
  }
  const [claim, before] = [object.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus]
  if (JSON.stringify(claim) !== JSON.stringify(before)) {
    throw refuse(request, `node ${quote(node)} cannot update extended resource claim status`)
  }
}

export function sameMap(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

function checkEviction(node: string, request: AdmissionRequest, context: AdmissionContext): void {
  if (request.operation !== 'CREATE') throw refuse(request, `unexpected operation ${request.operation}`)
  const name = request.name || request.object?.metadata?.name
  if (!name) throw refuse(request, 'could not determine pod from request data')
  if (podOf(request, name, context).spec.nodeName !== node) {
    throw refuse(request, `node ${node} can only evict pods with spec.nodeName set to itself`)
  }
}

function checkClaim(node: string, request: AdmissionRequest): void {
  if (request.subresource !== 'status') throw refuse(request, 'may only update PVC status')
  if (request.operation !== 'UPDATE') throw refuse(request, `unexpected operation ${quote(request.operation)}`)
  if (JSON.stringify(fixedPart(request.object)) !== JSON.stringify(fixedPart(request.old))) {
    throw refuse(request, `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`)
  }
}

function fixedPart({ metadata, spec, status }: any): unknown {
  const { resourceVersion, managedFields, ...keptMetadata } = metadata
  const { capacity, conditions, allocatedResources, allocatedResourceStatuses, ...keptStatus } = status ?? {}
  return sorted([keptMetadata, spec, keptStatus])
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => [key, sorted(each)])
}

function checkLease(node: string, request: AdmissionRequest): void {
  if (request.namespace !== 'kube-node-lease') {
    throw refuse(request, 'can only access leases in the "kube-node-lease" system namespace')
  }
  checkNamedAlike(node, request, 'node lease')
}

function checkNamedAlike(node: string, request: AdmissionRequest, what: string): void {
  const name = request.operation === 'CREATE' ? request.object?.metadata?.name : request.name
  if (name !== node) throw refuse(request, `can only access ${what} with the same name as the requesting node`)
}

function checkSlice(node: string, request: AdmissionRequest): void {
  const { operation, object, old } = request
  if (operation === 'CREATE' && object.spec?.nodeName !== node) {
    throw refuse(request, 'can only create ResourceSlice with the same NodeName as the requesting node')
  }
  if (operation === 'DELETE' && old && old.spec?.nodeName !== node) {
    throw refuse(request, 'can only delete ResourceSlice with the same NodeName as the requesting node')
  }
}
