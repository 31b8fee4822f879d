import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type SendOptions, send } from '#testing/send.ts'

const deployments = '/apis/apps/v1/namespaces/default/deployments'
const maps = '/api/v1/namespaces/default/configmaps'

const contentType = 'application/apply-patch+yaml'

function deployment(spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', ...metadata },
    spec: {
      selector: { matchLabels: { app: 'a' } },
      template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...spec,
    },
  }
}

const map = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', ...metadata },
  data,
})

interface Apply {
  readonly manager?: string
  readonly force?: boolean
  readonly part?: string
  readonly query?: string
}

function applier({ server }: TestCluster) {
  return (path: string, body: any, { manager = 'me', force, part = '', query = '' }: Apply = {}) => {
    const name = body?.metadata?.name ?? 'web'
    const url = `${path}/${name}${part}?fieldManager=${manager}${force ? '&force=true' : ''}${query}` as `/${string}`
    return send(server, `PATCH ${url}`, { body, contentType })
  }
}

function entries(object: any): Record<string, unknown> {
  const named = (object.metadata.managedFields ?? []).map((entry: any) => [
    [entry.manager, entry.operation, entry.subresource].filter(Boolean).join(' '),
    entry.fieldsV1,
  ])
  return Object.fromEntries(named)
}

test('apply creates what is not there, owned by the applier', async () => {
  await using cluster = await testCluster()
  const { status, object } = await applier(cluster)(maps, map({ a: '1' }))
  assert.equal(status, 201)
  assert.deepEqual(object.metadata.managedFields, [
    {
      manager: 'me',
      operation: 'Apply',
      apiVersion: 'v1',
      time: object.metadata.creationTimestamp,
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} } },
    },
  ])
})

test('a second equal apply writes nothing', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  const first = await apply(deployments, deployment({ replicas: 2 }))
  await cluster.advance(60_000)
  const second = await apply(deployments, deployment({ replicas: 2 }))
  assert.equal(second.status, 200)
  assert.deepEqual(second.object, first.object)
})

test('what an applier no longer names goes, unless somebody else owns it', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  await apply(maps, map({ a: '1', b: '1', c: '1' }))
  await apply(maps, map({ b: '1' }), { manager: 'you' })
  const { object } = await apply(maps, map({ a: '1' }))
  assert.deepEqual(object.data, { a: '1', b: '1' })
  assert.deepEqual(entries(object), {
    'you Apply': { 'f:data': { 'f:b': {} } },
    'me Apply': { 'f:data': { 'f:a': {} } },
  })
})

test('apply names who else manages what it would change', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  await send(cluster.server, `POST ${deployments}?fieldManager=kubectl-edit`, { body: deployment({ replicas: 1 }) })
  const { status, object } = await apply(deployments, deployment({ replicas: 3 }))
  assert.equal(status, 409)
  assert.equal(object.message, 'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas')
  assert.equal(object.reason, 'Conflict')
  assert.deepEqual(object.details, {
    causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "kubectl-edit" using apps/v1', field: '.spec.replicas' }],
  })
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'j' }] } }
  const two = await apply(deployments, deployment({ replicas: 3, template }))
  assert.equal(
    two.object.message,
    'Apply failed with 2 conflicts: conflicts with "kubectl-edit" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name="c"].image',
  )
  const forced = await apply(deployments, deployment({ replicas: 3 }), { force: true })
  assert.equal(forced.object.spec.replicas, 3)
  const owners = entries(forced.object) as any
  assert.equal(owners['kubectl-edit Update']['f:spec']['f:replicas'], undefined)
  assert.deepEqual(owners['me Apply']['f:spec']['f:replicas'], {})
})

