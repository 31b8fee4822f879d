import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { defaultPlugins } from './chain.ts'
import { reconcileSystemPriorityClasses } from './priority.ts'

async function bed() {
  const cluster = await testCluster({ admission: defaultPlugins })
  await cluster.client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } })
  return cluster
}

test('NamespaceLifecycle keeps objects out of namespaces that are not there', async () => {
  await using cluster = await bed()
  const { client } = cluster
  const map = (namespace: string) => client.create(ConfigMap, { metadata: { name: 'a', namespace } })
  await assert.rejects(map('nowhere'), { code: 404, message: 'namespaces "nowhere" not found' })
  await client.create(Namespace, { metadata: { name: 'leaving' } })
  await map('leaving')
  await client.delete(Namespace, { name: 'leaving' })
  const error: any = await client.create(ConfigMap, { metadata: { name: 'b', namespace: 'leaving' } }).then(
    () => assert.fail(),
    (reason) => reason,
  )
  assert.equal(
    error.message,
    'configmaps "b" is forbidden: unable to create new content in namespace leaving because it is being terminated',
  )
  assert.deepEqual(error.details.causes, [
    { reason: 'NamespaceTerminating', message: 'namespace leaving is being terminated', field: 'metadata.namespace' },
  ])
})

test('NamespaceLifecycle keeps three namespaces for ever', async () => {
  await using cluster = await bed()
  for (const name of ['default', 'kube-system', 'kube-public']) {
    const message = `namespaces "${name}" is forbidden: this namespace may not be deleted`
    await assert.rejects(cluster.client.delete(Namespace, { name }), { code: 403, message })
  }
})

test('ServiceAccount mounts a token in every container that has none', async () => {
  await using cluster = await bed()
  const { client } = cluster
  const path = '/var/run/secrets/kubernetes.io/serviceaccount'
  const own = { name: 'own', emptyDir: {} }
  const containers = [
    { name: 'a', image: 'i' },
    { name: 'b', image: 'i', volumeMounts: [{ name: 'own', mountPath: path }] },
  ]
  const { spec } = await client.create(
    Pod,
    pod('web', { spec: { containers, volumes: [own], initContainers: [{ name: 'i', image: 'i' }] } }),
  )
  assert.equal(spec.serviceAccountName, 'default')
  const [first, volume] = spec.volumes ?? []
  assert.equal(first?.name, 'own')
  assert.match(volume?.name ?? '', /^kube-api-access-[a-z0-9]{5}$/)
  assert.deepEqual(volume?.projected, {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
    defaultMode: 420,
  })
  const mount = { name: volume?.name, readOnly: true, mountPath: path }
  assert.deepEqual(spec.containers[0]?.volumeMounts, [mount])
  assert.equal(spec.containers[1]?.volumeMounts?.[0]?.name, 'own')
  assert.deepEqual(spec.initContainers?.[0]?.volumeMounts, [mount])
})

test('ServiceAccount does what pod and account ask for', async () => {
  await using cluster = await bed()
  const { client } = cluster
  const account = {
    metadata: { name: 'ci', namespace: 'default' },
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'pull' }],
  }
  await client.create(ServiceAccount, account)
  const { spec } = await client.create(Pod, pod('a', { spec: { serviceAccountName: 'ci' } }))
  assert.equal(spec.volumes, undefined)
  assert.deepEqual(spec.imagePullSecrets, [{ name: 'pull' }])
  const wanting = await client.create(Pod, pod('b', { spec: { serviceAccountName: 'ci', automountServiceAccountToken: true } }))
  assert.equal(wanting.spec.volumes?.length, 1)
  await assert.rejects(client.create(Pod, pod('c', { spec: { serviceAccountName: 'gone' } })), {
    message: 'pods "c" is forbidden: error looking up service account default/gone: serviceaccount "gone" not found',
  })
})

test('ServiceAccount holds pods to the secrets that their account names', async () => {
  await using cluster = await bed()
  const { client } = cluster
  const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'true' }
  await client.create(ServiceAccount, {
    metadata: { name: 'ci', namespace: 'default', annotations },
    secrets: [{ name: 'mine' }],
  })
  const volume = (secretName: string) => ({ serviceAccountName: 'ci', volumes: [{ name: 'v', secret: { secretName } }] })
  await client.create(Pod, pod('a', { spec: volume('mine') }))
  await assert.rejects(client.create(Pod, pod('b', { spec: volume('other') })), {
    message:
      'pods "b" is forbidden: volume with secret.secretName="other" is not allowed because service account ci does not reference that secret',
  })
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'other', key: 'k' } } }]
  await assert.rejects(
    client.create(Pod, pod('c', { spec: { serviceAccountName: 'ci', containers: [{ name: 'main', image: 'i', env }] } })),
    {
      message:
        'pods "c" is forbidden: container main with envVar A referencing secret.secretName="other" is not allowed because service account ci does not reference that secret',
    },
  )
})

