import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { testCluster } from '#testing/cluster.ts'
import { openProject } from './project/project.ts'
import {
  checkReviewName,
  checkReviewNamespace,
  copyConfigMap,
  listReviews,
  namesIn,
  setUpReview,
  writeReviewFile,
} from './review-app.ts'
import { setUp } from './setup.ts'
import type { Surroundings } from './surroundings.ts'

const folder = mkdtempSync(join(tmpdir(), 'nami-review-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const around = { note: () => {}, programs: { run: async () => ({ code: 0, stdout: '', stderr: '' }) } } as unknown as Surroundings
const none = { registry: 'registry.test', remote: undefined, templates: undefined, variables: {}, allowMissing: false }
await setUp({ ...none, directory: folder, name: 'web' }, around)
const project = openProject(folder, {})

const deploymentWith = (spec: object) =>
  [{ kind: { kind: 'Deployment' }, object: { metadata: { name: 'a' }, spec: { template: { spec } } } }] as any

test('writeReviewFile() forces the namespace into every object, and takes the tag of the review app', () => {
  const { path } = writeReviewFile(project, { name: 'feature-1', source: undefined, cwd: folder })
  const text = readFileSync(path, 'utf8')
  assert.equal(path, join(folder, 'hokusai/feature-1.yml'))
  assert.equal(text.match(/namespace: feature-1/g)?.length, 2)
  assert.match(text, /image: registry\.test\/web:feature-1\n/)
})

test('checkReviewName() keeps the files of the project', () => {
  for (const name of ['staging', 'production', 'config']) assert.throws(() => checkReviewName(name), { exitCode: 2 })
  checkReviewName('feature-1')
})

test('namesIn() finds ConfigMaps in init containers, variables and volumes, and Secrets of others', () => {
  const spec = {
    serviceAccountName: 'robot',
    initContainers: [{ envFrom: [{ configMapRef: { name: 'a' } }] }],
    containers: [
      { envFrom: [{ configMapRef: { name: 'web-environment' } }, { secretRef: { name: 'database' } }] },
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'b', key: 'x' } } }] },
    ],
    volumes: [{ configMap: { name: 'c' } }, { secret: { secretName: 'web-secrets' } }],
  }
  assert.deepEqual(namesIn({ name: 'web' }, deploymentWith(spec)), {
    configMaps: ['web-environment', 'a', 'b', 'c'],
    accounts: ['robot'],
    secrets: ['database'],
  })
})

test('setUpReview() makes the namespace, copies what is named, and says what is missing', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const at = (name: string) => ({ name, namespace: 'default' })
  await client.create(ConfigMap, { metadata: at('web-environment'), data: { A: '1' } })
  await client.create(ServiceAccount, { metadata: at('robot') } as never)
  await client.create(Secret, { metadata: at('web-secrets'), data: { T: 'YWJj' } } as never)
  const spec = { serviceAccountName: 'robot', containers: [{ envFrom: [{ secretRef: { name: 'database' } }] }] }
  const options = { name: 'feature-1', from: 'default', manifests: deploymentWith(spec) }
  for (const _ of [1, 2]) {
    assert.deepEqual(await setUpReview(client, project, options), {
      copied: ['configmap/web-environment', 'serviceaccount/robot', 'secret/web-secrets'],
      missing: ['secret/database'],
    })
  }
  const secret = await client.get(Secret, { name: 'web-secrets', namespace: 'feature-1' })
  assert.equal(Buffer.from(secret.data?.T as never, 'base64').toString(), 'abc')
  assert.deepEqual(await listReviews(client, project), ['feature-1'])
  assert.equal(await copyConfigMap(client, 'none', { from: 'default', to: 'feature-1' }), false)
})

test('setUpReview() leaves namespaces alone that are something else', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  await client.create(Namespace, { metadata: { name: 'shop' } })
  const options = { name: 'shop', from: 'default', manifests: [] }
  await assert.rejects(
    setUpReview(client, project, options),
    /The namespace shop is there already, and is no review app of web\./,
  )
  const labels = { 'app-name': 'other', 'app-phase': 'review' }
  await client.create(Namespace, { metadata: { name: 'theirs', labels } })
  await assert.rejects(checkReviewNamespace(client, project, 'theirs'), /is no review app of web/)
  await checkReviewNamespace(client, project, 'nothing-there')
})