const refusals: { it: string; body: unknown; query?: string; code: number; message: string | RegExp }[] = [
  {
    it: 'an unknown field',
    body: deployment({ size: 1 }),
    code: 500,
    message: 'failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.size: field not declared in schema',
  },
  {
    it: 'a value of the wrong type',
    body: deployment({ replicas: '1' }),
    code: 500,
    message:
      'failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string',
  },
  {
    it: 'a repeated key',
    body: deployment({
      template: { spec: { containers: [{ name: 'c' }, { name: 'c' }] } },
    }),
    code: 500,
    message:
      'failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="c"]',
  },
  { it: 'another kind', body: { ...deployment(), kind: 'Pod' }, code: 400, message: 'invalid object type: apps/v1, Kind=Pod' },
  { it: 'managed fields', body: deployment({}, { managedFields: [] }), code: 400, message: 'metadata.managedFields must be nil' },
  {
    it: 'a uid of nobody',
    body: deployment({}, { uid: 'x' }),
    code: 409,
    message:
      'Operation cannot be fulfilled on deployments.apps "web": uid mismatch: the provided object specified uid x, and no existing object was found',
  },
  { it: 'something that is no object', body: 'hello', code: 400, message: /^error decoding YAML: .*cannot unmarshal string/ },
  {
    it: 'a nameless object',
    body: { ...deployment(), metadata: { generateName: 'web-' } },
    code: 400,
    message: 'the name of the object (web based on URL) was undeterminable: name must be provided',
  },
]

test('apply refuses what does not fit', async (t) => {
  await using cluster = await testCluster()
  for (const { it, body, code, message } of refusals) {
    await t.test(it, async () => {
      const { status, object } = await applier(cluster)(deployments, body)
      assert.equal(status, code, object.message)
      if (typeof message === 'string') assert.equal(object.message, message)
      else assert.match(object.message, message)
    })
  }
})

test('apply names what no version of an object can hold', async () => {
  await using cluster = await testCluster()
  const path = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers'
  const body = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'a', creationTimestamp: '/' } }
  const { object } = await applier(cluster)(path, body)
  assert.match(object.message, /^failed to convert new object \(\/a; autoscaling\/v1, .*parsing time "\/" as/)
})

test('apply needs a field manager, and only apply takes force', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  const options: SendOptions = { body: map({}), contentType }
  const nameless = await send(server, `PATCH ${maps}/m`, options)
  assert.equal(
    nameless.object.message,
    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  )
  const cbor = await send(server, `PATCH ${maps}/m?fieldManager=a`, { ...options, contentType: 'application/apply-patch+cbor' })
  assert.equal(cbor.status, 415)
})

test('apply of the status owns the status alone', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  await apply(deployments, deployment({ replicas: 1 }))
  const { apiVersion, kind } = deployment()
  const condition = { type: 'Available', status: 'True', reason: 'r', message: 'm' }
  const body = {
    apiVersion,
    kind,
    metadata: { name: 'web' },
    spec: { replicas: 7 },
    status: { replicas: 1, conditions: [condition] },
  }
  const { status, object } = await apply(deployments, body, { manager: 'controller', part: '/status', force: true })
  assert.equal(status, 200, object.message)
  assert.equal(object.spec.replicas, 1)
  assert.deepEqual(entries(object)['controller Apply status'], {
    'f:status': {
      'f:conditions': {
        'k:{"type":"Available"}': { '.': {}, 'f:message': {}, 'f:reason': {}, 'f:status': {}, 'f:type': {} },
      },
      'f:replicas': {},
    },
  })
  const absent = await apply(deployments, { ...body, metadata: { name: 'none' } }, { part: '/status' })
  assert.equal(absent.status, 404)
})

test('a scale takes the replicas over, and an applier of them hears of it', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  await apply(deployments, deployment({ replicas: 1 }))
  const body = { spec: { replicas: 2 } }
  const merge = { body, contentType: 'application/merge-patch+json' }
  const scaled = await send(cluster.server, `PATCH ${deployments}/web/scale?fieldManager=scaler`, merge)
  assert.equal(scaled.status, 200)
  const { object } = await send(cluster.server, `GET ${deployments}/web`)
  assert.equal((entries(object)['me Apply'] as any)['f:spec']['f:replicas'], undefined)
  assert.deepEqual(entries(object)['scaler Update scale'], { 'f:spec': { 'f:replicas': {} } })
  const again = await apply(deployments, deployment({ replicas: 1 }))
  assert.equal(
    again.object.message,
    'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using apps/v1: .spec.replicas',
  )
  const without = await apply(deployments, deployment())
  assert.equal(without.object.spec.replicas, 2)
})

