/** Cluster roles that every cluster starts with (upstream `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`). */
import type { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import type { Draft } from '#schema/words.ts'
import { nodeRules } from './bootstrap-nodes.ts'
import { eventsRule, groups as g, read, readUpdate, readWrite, rule, urls, write } from './bootstrap-rules.ts'

type Role = Draft<ClusterRole>
type Rules = ReturnType<typeof rule>[]

export function bootstrapClusterRoles(): Role[] {
  return [
    role('cluster-admin', [rule('*', '*', '*'), urls('*', '*')]),
    role('system:discovery', [
      urls('get', '/livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*'),
    ]),
    role('system:monitoring', [
      urls('get', '/metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/*'),
      urls('get', '/flagz'),
      urls('get', '/statusz'),
    ]),
    role('system:basic-user', [
      rule('create', g.authorization, 'selfsubjectaccessreviews selfsubjectrulesreviews'),
      rule('create', g.authentication, 'selfsubjectreviews'),
    ]),
    role('system:public-info-viewer', [urls('get', '/livez /readyz /healthz /version /version/')]),
    ...userRoles(),
    ...systemRoles(),
    ...certificateRoles(),
    role('system:service-account-issuer-discovery', [
      urls('get', '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/'),
    ]),
    role('system:node-proxier', [
      rule('list watch', g.core, 'services endpoints'),
      rule(read, g.core, 'nodes'),
      eventsRule(),
      rule('list watch', g.discovery, 'endpointslices'),
      rule('list watch', g.networking, 'servicecidrs'),
    ]),
    role('system:kube-scheduler', schedulerRules()),
  ]
}

function role(name: string, rules: Rules, labels?: Record<string, string>): Role {
  return { metadata: { name, ...(labels && { labels }) }, rules }
}

const aggregate = (to: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' })

/** A role whose rules the cluster role aggregation controller gathers from others. */
function gathered(name: string, into?: string): Role {
  return {
    metadata: { name, ...(into && { labels: aggregate(into) }) },
    rules: [],
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregate(name) }] },
  }
}

function userRoles(): Role[] {
  return [
    gathered('admin'),
    gathered('edit', 'admin'),
    gathered('view', 'edit'),
    role('system:aggregate-to-admin', adminRules(), aggregate('admin')),
    role('system:aggregate-to-edit', editRules(), aggregate('edit')),
    role('system:aggregate-to-view', viewRules(), aggregate('view')),
  ]
}

function adminRules(): Rules {
  return [rule('create', g.authorization, 'localsubjectaccessreviews'), rule(readWrite, g.rbac, 'roles rolebindings')]
}

function editRules(): Rules {
  return [
    rule(read, g.core, 'pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy'),
    rule('impersonate', g.core, 'serviceaccounts'),
    rule(write, g.core, 'pods pods/attach pods/proxy pods/exec pods/portforward'),
    rule('create', g.core, 'pods/eviction'),
    rule(
      write,
      g.core,
      `replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy persistentvolumeclaims
       configmaps secrets events`,
    ),
    rule('create', g.core, 'serviceaccounts/token'),
    rule(
      write,
      g.apps,
      'statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets replicasets/scale',
    ),
    rule(write, g.autoscaling, 'horizontalpodautoscalers'),
    rule(write, g.batch, 'jobs cronjobs'),
    rule(
      write,
      g.extensions,
      `daemonsets deployments deployments/scale deployments/rollback ingresses replicasets replicasets/scale
       replicationcontrollers/scale networkpolicies`,
    ),
    rule(write, g.policy, 'poddisruptionbudgets'),
    rule(write, g.networking, 'networkpolicies ingresses'),
    rule(readWrite, g.coordination, 'leases'),
    rule(write, g.resource, 'resourceclaims resourceclaimtemplates'),
  ]
}

function viewRules(): Rules {
  return [
    rule(
      read,
      g.core,
      `pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status endpoints
       persistentvolumeclaims persistentvolumeclaims/status configmaps`,
    ),
    rule(
      read,
      g.core,
      `limitranges resourcequotas bindings events pods/status resourcequotas/status namespaces/status
       replicationcontrollers/status pods/log`,
    ),
    rule(read, g.core, 'namespaces'),
    rule(read, g.discovery, 'endpointslices'),
    rule(
      read,
      g.apps,
      `controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status deployments
       deployments/status deployments/scale replicasets replicasets/status replicasets/scale`,
    ),
    rule(read, g.autoscaling, 'horizontalpodautoscalers horizontalpodautoscalers/status'),
    rule(read, g.batch, 'jobs cronjobs cronjobs/status jobs/status'),
    rule(
      read,
      g.extensions,
      `daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status replicasets
       replicasets/scale replicasets/status replicationcontrollers/scale networkpolicies`,
    ),
    rule(read, g.policy, 'poddisruptionbudgets poddisruptionbudgets/status'),
    rule(read, g.networking, 'networkpolicies ingresses ingresses/status'),
    rule(read, g.resource, 'resourceclaims resourceclaims/status resourceclaimtemplates'),
  ]
}

