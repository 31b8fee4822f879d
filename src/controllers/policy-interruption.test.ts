import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service } from '#api/core/v1/service.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import type { TestCluster } from '#testing/cluster.ts'
import { type Interrupted, interrupted, withLeaders } from '#testing/interrupted.ts'
import { node, pod, replicaSet, service } from '#testing/make.ts'
import { runPods, setReady } from '#testing/run-pods.ts'
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts'
import { disruptionController } from './disruption/disruption.ts'
import { endpointsController } from './endpoints/endpoints.ts'
import { endpointSliceController } from './endpointslice/endpointslice.ts'
import { endpointSliceMirroringController } from './endpointslice/mirroring.ts'
import { namespaceController } from './namespace/namespace.ts'
import { nodeIpamController } from './node/node-ipam.ts'
import { nodeLifecycleController } from './node/node-lifecycle.ts'
import { taintEvictionController } from './node/taint-eviction.ts'
import { ttlController } from './node/ttl.ts'
import { podGarbageCollector } from './pod-garbage-collector.ts'
import { replicaSetController } from './replicaset/replicaset.ts'
import { resourceQuotaController } from './resource-quota/resource-quota.ts'
import { rootCaCertificatePublisher } from './root-ca-certificate-publisher.ts'
import { serviceCidrController } from './service-cidrs.ts'
import { serviceAccountController } from './serviceaccount/serviceaccount.ts'
import { serviceAccountTokenController } from './serviceaccount/token.ts'

const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string
const signer = serviceAccountTokens({ privateKey, issuer: 'i' })
const merge = (body: object) => ({ type: 'merge', body }) as const
const at = (name: string) => ({ name, namespace: 'default' })

async function place(cluster: TestCluster, name: string, last: number) {
  const made = await cluster.client.create(Pod, pod(name, { labels: { app: 'web' }, spec: { nodeName: 'n1' } }))
  await setReady(cluster, made, true, `10.244.0.${last}`)
  await cluster.settle()
}

const slices = async (cluster: TestCluster) =>
  (await cluster.list(EndpointSlice)).map(
    ({ addressType, endpoints }) => `${addressType} ${endpoints.flatMap(({ addresses }) => addresses).sort()}`,
  )