test('apply of a scale owns the replicas of what is scaled', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  await apply(deployments, deployment({ replicas: 1 }))
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web' }, spec: { replicas: 4 } }
  const refused = await apply(deployments, scale, { manager: 'hpa', part: '/scale' })
  assert.equal(refused.object.message, 'Apply failed with 1 conflict: conflict with "me": .spec.replicas')
  const taken = await apply(deployments, scale, { manager: 'hpa', part: '/scale', force: true })
  assert.equal(taken.object.spec.replicas, 4)
  const { object } = await send(cluster.server, `GET ${deployments}/web`)
  assert.deepEqual(entries(object)['hpa Apply scale'], { 'f:spec': { 'f:replicas': {} } })
})

test('a dry run of an apply shows and stores nothing', async () => {
  await using cluster = await testCluster()
  const { status, object } = await applier(cluster)(maps, map({ a: '1' }), { query: '&dryRun=All' })
  assert.equal(status, 201)
  assert.deepEqual(object.data, { a: '1' })
  assert.equal((await send(cluster.server, `GET ${maps}/m`)).status, 404)
})

test('keys that stand twice in an apply are told of as the client asks', async () => {
  await using cluster = await testCluster()
  const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: "1"}\ndata: {a: "2"}\n'
  const strict = await applier(cluster)(maps, body, { query: '&fieldValidation=Strict' })
  assert.equal(strict.status, 400)
  assert.match(strict.object.message, /^error strict decoding YAML: /)
  const { warnings, status } = await applier(cluster)(maps, body)
  assert.equal(status, 201)
  assert.equal(warnings.length, 1)
})

const annotation = 'kubectl.kubernetes.io/last-applied-configuration'

test('kubectl moves from client-side to server-side apply without conflicts about what it set itself', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  const last = map({ a: '1', b: '1' })
  const body = map({ a: '1', b: '1' }, { annotations: { [annotation]: JSON.stringify(last) } })
  await send(cluster.server, `POST ${maps}?fieldManager=kubectl-client-side-apply`, { body })
  const { status, object } = await apply(maps, map({ a: '2', b: '1' }), { manager: 'kubectl' })
  assert.equal(status, 200, object.message)
  assert.equal(object.data.a, '2')
  assert.equal(
    object.metadata.annotations[annotation],
    '{"apiVersion":"v1","data":{"a":"2","b":"1"},"kind":"ConfigMap","metadata":{"name":"m"}}\n',
  )
})

test('what stood there before anybody was recorded belongs to before-first-apply', async () => {
  await using cluster = await testCluster()
  await send(cluster.server, `POST ${maps}`, { body: map({ a: '1' }) })
  const clear = { body: { metadata: { managedFields: [{}] } }, contentType: 'application/merge-patch+json' }
  const cleared = await send(cluster.server, `PATCH ${maps}/m`, clear)
  assert.equal(cleared.object.metadata.managedFields, undefined)
  const untracked = await send(cluster.server, `PUT ${maps}/m`, { body: map({ a: '1', b: '1' }) })
  assert.equal(untracked.object.metadata.managedFields, undefined)
  const { object } = await applier(cluster)(maps, map({ c: '1' }))
  assert.deepEqual(entries(object), {
    'me Apply': { 'f:data': { 'f:c': {} } },
    'before-first-apply Update': { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } },
  })
})

test('appliers of several versions of one object know each other', async () => {
  await using cluster = await testCluster()
  const apply = applier(cluster)
  const metadata = { name: 'web', namespace: 'default' }
  const core = {
    ...{ apiVersion: 'v1', kind: 'Event', metadata, reason: 'R', type: 'Normal', message: 'm' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
    ...{ reportingComponent: 'c', reportingInstance: 'i', action: 'A', eventTime: '2026-01-01T00:00:00.000000Z' },
  }
  const first = await apply('/api/v1/namespaces/default/events', core, { manager: 'old' })
  assert.equal(first.status, 201, first.object.message)
  const body = { apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata, note: 'n' }
  const second = await apply('/apis/events.k8s.io/v1/namespaces/default/events', body, { manager: 'new' })
  assert.equal(second.object.message, 'Apply failed with 1 conflict: conflict with "old": .message')
})
