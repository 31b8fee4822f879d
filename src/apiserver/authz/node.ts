/** The Node authorizer: a node reads what its own pods need and writes its own objects (upstream `plugin/pkg/auth/authorizer/node`). */
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import type { Lister } from '../admission/plugin.ts'
import type { Attributes, Authorizer, Decision } from './authorizer.ts'
import { nodeRules } from './bootstrap-nodes.ts'
import { groups, read, rule } from './bootstrap-rules.ts'
import { isRelated, type Vertex } from './node-access.ts'
import { nodeNameOf } from './node-identity.ts'
import { rulesAllow } from './rule-match.ts'

/** NodeRestriction guards what is written: here only verbs, names and selectors are known. */
export function nodeAuthorizer({ lister }: { lister: Lister }): Authorizer {
  return {
    name: 'node',
    authorize(attributes) {
      const node = nodeNameOf(attributes.user)
      if (node === undefined) return noOpinion
      if (!node) return no(`unknown node for user ${JSON.stringify(attributes.user.name)}`)
      return byResource({ node, attributes, lister }) ?? byRules(attributes)
    },
    rules: (user) => {
      const isNode = nodeNameOf(user) !== undefined
      const incomplete = isNode ? 'node authorizer does not support user rule resolution' : undefined
      return { resource: [], nonResource: [], incomplete }
    },
  }
}

interface Asked {
  readonly node: string
  readonly attributes: Attributes
  readonly lister: Lister
}

const allow: Decision = { verdict: 'allow' }
const noOpinion: Decision = { verdict: 'noOpinion' }

function no(reason?: string): Decision {
  return reason ? { verdict: 'noOpinion', reason } : noOpinion
}

/** The last is upstream's wherever nodes project trust bundles, which they do here as soon as these are served. */
const rules: readonly PolicyRule[] = [...nodeRules(), rule(read, groups.certificates, 'clustertrustbundles')]

function byRules(attributes: Attributes): Decision {
  return rulesAllow(rules, attributes) ? allow : no()
}

/** Undefined for resources that all nodes may use alike. */
function byResource(asked: Asked): Decision | undefined {
  const { isResource, group, resource, subresource } = asked.attributes
  if (!isResource) return undefined
  switch (group ? `${resource}.${group}` : resource) {
    case 'secrets':
    case 'configmaps':
      return readOne(asked, resource as Vertex)
    case 'persistentvolumeclaims':
      return subresource === 'status' ? updateStatus(asked) : getOne(asked, 'persistentvolumeclaims')
    case 'persistentvolumes':
    case 'resourceclaims.resource.k8s.io':
    case 'volumeattachments.storage.k8s.io':
      return getOne(asked, resource as Vertex)
    case 'serviceaccounts':
      return serviceAccount(asked)
    case 'leases.coordination.k8s.io':
      return lease(asked)
    case 'csinodes.storage.k8s.io':
      return csiNode(asked)
    case 'podcertificaterequests.certificates.k8s.io':
      return podCertificateRequest(asked)
    case 'resourceslices.resource.k8s.io':
      return resourceSlice(asked)
    case 'nodes':
      return nodeObject(asked)
    case 'pods':
      return pod(asked)
    default:
      return undefined
  }
}

function related({ node, attributes: { namespace, name }, lister }: Asked, vertex: Vertex): Decision {
  if (isRelated(node, { vertex, namespace, name }, lister)) return allow
  return no(`no relationship found between node '${node}' and this object`)
}

function named(asked: Asked, vertex: Vertex): Decision {
  return asked.attributes.name ? related(asked, vertex) : no('No Object name found')
}

function readOne(asked: Asked, vertex: Vertex): Decision {
  const { verb, subresource, namespace } = asked.attributes
  if (!['get', 'list', 'watch'].includes(verb)) return no('can only read resources of this type')
  if (subresource) return no('cannot read subresource')
  if (!namespace) return no('can only read namespaced object of this type')
  return named(asked, vertex)
}

function getOne(asked: Asked, vertex: Vertex): Decision {
  if (asked.attributes.verb !== 'get') return no('can only get individual resources of this type')
  if (asked.attributes.subresource) return no('cannot get subresource')
  return named(asked, vertex)
}