function systemRoles(): Role[] {
  return [
    role('system:heapster', [rule(read, g.core, 'events pods nodes namespaces'), rule(read, g.extensions, 'deployments')]),
    role('system:node', nodeRules()),
    role('system:node-problem-detector', [rule('get', g.core, 'nodes'), rule('patch', g.core, 'nodes/status'), eventsRule()]),
    role('system:kubelet-api-admin', [
      rule(read, g.core, 'nodes'),
      rule('proxy', g.core, 'nodes'),
      rule('*', g.core, 'nodes/proxy nodes/metrics nodes/stats nodes/log'),
      rule('*', g.core, 'nodes/configz nodes/healthz nodes/pods'),
    ]),
    role('system:node-bootstrapper', [rule(`create ${read}`, g.certificates, 'certificatesigningrequests')]),
    role('system:auth-delegator', [
      rule('create', g.authentication, 'tokenreviews'),
      rule('create', g.authorization, 'subjectaccessreviews'),
    ]),
    role('system:kube-aggregator', [rule(read, g.core, 'services endpoints')]),
    role('system:kube-controller-manager', controllerManagerRules()),
    role('system:kube-dns', [rule('list watch', g.core, 'endpoints services')]),
    role('system:persistent-volume-provisioner', [
      rule(`${read} create delete`, g.core, 'persistentvolumes'),
      rule(`${read} update`, g.core, 'persistentvolumeclaims'),
      rule(read, g.storage, 'storageclasses'),
      rule('watch', g.core, 'events'),
      eventsRule(),
    ]),
    role('system:volume-scheduler', [
      rule(readUpdate, g.core, 'persistentvolumes'),
      rule(read, g.storage, 'storageclasses'),
      rule(readUpdate, g.core, 'persistentvolumeclaims'),
    ]),
  ]
}

/** For what the process does itself; each controller acts by a role of its own. */
function controllerManagerRules(): Rules {
  return [
    eventsRule(),
    rule('create', g.coordination, 'leases'),
    rule('get update', g.coordination, 'leases', ['kube-controller-manager']),
    rule('create', g.core, 'secrets serviceaccounts'),
    rule('delete', g.core, 'secrets'),
    rule('get', g.core, 'namespaces secrets serviceaccounts configmaps'),
    rule('update', g.core, 'secrets serviceaccounts'),
    rule('create', g.authentication, 'tokenreviews'),
    rule('create', g.authorization, 'subjectaccessreviews'),
    rule('list watch', '*', '*'),
    rule('create', g.core, 'serviceaccounts/token'),
  ]
}

function schedulerRules(): Rules {
  return [
    eventsRule(),
    rule('create', g.coordination, 'leases'),
    rule('get update', g.coordination, 'leases', ['kube-scheduler']),
    rule(read, g.core, 'nodes'),
    rule(`${read} delete`, g.core, 'pods'),
    rule('create', g.core, 'pods/binding bindings'),
    rule('patch update', g.core, 'pods/status'),
    rule(read, g.core, 'services replicationcontrollers'),
    rule(read, [g.apps, g.extensions], 'replicasets'),
    rule(read, g.apps, 'statefulsets'),
    rule(read, g.policy, 'poddisruptionbudgets'),
    rule(read, g.core, 'persistentvolumeclaims persistentvolumes'),
    rule('create', g.authentication, 'tokenreviews'),
    rule('create', g.authorization, 'subjectaccessreviews'),
    rule(read, g.storage, 'csinodes'),
    rule(read, g.core, 'namespaces'),
    rule(read, g.storage, 'csidrivers'),
    rule(read, g.storage, 'csistoragecapacities'),
    rule(read, g.storage, 'volumeattachments'),
    rule(read, g.resource, 'deviceclasses'),
    rule(readUpdate, g.resource, 'resourceclaims'),
    rule('create delete', g.resource, 'resourceclaims'),
    rule(readUpdate, g.resource, 'resourceclaims/status'),
    rule('patch update', g.resource, 'resourceclaims/binding'),
    rule(readUpdate, g.core, 'pods/finalizers'),
    rule(read, g.resource, 'resourceslices'),
  ]
}

function certificateRoles(): Role[] {
  const approver = (name: string, signer: string) =>
    role(`system:certificates.k8s.io:${name}`, [rule('approve', g.certificates, 'signers', [`kubernetes.io/${signer}`])])
  const client = (name: string) =>
    role(`system:certificates.k8s.io:certificatesigningrequests:${name}`, [
      rule('create', g.certificates, `certificatesigningrequests/${name}`),
    ])
  return [
    client('nodeclient'),
    client('selfnodeclient'),
    approver('legacy-unknown-approver', 'legacy-unknown'),
    approver('kubelet-serving-approver', 'kubelet-serving'),
    approver('kube-apiserver-client-approver', 'kube-apiserver-client'),
    approver('kube-apiserver-client-kubelet-approver', 'kube-apiserver-client-kubelet'),
  ]
}
