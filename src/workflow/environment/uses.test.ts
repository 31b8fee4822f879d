import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { Ingress } from '#api/networking/v1/ingress.ts'
import { testCluster } from '#testing/cluster.ts'
import { parseQuestion, userLines, usersOf, waysOf } from './uses.ts'
import { mentions } from './uses-service.ts'

for (const [about, spec, how] of [
  [
    'configmap/env',
    { containers: [{ name: 'a', envFrom: [{ configMapRef: { name: 'env' } }] }] },
    ['all variables of container a'],
  ],
  ['cm/env', { containers: [{ name: 'a', envFrom: [{ configMapRef: { name: 'env-v12' } }] }] }, ['all variables of container a']],
  ['cm/env', { containers: [{ name: 'a', envFrom: [{ configMapRef: { name: 'env-vault' } }] }] }, []],
  [
    'configmap/env',
    { initContainers: [{ name: 'i', env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'env', key: 'x' } } }] }] },
    ['variable X of container i'],
  ],
  ['configmap/env', { volumes: [{ name: 'v', configMap: { name: 'env' } }] }, ['volume v']],
  ['secret/s', { volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 's' } }] } }] }, ['volume v']],
  [
    'secret/s',
    { volumes: [{ name: 'v', secret: { secretName: 's' } }], imagePullSecrets: [{ name: 's' }] },
    ['volume v', 'pulls its images with it'],
  ],
  ['pvc/data', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] }, ['volume v']],
  ['sa/default', {}, ['runs as it']],
  ['sa/robot', { serviceAccountName: 'robot' }, ['runs as it']],
  ['node/n1', { nodeName: 'n1' }, ['runs there']],
  ['pc/high', { priorityClassName: 'high' }, ['has its priority']],
  ['image/r.test/web', { containers: [{ name: 'a', image: 'r.test/web:1' }] }, ['container a']],
  ['image/web', { containers: [{ name: 'a', image: 'r.test:5000/web@sha256:0' }] }, ['container a']],
  ['image/r.test/web:2', { containers: [{ name: 'a', image: 'r.test/web:1' }] }, []],
] as const) {
  test(`waysOf() tells how a pod uses ${about}: ${how.join() || 'not'}`, () => {
    assert.deepEqual(waysOf(spec as never, parseQuestion(about)), how)
  })
}

test('parseQuestion() refuses what is no KIND/NAME', () => {
  for (const text of ['web', '/web', 'configmap/', 'nothing/web']) assert.throws(() => parseQuestion(text), { exitCode: 2 })
})

for (const [text, from, is] of [
  ['http://web/', 'shop', true],
  ['http://web:80', 'shop', true],
  ['web:80', 'shop', true],
  ['web', 'shop', true],
  ['postgres://me:pw@web/db', 'shop', true],
  ['http://web/', 'other', false],
  ['http://web.shop/', 'other', true],
  ['web.shop.svc.cluster.local:80', 'other', true],
  ['http://web.shopping/', 'other', false],
  ['http://my-web/', 'shop', false],
  ['the web is wide', 'shop', false],
  [undefined, 'shop', false],
] as const) {
  test(`mentions() ${is ? 'finds' : 'does not find'} the service in ${JSON.stringify(text)} of ${from}`, () => {
    assert.equal(mentions(text, { name: 'web', namespace: 'shop' }, from), is)
  })
}

const deployment = (name: string, container: object, spec: object = {}) =>
  ({
    metadata: { name, namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'x', ...container }], ...spec },
      },
    },
  }) as never

test('usersOf() lists makers instead of what they made, and pods of makers that it does not know', async () => {
  await using cluster = await testCluster()
  const envFrom = [{ configMapRef: { name: 'env' } }]
  await cluster.client.create(Deployment, deployment('web', { envFrom }))
  const pod = (name: string, kind: string) =>
    ({
      metadata: {
        name,
        namespace: 'default',
        ownerReferences: [{ apiVersion: 'x/v1', kind, name: 'o', uid: 'u', controller: true }],
      },
      spec: { containers: [{ name: 'main', image: 'x', envFrom }] },
    }) as never
  await cluster.client.create(Pod, pod('made', 'ReplicaSet'))
  await cluster.client.create(Pod, pod('strange', 'Database'))
  const users = await usersOf(cluster.client, parseQuestion('configmap/env'))
  assert.deepEqual(userLines(users), [
    'NAMESPACE  WORKLOAD        HOW',
    'default    deployment/web  all variables of container main',
    'default    pod/strange     all variables of container main',
  ])
})

test('usersOf() a service: ingresses, variables, and readers of ConfigMaps that name its host', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Service, {
    metadata: { name: 'db', namespace: 'default' },
    spec: { ports: [{ port: 80 }] },
  } as never)
  await cluster.client.create(ConfigMap, {
    metadata: { name: 'env', namespace: 'default' },
    data: { URL: 'http://db:80/' },
  } as never)
  await cluster.client.create(Deployment, deployment('a', { env: [{ name: 'DB', value: 'db:80' }] }))
  await cluster.client.create(Deployment, deployment('b', { envFrom: [{ configMapRef: { name: 'env' } }] }))
  await cluster.client.create(Deployment, deployment('c', {}))
  const backend = { service: { name: 'db', port: { number: 80 } } }
  await cluster.client.create(Ingress, {
    metadata: { name: 'in', namespace: 'default' },
    spec: { defaultBackend: backend },
  } as never)
  const users = await usersOf(cluster.client, parseQuestion('service/db'))
  assert.deepEqual(
    users.map(({ kind, name, how }) => `${kind} ${name}: ${how}`),
    [
      'Deployment a: variable DB of container main names it',
      'Deployment b: configmap env names it',
      'Ingress in: sends requests to it',
    ],
  )
})