function updateStatus(asked: Asked): Decision {
  if (!['update', 'patch'].includes(asked.attributes.verb)) return no('can only get/update/patch this type')
  return named(asked, 'persistentvolumeclaims')
}

/** Reading an account is for credential providers (KEP-4412); otherwise nodes only make tokens for their pods. */
function serviceAccount(asked: Asked): Decision {
  const { verb, name, subresource } = asked.attributes
  if (verb === 'get' && !subresource) return named(asked, 'serviceaccounts')
  if (verb !== 'create' || !name) return no('can only create tokens for individual service accounts')
  if (subresource !== 'token') return no('can only create token subresource of serviceaccount')
  return related(asked, 'serviceaccounts')
}

const ownVerbs = ['get', 'create', 'update', 'patch', 'delete']

/** The name is not known on create; NodeRestriction looks at it there. */
function lease({ node, attributes: { verb, namespace, name } }: Asked): Decision {
  if (!ownVerbs.includes(verb)) return no('can only get, create, update, patch, or delete a node lease')
  if (namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace')
  if (verb !== 'create' && name !== node) return no('can only access node lease with the same name as the requesting node')
  return allow
}

function csiNode({ node, attributes: { verb, subresource, name } }: Asked): Decision {
  if (!ownVerbs.includes(verb)) return no('can only get, create, update, patch, or delete a CSINode')
  if (subresource) return no('cannot authorize CSINode subresources')
  if (verb !== 'create' && name !== node) return no('can only access CSINode with the same name as the requesting node')
  return allow
}

function resourceSlice(asked: Asked): Decision {
  const { verb, subresource, fieldSelector } = asked.attributes
  if (subresource) return no('cannot authorize ResourceSlice subresources')
  if (verb === 'create') return allow
  if (['get', 'update', 'patch', 'delete'].includes(verb)) return named(asked, 'resourceslices')
  if (!['watch', 'list', 'deletecollection'].includes(verb)) {
    return no(
      'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
    )
  }
  if (selects(fieldSelector, 'spec.nodeName', asked.node)) return allow
  return no('can only list/watch/deletecollection resourceslices with nodeName field selector')
}

/** By name and not by relation, so that a node may ask for its object before it has made it. */
function nodeObject({ node, attributes: { verb, subresource, name } }: Asked): Decision {
  if (subresource === 'status' && ['update', 'patch'].includes(verb)) return allow
  if (subresource) return no()
  if (['create', 'update', 'patch'].includes(verb)) return allow
  if (!['get', 'list', 'watch'].includes(verb)) return no()
  if (name === node) return allow
  if (!name) return no(`node '${node}' cannot read all nodes, only its own Node object`)
  return no(`node '${node}' cannot read '${name}', only its own Node object`)
}

function pod(asked: Asked): Decision {
  const { verb, subresource, name, fieldSelector } = asked.attributes
  if (subresource === 'status' && ['update', 'patch'].includes(verb)) return allow
  if (subresource === 'eviction' && verb === 'create') return allow
  if (subresource) return no()
  if (['create', 'delete'].includes(verb)) return allow
  if (verb === 'get') return named(asked, 'pods')
  if (verb !== 'list' && verb !== 'watch') return no()
  if (selects(fieldSelector, 'spec.nodeName', asked.node)) return allow
  return name ? named(asked, 'pods') : no('can only list/watch pods with spec.nodeName field selector')
}

/** What is asked for is looked at by NodeRestriction. Upstream allows it where nodes project certificates, as they do here. */
function podCertificateRequest({ node, attributes: { verb, subresource, fieldSelector } }: Asked): Decision {
  if (subresource) return no('nodes may not access subresources of podcertificaterequests')
  if (verb === 'create') return allow
  if (verb !== 'list' && verb !== 'watch') return no('nodes may only create, list and watch podcertificaterequests')
  if (selects(fieldSelector, 'spec.nodeName', node)) return allow
  return no('can only list/watch podcertificaterequests with spec.nodeName field selector')
}

/** Whether one of the selector's requirements is exactly `field=value`. */
function selects(selector: string | undefined, field: string, value: string): boolean {
  return (selector ?? '').split(',').some((term) => {
    const [, name, wanted] = /^([^=!]+)==?([^=]*)$/.exec(term.trim()) ?? []
    return name?.trim() === field && wanted?.trim() === value
  })
}
