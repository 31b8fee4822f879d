/** The rules that all nodes have alike (upstream `bootstrappolicy.NodeRules`). */
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import { groups as g, read, rule } from './bootstrap-rules.ts'

/** Without what is behind feature gates that are off by default in 1.36. */
export function nodeRules(): PolicyRule[] {
  return [
    rule('create', g.authentication, 'tokenreviews'),
    rule('create', g.authorization, 'subjectaccessreviews localsubjectaccessreviews'),
    rule(read, g.core, 'services'),
    rule(`create ${read}`, g.core, 'nodes'),
    rule('update patch', g.core, 'nodes/status'),
    rule('update patch', g.core, 'nodes'),
    rule('create update patch', g.core, 'events'),
    rule(read, g.core, 'pods'),
    rule('create delete', g.core, 'pods'),
    rule('update patch', g.core, 'pods/status'),
    rule('create', g.core, 'pods/eviction'),
    rule(read, g.core, 'secrets configmaps'),
    rule('get', g.core, 'persistentvolumeclaims persistentvolumes'),
    rule('get', g.core, 'endpoints'),
    rule(`create ${read}`, g.certificates, 'certificatesigningrequests'),
    rule('get create update patch delete', g.coordination, 'leases'),
    rule('get', g.storage, 'volumeattachments'),
    rule('create', g.core, 'serviceaccounts/token'),
    rule('get update patch', g.core, 'persistentvolumeclaims/status'),
    rule(read, g.storage, 'csidrivers'),
    rule('get create update patch delete', g.storage, 'csinodes'),
    rule(read, g.node, 'runtimeclasses'),
    rule('get', g.resource, 'resourceclaims'),
    rule('deletecollection', g.resource, 'resourceslices'),
    rule('get', g.core, 'serviceaccounts'),
  ]
}
