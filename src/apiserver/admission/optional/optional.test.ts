import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Event } from '#api/core/v1/event.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod, service } from '#testing/make.ts'
import { tlsBackend } from '#testing/tls-backend.ts'
import { admissionPlugins } from '../settings.ts'
import { imagePolicyWebhookWith } from './image-policy-webhook.ts'

function bed(enable: string[], configuration?: object) {
  const plugins = configuration && [{ name: enable[0], configuration }]
  const file = plugins && JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins })
  return testCluster({ admission: admissionPlugins({ enable, disable: ['ServiceAccount'], configuration: file }) })
}

test('AlwaysPullImages has every container pull', async () => {
  await using cluster = await bed(['AlwaysPullImages'])
  const { spec } = await cluster.client.create(Pod, pod('a', { spec: { initContainers: [{ name: 'i', image: 'i:1' }] } }))
  assert.deepEqual([spec.containers[0]?.imagePullPolicy, spec.initContainers?.[0]?.imagePullPolicy], ['Always', 'Always'])
})

test('DenyServiceExternalIPs refuses new external addresses', async () => {
  await using cluster = await bed(['DenyServiceExternalIPs'])
  await cluster.client.create(Service, service('a'))
  await assert.rejects(cluster.client.create(Service, service('b', { spec: { externalIPs: ['192.0.2.1'] } })), {
    message: 'services "b" is forbidden: Use of external IPs is denied by admission control.',
  })
})

test('ExtendedResourceToleration lets pods onto the nodes of their devices', async () => {
  await using cluster = await bed(['ExtendedResourceToleration'])
  const resources = { limits: { 'example.com/gpu': '1' } }
  const { spec } = await cluster.client.create(Pod, pod('a', { spec: { containers: [{ name: 'a', image: 'i', resources }] } }))
  assert.ok(
    spec.tolerations?.some(({ key, operator, effect }) => `${key} ${operator} ${effect}` === 'example.com/gpu Exists NoSchedule'),
  )
})

test('LimitPodHardAntiAffinityTopology allows host names only', async () => {
  await using cluster = await bed(['LimitPodHardAntiAffinityTopology'])
  const affinity = (topologyKey: string) => ({
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: {} }] },
  })
  await cluster.client.create(Pod, pod('a', { spec: { affinity: affinity('kubernetes.io/hostname') } }))
  await assert.rejects(cluster.client.create(Pod, pod('b', { spec: { affinity: affinity('zone') } })), {
    message:
      'pods "b" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  })
})

test('NamespaceAutoProvision makes the namespace that is asked for', async () => {
  await using cluster = await bed(['NamespaceAutoProvision'])
  await cluster.client.create(ConfigMap, { metadata: { name: 'm', namespace: 'fresh' } })
  assert.equal((await cluster.client.get(Namespace, { name: 'fresh' })).status?.phase, 'Active')
})

test('AlwaysDeny denies', async () => {
  const admission = admissionPlugins({ enable: ['AlwaysDeny'] }).filter(({ name }) => name === 'AlwaysDeny')
  const [plugin] = admission
  const request = { kind: ConfigMap, name: 'm', object: {} }
  const message = 'configmaps "m" is forbidden: admission control is denying all modifications'
  assert.throws(() => plugin?.validate?.(request as never, {} as never), { message })
})

test('EventRateLimit lets a burst through, and then as many as time allows', async () => {
  await using cluster = await bed(['EventRateLimit'], { limits: [{ type: 'Namespace', qps: 1, burst: 2 }] })
  const event = (name: string) => ({
    metadata: { name, namespace: 'default' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
    reason: 'r',
    type: 'Normal' as const,
  })
  const create = (name: string) => cluster.client.create(Event, event(name) as never)
  await create('a')
  await create('b')
  await assert.rejects(create('c'), { code: 429, message: 'limit reached on type Namespace for key default' })
  await cluster.advance(1_000)
  await create('c')
})

test('ImagePolicyWebhook asks whether images may run', async () => {
  const asked: any[] = []
  await using hook = await tlsBackend(async (message, response) => {
    const review = JSON.parse(Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>)).toString())
    asked.push(review.spec)
    const allowed = review.spec.containers.every(({ image }: any) => image !== 'bad')
    response.end(JSON.stringify({ ...review, status: { allowed, ...(!allowed && { reason: 'too old' }) } }))
  })
  const cluster = { server: `https://127.0.0.1:${hook.port}/images`, 'certificate-authority-data': hook.caBundle }
  const kubeconfig = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k' } }],
    clusters: [{ name: 'k', cluster }],
  }
  const imagePolicy = { kubeConfigFile: 'k.yaml', allowTTL: 60 }
  const plugin = imagePolicyWebhookWith({ imagePolicy }, () => JSON.stringify(kubeconfig))
  const others = admissionPlugins({ disable: ['ServiceAccount'] })
  await using bed = await testCluster({ admission: [...others, plugin] })
  await bed.client.create(Pod, pod('a'))
  await bed.client.create(Pod, pod('b'))
  assert.deepEqual(asked, [{ containers: [{ image: 'example/app:1' }], namespace: 'default' }])
  await assert.rejects(bed.client.create(Pod, pod('c', { spec: { containers: [{ name: 'c', image: 'bad' }] } })), {
    message: 'pods "c" is forbidden: image policy webhook backend denied one or more images: too old',
  })
})