const scenarios: Record<string, Interrupted & { readonly least?: number }> = {
  'ResourceQuota controller': {
    controllers: () => [resourceQuotaController],
    scenario: async (cluster) => {
      await cluster.client.create(Pod, pod('a'))
      await cluster.client.create(ResourceQuota, { metadata: at('q'), spec: { hard: { pods: '5', 'count/configmaps': '9' } } })
      await cluster.settle()
      await cluster.client.create(Pod, pod('b'))
      await cluster.client.delete(Pod, at('a'), { gracePeriodSeconds: 0 })
      await cluster.client.create(ConfigMap, { metadata: at('c') })
      await cluster.advance(301_000)
    },
    outcome: async (cluster) => (await cluster.client.get(ResourceQuota, at('q'))).status,
    least: 2,
  },
  'Disruption controller': {
    controllers: () => [replicaSetController, disruptionController],
    scenario: async (cluster) => {
      await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 3 } }))
      await runPods(cluster)
      const selector = { matchLabels: { app: 'web' } }
      await cluster.client.create(PodDisruptionBudget, { metadata: at('b'), spec: { minAvailable: '50%', selector } })
      await cluster.settle()
      const [one] = await cluster.list(Pod)
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: at(one?.metadata.name ?? '') }
      await cluster.client.post(Pod, one as Pod, { subresource: 'eviction', body }).catch(() => {})
      await cluster.settle()
      await cluster.advance(130_000)
      await runPods(cluster)
      await cluster.advance(130_000)
    },
    outcome: async (cluster) => {
      const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods, disruptedPods } = (
        await cluster.client.get(PodDisruptionBudget, at('b'))
      ).status
      return [disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods, disruptedPods]
    },
  },
  'EndpointSlice and Endpoints controllers': {
    controllers: () => [endpointSliceController, endpointsController, endpointSliceMirroringController],
    scenario: async (cluster) => {
      await cluster.client.create(Node, node('n1'))
      await cluster.client.create(Service, service('web'))
      for (const last of [2, 3]) await place(cluster, `p${last}`, last)
      await cluster.client.delete(Pod, at('p2'), { gracePeriodSeconds: 0 })
      await cluster.settle()
      await cluster.client.create(Service, { metadata: at('hand'), spec: { ports: [{ port: 80 }] } })
      const made = await cluster.client.create(Endpoints, {
        metadata: at('hand'),
        subsets: [{ addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }], ports: [{ port: 80 }] }],
      })
      await cluster.settle()
      await cluster.client.update(Endpoints, { ...made, subsets: [{ addresses: [{ ip: '192.0.2.2' }], ports: [{ port: 81 }] }] })
      await cluster.advance(10_000)
    },
    outcome: async (cluster) => [
      (await slices(cluster)).sort(),
      (await cluster.list(Endpoints)).map(({ subsets = [] }) =>
        subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)),
      ),
    ],
  },
  'service accounts, tokens and the root CA': {
    controllers: () => [
      serviceAccountController,
      serviceAccountTokenController({ signer, rootCa: 'PEM' }),
      rootCaCertificatePublisher('PEM'),
    ],
    scenario: async (cluster) => {
      await cluster.settle()
      await cluster.client.create(Namespace, { metadata: { name: 'team' } })
      await cluster.settle()
      const annotations = { 'kubernetes.io/service-account.name': 'default' }
      for (const name of ['key', 'gone']) {
        const metadata = { name, namespace: 'team', annotations }
        await cluster.client.create(Secret, { metadata, type: 'kubernetes.io/service-account-token' })
      }
      await cluster.settle()
      await cluster.client.delete(Secret, { name: 'gone', namespace: 'team' })
      await cluster.client.patch(
        ConfigMap,
        { name: 'kube-root-ca.crt', namespace: 'team' },
        merge({ data: { 'ca.crt': 'forged' } }),
      )
      await cluster.advance(5000)
    },
    outcome: async (cluster) => [
      (await cluster.list(ServiceAccount)).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
      (await cluster.list(ConfigMap)).map(({ metadata, data }) => `${metadata.namespace} ${data?.['ca.crt']}`),
      (await cluster.list(Secret)).map(({ metadata, data }) => `${metadata.name} ${Object.keys(data ?? {}).sort()}`),
    ],
  },
  'Namespace controller': {
    controllers: () => [namespaceController(() => [Pod, ConfigMap])],
    scenario: async (cluster) => {
      await cluster.client.create(Namespace, { metadata: { name: 'team' } })
      for (const name of ['a', 'b']) await cluster.client.create(ConfigMap, { metadata: { name, namespace: 'team' } })
      const made = await cluster.client.create(Pod, pod('p', { namespace: 'team', spec: { nodeName: 'n1' } }))
      await cluster.client.delete(Namespace, { name: 'team' })
      await cluster.settle()
      await cluster.client.delete(Pod, made, { gracePeriodSeconds: 0 })
      await cluster.advance(60_000)
    },
    outcome: async (cluster) => (await cluster.list(Namespace)).map(({ metadata }) => metadata.name),
    least: 2,
  },
  'service ranges and aggregated roles': {
    controllers: () => [serviceCidrController, clusterRoleAggregationController],
    scenario: async (cluster) => {
      await cluster.client.create(ServiceCIDR, { metadata: { name: 'x' }, spec: { cidrs: ['192.168.0.0/24'] } })
      await cluster.client.create(ServiceCIDR, { metadata: { name: 'y' }, spec: { cidrs: ['192.168.0.0/16'] } })
      const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]
      const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { to: 'all' } }] }
      await cluster.client.create(ClusterRole, { metadata: { name: 'all' }, aggregationRule, rules: [] })
      await cluster.client.create(ClusterRole, { metadata: { name: 'one', labels: { to: 'all' } }, rules })
      await cluster.settle()
      await cluster.client.delete(ServiceCIDR, { name: 'x' })
      await cluster.advance(20_000)
    },
    outcome: async (cluster) => [
      (await cluster.list(ServiceCIDR)).map(({ metadata, status }) => `${metadata.name} ${status.conditions?.[0]?.status}`),
      (await cluster.client.get(ClusterRole, { name: 'all' })).rules,
    ],
  },
  'controllers of nodes': {
    controllers: () => [
      nodeIpamController(),
      ttlController,
      nodeLifecycleController,
      taintEvictionController,
      podGarbageCollector,
    ],
    scenario: async (cluster) => {
      for (const name of ['n1', 'n2']) await cluster.client.create(Node, node(name))
      await cluster.client.create(Pod, pod('p', { spec: { nodeName: 'n1' } }))
      await cluster.client.create(Pod, pod('lost', { spec: { nodeName: 'n3' } }))
      await cluster.advance(61_000)
      await cluster.client.patch(Node, { name: 'n1' }, merge({ spec: { taints: [{ key: 'x', effect: 'NoExecute' }] } }))
      await cluster.advance(90_000)
    },
    outcome: async (cluster) => [
      (await cluster.list(Node)).map(({ spec }) => spec.podCIDR).sort(),
      (await cluster.list(Node)).map(({ metadata }) => metadata.annotations?.['node.alpha.kubernetes.io/ttl']),
      (await cluster.list(Pod)).map(({ metadata }) => `${metadata.name} ${Boolean(metadata.deletionTimestamp)}`),
    ],
  },
}

for (const [name, scenario] of Object.entries(scenarios)) {
  test(`${name}: the same end when they die after any of their writes`, async () => {
    const writes = await interrupted(scenario)
    assert.ok(writes >= (scenario.least ?? 3), `${writes} writes`)
  })
  test(`${name}: the same end when two lead at once`, async () => {
    assert.deepEqual(await withLeaders(scenario, 2), await withLeaders(scenario, 1))
  })
}
