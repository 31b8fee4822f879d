import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  Watch,
} from '@kubernetes/client-node'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'

let plane: ControlPlane
let config: KubeConfig

before(async () => {
  plane = await openControlPlane()
  config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

const namespace = 'default'
const configMap = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({ metadata: { name }, data })

test('@kubernetes/client-node creates, reads, replaces, patches, deletes', async () => {
  const core = config.makeApiClient(CoreV1Api)
  const made = await core.createNamespacedConfigMap({ namespace, body: configMap('a', { one: '1' }) })
  assert(made.metadata?.uid)
  const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: { ...made, data: { one: '2' } } })
  assert.deepEqual(replaced.data, { one: '2' })
  await assert.rejects(
    core.replaceNamespacedConfigMap({ namespace, name: 'a', body: made }),
    (error) => error instanceof ApiException && error.code === 409,
  )
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
  const patched = await core.patchNamespacedConfigMap({ namespace, name: 'a', body: { data: { two: '3' } } }, merge)
  assert.deepEqual(patched.data, { one: '2', two: '3' })
  const operations = [{ op: 'remove', path: '/data/one' }]
  const json = setHeaderOptions('Content-Type', PatchStrategy.JsonPatch)
  assert.deepEqual((await core.patchNamespacedConfigMap({ namespace, name: 'a', body: operations }, json)).data, { two: '3' })
  assert.equal((await core.deleteNamespacedConfigMap({ namespace, name: 'a' })).status, 'Success')
  await assert.rejects(
    core.readNamespacedConfigMap({ namespace, name: 'a' }),
    (error) => error instanceof ApiException && error.code === 404 && JSON.parse(error.body).reason === 'NotFound',
  )
})

test('@kubernetes/client-node lists in pages and by selector', async () => {
  const core = config.makeApiClient(CoreV1Api)
  for (const name of ['p1', 'p2', 'p3']) {
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { pages: 'yes' } } } })
  }
  const names: (string | undefined)[] = []
  let _continue: string | undefined
  do {
    const page = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'pages=yes',
      limit: 2,
      ...(_continue && { _continue }),
    })
    names.push(...page.items.map(({ metadata }) => metadata?.name))
    _continue = page.metadata?._continue
  } while (_continue)
  assert.deepEqual(names, ['p1', 'p2', 'p3'])
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'pages=yes' })
  assert.equal((await core.listNamespacedConfigMap({ namespace, labelSelector: 'pages=yes' })).items.length, 0)
})

test('@kubernetes/client-node watches', async () => {
  const core = config.makeApiClient(CoreV1Api)
  const seen: [string, string][] = []
  const { promise: deleted, resolve } = Promise.withResolvers<void>()
  const { metadata } = await core.listNamespacedConfigMap({ namespace })
  const query = { resourceVersion: metadata?.resourceVersion, fieldSelector: 'metadata.name=w' }
  const watch = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    query,
    (type, object) => {
      seen.push([type, object.data?.k ?? ''])
      if (type === 'DELETED') resolve()
    },
    () => {},
  )
  await core.createNamespacedConfigMap({ namespace, body: configMap('w', { k: '1' }) })
  await core.replaceNamespacedConfigMap({ namespace, name: 'w', body: configMap('w', { k: '2' }) })
  await core.deleteNamespacedConfigMap({ namespace, name: 'w' })
  await deleted
  watch.abort()
  assert.deepEqual(seen, [
    ['ADDED', '1'],
    ['MODIFIED', '2'],
    ['DELETED', '2'],
  ])
})

test('@kubernetes/client-node keeps an informer', async () => {
  const core = config.makeApiClient(CoreV1Api)
  const labelSelector = 'informed=yes'
  const informer = makeInformer(
    config,
    `/api/v1/namespaces/${namespace}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace, labelSelector }),
    labelSelector,
  )
  const added = Promise.withResolvers<V1ConfigMap>()
  const removed = Promise.withResolvers<V1ConfigMap>()
  informer.on('add', added.resolve)
  informer.on('delete', removed.resolve)
  await informer.start()
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'i', labels: { informed: 'yes' } } } })
  assert.equal((await added.promise).metadata?.name, 'i')
  assert.equal(informer.get('i', namespace)?.metadata?.name, 'i')
  await core.deleteNamespacedConfigMap({ namespace, name: 'i' })
  await removed.promise
  await informer.stop()
})

test('@kubernetes/client-node scales a Deployment and takes objects of any kind', async () => {
  const apps = config.makeApiClient(AppsV1Api)
  const objects = KubernetesObjectApi.makeApiClient(config)
  const labels = { app: 'd' }
  const containers = [{ name: 'c', image: 'example/c' }]
  await objects.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  } as never)
  const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'd' })
  assert.deepEqual([scale.spec?.replicas, scale.status?.selector], [1, 'app=d'])
  // Without the version that was read: the controllers write the Deployment meanwhile.
  const body = { metadata: { namespace, name: 'd' }, spec: { replicas: 0 } }
  await apps.replaceNamespacedDeploymentScale({ namespace, name: 'd', body })
  assert.equal((await apps.readNamespacedDeployment({ namespace, name: 'd' })).spec?.replicas, 0)
  await objects.delete({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', namespace } })
})
