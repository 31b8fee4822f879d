/** What every cluster has from its first second: namespaces, policy, priority classes, the services `kubernetes` and `kube-dns`. */
import { ConfigMap } from '#api/core/v1/config-map.ts'
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
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { ClusterConfig } from './data-directory.ts'
import { simulatorRules, simulatorUser } from './keep-simulator.ts'

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
  for (const name of namespaces) await ensure(client, Namespace, { metadata: { name } })
  await reconcileBootstrapPolicy(client, policyOf(controllers))
  await reconcileSystemPriorityClasses(client)
  await reconcileKubernetesService({ client, clock, serviceCidr: config.serviceCidr, addresses: [address], port: config.port })
  await ensure(client, Service, dnsService(config))
  await ensure(client, StorageClass, localPathClass)
  await ensure(client, ConfigMap, tokenTracking(clock))
}

/** Whether an earlier start came to the end of `bootstrap`. */
export async function isBootstrapped(client: Client): Promise<boolean> {
  const { name, namespace } = tracking
  return (await client.get(ConfigMap, { name, namespace }).catch(unlessMissing)) !== undefined
}

/** To look first costs a fraction of a create that is refused. */
async function ensure<T extends KubeObject>(client: Client, kind: Kind<string, T>, wanted: Draft<T>): Promise<void> {
  const { name = '', namespace } = (wanted.metadata ?? {}) as { name?: string; namespace?: string }
  if (await client.get(kind, { name, namespace }).catch(unlessMissing)) return
  await client.create(kind, wanted).catch((error) => {
    if (!hasReason(error, 'AlreadyExists')) throw error
  })
}

const tracking = { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' }

/** Since when the use of tokens in Secrets is written down; the cleaner of unused ones asks (upstream `legacytokentracking`). */
function tokenTracking(clock: Clock) {
  return { metadata: tracking, data: { since: new Date(clock.now()).toISOString().slice(0, 10) } }
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
  const simulatorBinding = clusterBinding(simulatorUser, {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'User',
    name: simulatorUser,
  })
  return bootstrapPolicy({
    clusterRoles: [...roles.map(({ role }) => role), dns, { metadata: { name: simulatorUser }, rules: simulatorRules }],
    clusterRoleBindings: [...roles.map(({ binding }) => binding), dnsBinding, simulatorBinding],
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

function unlessMissing(error: unknown): undefined {
  if (!hasReason(error, 'NotFound')) throw error
}
