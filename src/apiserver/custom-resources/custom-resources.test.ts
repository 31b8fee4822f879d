import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { conditionOf } from '#api/apiextensions/v1/custom-resource-definition-status.ts'
import type { JsonSchema } from '#schema/json-schema.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'

const group = 'stable.example.com'
const path = `/apis/${group}/v1/namespaces/default/crontabs`

const schema: JsonSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        cronSpec: { type: 'string', pattern: '^\\d+' },
        replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, port: { type: 'integer' } } },
        },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' } } },
  },
}

function definition(over: object = {}, version: object = {}) {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `crontabs.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'crontabs', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }],
      ...over,
    },
  }
}

const crontab = (spec: object, name = 'a') => ({ apiVersion: `${group}/v1`, kind: 'CronTab', metadata: { name }, spec })

async function withDefinition(over: object = {}, version: object = {}): Promise<TestCluster> {
  const cluster = await testCluster()
  const { status, object } = await send(cluster.server, 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    body: definition(over, version),
  })
  assert.equal(status, 201, JSON.stringify(object))
  await cluster.settle()
  return cluster
}

test('a definition is established and its resource is served at once', async () => {
  await using cluster = await withDefinition()
  const { status } = await cluster.client.get(CustomResourceDefinition, { name: `crontabs.${group}` })
  assert.deepEqual(
    status.conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
    [
      ['NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'],
      ['Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'],
    ],
  )
  assert.deepEqual(status.storedVersions, ['v1'])
  const made = await send(cluster.server, `POST ${path}`, { body: crontab({ cronSpec: '5', foo: 1 }) })
  assert.equal(made.status, 201, JSON.stringify(made.object))
  assert.deepEqual(made.object.spec, { cronSpec: '5', replicas: 1 })
  assert.equal(made.object.metadata.generation, 1)
  const listed = await send(cluster.server, `GET ${path}`)
  assert.equal(listed.object.kind, 'CronTabList')
  assert.equal(listed.object.items.length, 1)
  assert.deepEqual(cluster.errors, [])
})

test('what does not fit the schema is refused in upstream words, all of it at once', async () => {
  await using cluster = await withDefinition()
  const cases: [object, string][] = [
    [{ replicas: 11 }, 'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10'],
    [{ replicas: 'x' }, 'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"'],
    [{ cronSpec: 'x' }, `spec.cronSpec: Invalid value: "x": spec.cronSpec in body should match '^\\d+'`],
    [{ ports: [{}] }, 'spec.ports[0].name: Required value'],
    [{ ports: [{ name: 'a' }, { name: 'a' }] }, 'spec.ports[1]: Duplicate value: {"name":"a"}'],
  ]
  for (const [spec, text] of cases) {
    const { status, object } = await send(cluster.server, `POST ${path}`, { body: crontab(spec) })
    assert.deepEqual([status, object.message], [422, `CronTab.${group} "a" is invalid: ${text}`])
  }
})

test('strict validation names unknown fields; strategic merge patch and protobuf are refused', async () => {
  await using cluster = await withDefinition()
  const strict = await send(cluster.server, `POST ${path}?fieldValidation=Strict`, { body: crontab({ foo: 1 }) })
  assert.deepEqual(
    [strict.status, strict.object.message],
    [400, 'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.foo"'],
  )
  await send(cluster.server, `POST ${path}`, { body: crontab({}) })
  const patched = await send(cluster.server, `PATCH ${path}/a`, {
    body: {},
    contentType: 'application/strategic-merge-patch+json',
  })
  assert.equal(patched.status, 415)
  const protobuf = await send(cluster.server, `POST ${path}`, { body: 'x', contentType: 'application/vnd.kubernetes.protobuf' })
  assert.equal(protobuf.status, 415)
  const merged = await send(cluster.server, `PATCH ${path}/a`, {
    body: { spec: { replicas: 3 } },
    contentType: 'application/merge-patch+json',
  })
  assert.deepEqual([merged.status, merged.object.spec.replicas, merged.object.metadata.generation], [200, 3, 2])
})

test('status and scale are subresources; the status alone makes no generation', async () => {
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  }
  await using cluster = await withDefinition({}, { subresources: { status: {}, scale } })
  const made = await send(cluster.server, `POST ${path}`, { body: { ...crontab({ replicas: 2 }), status: { replicas: 9 } } })
  assert.equal(made.object.status, undefined)
  const body = { ...made.object, spec: { replicas: 7 }, status: { replicas: 2, selector: 'a=b' } }
  const status = await send(cluster.server, `PUT ${path}/a/status`, { body })
  assert.deepEqual([status.object.spec.replicas, status.object.status, status.object.metadata.generation], [2, body.status, 1])
  const scaled = await send(cluster.server, `GET ${path}/a/scale`)
  assert.deepEqual([scaled.object.spec, scaled.object.status], [{ replicas: 2 }, { replicas: 2, selector: 'a=b' }])
  const wanted = { ...scaled.object, spec: { replicas: 5 } }
  const set = await send(cluster.server, `PUT ${path}/a/scale`, { body: wanted })
  assert.deepEqual([set.status, set.object.spec], [200, { replicas: 5 }])
  const now = await send(cluster.server, `GET ${path}/a`)
  assert.deepEqual([now.object.spec.replicas, now.object.metadata.generation], [5, 2])
})

test('a deleted definition takes its objects with it, and its names become free', async () => {
  await using cluster = await withDefinition()
  await send(cluster.server, `POST ${path}`, { body: crontab({}) })
  await cluster.client.delete(CustomResourceDefinition, { name: `crontabs.${group}` })
  await cluster.settle()
  const gone = await send(cluster.server, `GET ${path}`)
  assert.equal(gone.status, 404)
  assert.equal((await cluster.list(CustomResourceDefinition)).length, 0)
  const again = await send(cluster.server, 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition() })
  assert.equal(again.status, 201)
  await cluster.settle()
  const listed = await send(cluster.server, `GET ${path}`)
  assert.deepEqual([listed.status, listed.object.items], [200, []])
  assert.deepEqual(cluster.errors, [])
})

test('objects with finalizers hold a deleted definition, and nothing new is created meanwhile', async () => {
  await using cluster = await withDefinition()
  const held = { ...crontab({}), metadata: { name: 'a', finalizers: ['example.com/hold'] } }
  await send(cluster.server, `POST ${path}`, { body: held })
  await cluster.client.delete(CustomResourceDefinition, { name: `crontabs.${group}` })
  await cluster.settle()
  const waiting = await cluster.client.get(CustomResourceDefinition, { name: `crontabs.${group}` })
  assert.equal(conditionOf(waiting, 'Terminating')?.reason, 'InstanceDeletionInProgress')
  const refused = await send(cluster.server, `POST ${path}`, { body: crontab({}, 'b') })
  assert.deepEqual([refused.status, refused.object.reason], [403, 'Forbidden'])
  await send(cluster.server, `PATCH ${path}/a`, {
    body: { metadata: { finalizers: null } },
    contentType: 'application/merge-patch+json',
  })
  await cluster.settle()
  assert.equal((await cluster.list(CustomResourceDefinition)).length, 0)
})

test('a name that another definition of the group has is not accepted until it is free', async () => {
  await using cluster = await withDefinition()
  const other = definition({ names: { plural: 'others', kind: 'CronTab' } })
  other.metadata.name = `others.${group}`
  await send(cluster.server, 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: other })
  await cluster.settle()
  const conflict = await cluster.client.get(CustomResourceDefinition, { name: `others.${group}` })
  const accepted = conditionOf(conflict, 'NamesAccepted')
  assert.deepEqual(
    [accepted?.status, accepted?.reason, accepted?.message],
    ['False', 'ListKindConflict', '"CronTabList" is already in use'],
  )
  assert.equal(conditionOf(conflict, 'Established')?.reason, 'NotAccepted')
  await cluster.client.delete(CustomResourceDefinition, { name: `crontabs.${group}` })
  await cluster.settle()
  const free = await cluster.client.get(CustomResourceDefinition, { name: `others.${group}` })
  assert.equal(conditionOf(free, 'Established')?.status, 'True')
})

test('versions without conversion differ in their name; the storage version can change', async () => {
  const v = (name: string, storage: boolean) => ({ name, served: true, storage, schema: { openAPIV3Schema: schema } })
  await using cluster = await withDefinition({ versions: [v('v1', true), v('v2', false)] })
  await send(cluster.server, `POST ${path}`, { body: crontab({ replicas: 2 }) })
  const seen = await send(cluster.server, `GET /apis/${group}/v2/namespaces/default/crontabs/a`)
  assert.deepEqual([seen.object.apiVersion, seen.object.spec], [`${group}/v2`, { replicas: 2 }])
  const now = await cluster.client.get(CustomResourceDefinition, { name: `crontabs.${group}` })
  const body = { ...now, spec: { ...now.spec, versions: [v('v1', false), v('v2', true)] } }
  const changed = await send(cluster.server, `PUT /apis/apiextensions.k8s.io/v1/customresourcedefinitions/crontabs.${group}`, {
    body,
  })
  assert.deepEqual(changed.object.status.storedVersions, ['v1', 'v2'])
  await cluster.settle()
  const before = await send(cluster.server, `GET ${path}/a`)
  const idle = await send(cluster.server, `PUT ${path}/a`, { body: before.object })
  assert.notEqual(idle.object.metadata.resourceVersion, before.object.metadata.resourceVersion)
  const again = await send(cluster.server, `PUT ${path}/a`, { body: idle.object })
  assert.equal(again.object.metadata.resourceVersion, idle.object.metadata.resourceVersion)
})

test('an update lets pass what was wrong before and did not change', async () => {
  const loose: JsonSchema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } } },
  }
  const tight: JsonSchema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { a: { type: 'string', maxLength: 2 }, b: { type: 'string' } } } },
  }
  await using cluster = await withDefinition({}, { schema: { openAPIV3Schema: loose } })
  const made = await send(cluster.server, `POST ${path}`, { body: crontab({ a: 'long', b: 'x' }) })
  const now = await cluster.client.get(CustomResourceDefinition, { name: `crontabs.${group}` })
  const [version] = now.spec.versions
  const body = { ...now, spec: { ...now.spec, versions: [{ ...version, schema: { openAPIV3Schema: tight } }] } }
  const changed = await send(cluster.server, `PUT /apis/apiextensions.k8s.io/v1/customresourcedefinitions/crontabs.${group}`, {
    body,
  })
  assert.equal(changed.status, 200, JSON.stringify(changed.object))
  await cluster.settle()
  const passed = await send(cluster.server, `PUT ${path}/a`, { body: { ...made.object, spec: { a: 'long', b: 'y' } } })
  assert.equal(passed.status, 200, JSON.stringify(passed.object))
  const refused = await send(cluster.server, `PUT ${path}/a`, { body: { ...passed.object, spec: { a: 'longer', b: 'y' } } })
  assert.deepEqual([refused.status, refused.object.details.causes[0].message], [422, 'Too long: may not be more than 2 bytes'])
})
