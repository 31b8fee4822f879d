/** The priority levels and flow schemas that every cluster begins with (upstream `apis/flowcontrol/bootstrap`, 1.36). */
import type { FlowSchemaSpec, Subject } from '#api/flowcontrol/v1/flow-schema.ts'
import { mandatoryLevels, mandatorySchemas } from '#api/flowcontrol/v1/mandatory.ts'
import type { PriorityLevelConfigurationSpec } from '#api/flowcontrol/v1/priority-level-configuration.ts'

export { mandatoryLevels, mandatorySchemas }

export const suggestedLevels: Readonly<Record<string, PriorityLevelConfigurationSpec>> = {
  system: queued([30, 33], [64, 6]),
  'node-high': queued([40, 25], [64, 6]),
  'leader-election': queued([10, 0], [16, 4]),
  'workload-high': queued([40, 50], [128, 6]),
  'workload-low': queued([100, 90], [128, 6]),
  'global-default': queued([20, 50], [128, 6]),
}

const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
}
const everybody = [group('system:unauthenticated'), group('system:authenticated')]
const kubeSystemAccounts: Subject = { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } }
const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] }

export const suggestedSchemas: Readonly<Record<string, FlowSchemaSpec>> = {
  'system-nodes': schema('system', 500, 'ByUser', { subjects: [group('system:nodes')], ...everything }),
  'system-node-high': schema('node-high', 400, 'ByUser', {
    subjects: [group('system:nodes')],
    resourceRules: [
      { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
      { verbs: ['*'], ...leases },
    ],
  }),
  probes: schema('exempt', 2, undefined, {
    subjects: everybody,
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  'system-leader-election': schema('leader-election', 100, 'ByUser', {
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), kubeSystemAccounts],
    resourceRules: [{ verbs: ['get', 'create', 'update'], ...leases }],
  }),
  'kube-controller-manager': schema('workload-high', 800, 'ByNamespace', {
    subjects: [user('system:kube-controller-manager')],
    ...everything,
  }),
  'kube-scheduler': schema('workload-high', 800, 'ByNamespace', { subjects: [user('system:kube-scheduler')], ...everything }),
  'kube-system-service-accounts': schema('workload-high', 900, 'ByNamespace', {
    subjects: [kubeSystemAccounts],
    ...everything,
  }),
  'service-accounts': schema('workload-low', 9000, 'ByUser', { subjects: [group('system:serviceaccounts')], ...everything }),
  'global-default': schema('global-default', 9900, 'ByUser', { subjects: everybody, ...everything }),
}

function queued(
  [nominalConcurrencyShares, lendablePercent]: [number, number],
  [queues, handSize]: [number, number],
): PriorityLevelConfigurationSpec {
  const limitResponse = { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } } as const
  return { type: 'Limited', limited: { nominalConcurrencyShares, lendablePercent, limitResponse } }
}

function schema(
  level: string,
  matchingPrecedence: number,
  type: 'ByUser' | 'ByNamespace' | undefined,
  rule: NonNullable<FlowSchemaSpec['rules']>[number],
): FlowSchemaSpec {
  return {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence,
    ...(type && { distinguisherMethod: { type } }),
    rules: [rule],
  }
}

function group(name: string): Subject {
  return { kind: 'Group', group: { name } }
}

function user(name: string): Subject {
  return { kind: 'User', user: { name } }
}
