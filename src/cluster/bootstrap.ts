/** What every cluster has from its first second: namespaces, policy, priority classes, the services `kubernetes` and `kube-dns`. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Service } from '#api/core/v1/service.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { reconcileSystemPriorityClasses } from '#apiserver/admission/priority.ts'
import { clusterBinding, controllerRole } from '#apiserver/authz/bootstrap-bindings.ts'
import { bootstrapPolicy, reconcileBootstrapPolicy } from '#apiserver/authz/bootstrap-policy.ts'
import { reconcileKubernetesService } from '#apiserver/kubernetes-service.ts'
import type { Client } from '#client/client.ts'
import { localPathProvisioner } from '#controllers/persistent-volume/local-path.ts'
import type { Controller } from '#controllers/runtime/controller.ts'
import { rolesOf } from '#controllers/runtime/roles.ts'
import type { Clock } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import type { ClusterConfig } from './data-directory.ts'

export interface BootstrapOptions {
  /** As the API server itself. */
  readonly client: Client
  readonly clock: Clock
  readonly config: ClusterConfig
  readonly controllers: readonly Controller[]
  /** Where pods reach the API server. */
  readonly address: string
}

const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

/** Idempotent; run at every start. */
export async function bootstrap({ client, clock, config, controllers, address }: BootstrapOptions): Promise<void> {
  for (const name of namespaces) await client.create(Namespace, { metadata: { name } }).catch(alreadyThere)
  await reconcileBootstrapPolicy(client, policyOf(controllers))
  await reconcileSystemPriorityClasses(client)
  await reconcileKubernetesService({ client, clock, serviceCidr: config.serviceCidr, addresses: [address], port: config.port })
  await client.create(Service, dnsService(config)).catch(alreadyThere)
  await client.create(StorageClass, localPathClass).catch(alreadyThere)
}

/** Upstream's policy, a role for each controller, and one for the DNS server on the nodes. */
function policyOf(controllers: readonly Controller[]) {
  const roles = [...rolesOf(controllers)].map(([account, rules]) => controllerRole(account, [...rules]))
  const read = ['get', 'list', 'watch']
  const dns = {
    metadata: { name: 'system:node-dns' },
    rules: [
      { apiGroups: [''], resources: ['services', 'namespaces'], verbs: read },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
    ],
  }
  const dnsBinding = clusterBinding('system:node-dns', {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'User',
    name: 'system:kube-proxy',
  })
  return bootstrapPolicy({
    clusterRoles: [...roles.map(({ role }) => role), dns],
    clusterRoleBindings: [...roles.map(({ binding }) => binding), dnsBinding],
  })
}

/** The volume is made where its first pod goes. */
const localPathClass = {
  metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: localPathProvisioner,
  reclaimPolicy: 'Delete' as const,
  volumeBindingMode: 'WaitForFirstConsumer' as const,
  allowVolumeExpansion: true,
}

/** Has no selector: every node answers at this address by itself. */
function dnsService({ clusterDns }: ClusterConfig) {
  const labels = { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' }
  return {
    metadata: { name: 'kube-dns', namespace: 'kube-system', labels },
    spec: {
      clusterIP: clusterDns,
      clusterIPs: [clusterDns],
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' as const },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' as const },
      ],
    },
  }
}

function alreadyThere(error: unknown): void {
  if (!hasReason(error, 'AlreadyExists')) throw error
}