test('ServiceAccount waits for the default account of a new namespace', async () => {
  await using cluster = await bed()
  const { client } = cluster
  await client.create(Namespace, { metadata: { name: 'new' } })
  const waiting = client.create(Pod, pod('a', { namespace: 'new' }))
  await cluster.settle()
  await client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'new' } })
  await cluster.advance(500)
  assert.equal((await waiting).spec.serviceAccountName, 'default')
})

test('TaintNodesByCondition keeps pods off new nodes', async () => {
  await using cluster = await bed()
  const { spec } = await cluster.client.create(Node, { metadata: { name: 'n1' } })
  assert.deepEqual(spec.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }])
})

test('DefaultTolerationSeconds gives pods five minutes', async () => {
  await using cluster = await bed()
  const stay = (key: string, tolerationSeconds?: number) => ({
    ...{ key, operator: 'Exists' as const, effect: 'NoExecute' as const },
    ...(tolerationSeconds && { tolerationSeconds }),
  })
  const own = stay('node.kubernetes.io/not-ready', 10)
  const { spec } = await cluster.client.create(Pod, pod('a', { spec: { tolerations: [own] } }))
  assert.deepEqual(spec.tolerations, [own, stay('node.kubernetes.io/unreachable', 300)])
  const all = await cluster.client.create(Pod, pod('b', { spec: { tolerations: [{ operator: 'Exists' }] } }))
  assert.deepEqual(all.spec.tolerations, [{ operator: 'Exists' }])
})

test('Priority fills in what the class says', async () => {
  await using cluster = await bed()
  const { client } = cluster
  await reconcileSystemPriorityClasses(client)
  await reconcileSystemPriorityClasses(client)
  const plain = await client.create(Pod, pod('a'))
  assert.deepEqual(
    [plain.spec.priority, plain.spec.preemptionPolicy, plain.spec.priorityClassName],
    [0, 'PreemptLowerPriority', undefined],
  )
  const critical = await client.create(
    Pod,
    pod('b', { namespace: 'default', spec: { priorityClassName: 'system-node-critical' } }),
  )
  assert.equal(critical.spec.priority, 2_000_001_000)
  await client.create(PriorityClass, { metadata: { name: 'usual' }, value: 7, globalDefault: true, preemptionPolicy: 'Never' })
  const usual = await client.create(Pod, pod('c'))
  assert.deepEqual([usual.spec.priority, usual.spec.preemptionPolicy, usual.spec.priorityClassName], [7, 'Never', 'usual'])

  const cases: [object, string][] = [
    [{ priorityClassName: 'gone' }, 'no PriorityClass with name gone was found'],
    [
      { priorityClassName: 'usual', priority: 8 },
      'the integer value of priority (8) must not be provided in pod spec; priority admission controller computed 7 from the given PriorityClass name',
    ],
    [
      { priorityClassName: 'usual', preemptionPolicy: 'PreemptLowerPriority' },
      'the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name',
    ],
  ]
  for (const [spec, why] of cases) {
    await assert.rejects(client.create(Pod, pod('d', { spec })), { message: `pods "d" is forbidden: ${why}` })
  }
  await assert.rejects(client.create(PriorityClass, { metadata: { name: 'second' }, value: 1, globalDefault: true }), {
    message:
      'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
  })
})

test('Secrets are nobody else’s business', async () => {
  await using cluster = await bed()
  await cluster.client.create(Secret, { metadata: { name: 's', namespace: 'default' } })
  const node = cluster.clientAs({ name: 'system:node:n1', groups: ['system:nodes'] })
  await assert.rejects(node.get(Secret, { name: 's', namespace: 'default' }), {
    message: `secrets "s" is forbidden: User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "default": no relationship found between node 'n1' and this object`,
  })
  await cluster.client.create(Pod, pod('a', { spec: { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 's' } }] } }))
  assert.equal((await node.get(Secret, { name: 's', namespace: 'default' })).metadata.name, 's')
  const current = edit(await node.get(Pod, { name: 'a', namespace: 'default' }))
  current.status = { ...current.status, phase: 'Running' }
  assert.equal((await node.update(Pod, current, { subresource: 'status' })).status.phase, 'Running')
})