test('PodNodeSelector puts pods where their namespace belongs', async () => {
  await using cluster = await bed(['PodNodeSelector'], { podNodeSelectorPluginConfig: { narrow: 'env=prod' } })
  const annotations = { 'scheduler.alpha.kubernetes.io/node-selector': 'env=prod,ssd=yes' }
  await cluster.client.create(Namespace, { metadata: { name: 'narrow', annotations } })
  const made = await cluster.client.create(Pod, pod('a', { namespace: 'narrow' }))
  assert.deepEqual(made.spec.nodeSelector, { env: 'prod', ssd: 'yes' })
  await assert.rejects(cluster.client.create(Pod, pod('b', { namespace: 'narrow', spec: { nodeSelector: { ssd: 'no' } } })), {
    message: 'pods "b" is forbidden: pod node label selector conflicts with its namespace node label selector',
  })
})

test('PodTolerationRestriction gives tolerations and bounds them', async () => {
  await using cluster = await bed(['PodTolerationRestriction'], {})
  const given = { key: 'a', operator: 'Exists' }
  const free = [
    given,
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists' },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists' },
  ]
  const annotations = {
    'scheduler.alpha.kubernetes.io/defaultTolerations': JSON.stringify([given]),
    'scheduler.alpha.kubernetes.io/tolerationsWhitelist': JSON.stringify(free),
  }
  await cluster.client.create(Namespace, { metadata: { name: 'n', annotations } })
  const made = await cluster.client.create(Pod, pod('a', { namespace: 'n' }))
  assert.ok(made.spec.tolerations?.some(({ key }) => key === 'a'))
  const tolerations = [{ key: 'x', operator: 'Exists' as const }]
  await assert.rejects(cluster.client.create(Pod, pod('b', { namespace: 'n', spec: { tolerations } })), {
    message:
      'pods "b" is forbidden: pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist',
  })
})

test('OwnerReferencesPermissionEnforcement has those who change owners hold the rights', async () => {
  await using cluster = await bed(['OwnerReferencesPermissionEnforcement'])
  const { client } = cluster
  const owner = await client.create(Pod, pod('owner'))
  await client.create(ConfigMap, { metadata: { name: 'm', namespace: 'default' } })
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'update', 'create'] }]
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'writer' }
  await client.create(ClusterRole, { metadata: { name: 'writer' }, rules })
  const subjects = [{ kind: 'User', name: 'bob', apiGroup: 'rbac.authorization.k8s.io' }]
  await client.create(ClusterRoleBinding, { metadata: { name: 'bob' }, roleRef, subjects })
  const bob = cluster.clientAs({ name: 'bob' })
  const reference = { apiVersion: 'v1', kind: 'Pod', name: 'owner', uid: owner.metadata.uid as string }
  const current = edit(await bob.get(ConfigMap, { name: 'm', namespace: 'default' }))
  current.metadata.ownerReferences = [reference]
  await assert.rejects(bob.update(ConfigMap, current), {
    message: 'configmaps "m" is forbidden: cannot set an ownerRef on a resource you can\'t delete: , <nil>',
  })
  const blocking = {
    metadata: { name: 'n', namespace: 'default', ownerReferences: [{ ...reference, blockOwnerDeletion: true }] },
  }
  await assert.rejects(bob.create(ConfigMap, blocking), {
    message:
      'configmaps "n" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can\'t set finalizers on: , <nil>',
  })
  await client.create(ConfigMap, blocking)
})
