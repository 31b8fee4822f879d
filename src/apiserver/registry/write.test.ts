import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type SendOptions, send } from '#testing/send.ts'

const maps = '/api/v1/namespaces/default/configmaps'
const deployments = '/apis/apps/v1/namespaces/default/deployments'
const pods = '/api/v1/namespaces/default/pods'

const map = (name: string, over: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...over })

function deployment(name: string, over: Record<string, unknown> = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'a' } },
      template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...over,
    },
  }
}

const created = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'old' }, data: { a: '1' } }

interface Refusal {
  readonly it: string
  readonly line: `${string} /${string}`
  readonly options?: SendOptions
  readonly code: number
  readonly reason?: string
  readonly message: string | RegExp
}

const pod = (over: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  ...over,
})

const refusals: Refusal[] = [
  {
    it: 'a second object of that name',
    line: `POST ${maps}`,
    options: { body: map('old') },
    code: 409,
    reason: 'AlreadyExists',
    message: 'configmaps "old" already exists',
  },
  {
    it: 'a resource version on create',
    line: `POST ${maps}`,
    options: { body: map('x', { metadata: { name: 'x', resourceVersion: '5' } }) },
    code: 500,
    reason: '',
    message: 'resourceVersion should not be set on objects to be created',
  },
  {
    it: 'another namespace than the request has',
    line: `POST ${maps}`,
    options: { body: map('x', { metadata: { name: 'x', namespace: 'other' } }) },
    code: 400,
    reason: 'BadRequest',
    message: 'the namespace of the provided object does not match the namespace sent on the request',
  },
  {
    it: 'an object of another kind',
    line: `POST ${maps}`,
    options: { body: pod() },
    code: 400,
    message: 'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion',
  },
  {
    it: 'an unknown kind',
    line: `POST ${maps}`,
    options: { body: { apiVersion: 'v7', kind: 'Foo' } },
    code: 400,
    message:
      'Foo in version "v7" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v7" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  },
  {
    it: 'no body',
    line: `POST ${maps}`,
    code: 400,
    message:
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  },
  {
    it: 'unknown fields when strict',
    line: `POST ${pods}?fieldValidation=Strict`,
    options: { body: pod({ spec: { containers: [{ name: 'c', image: 'i', foo: 1 }], bar: 2 } }) },
    code: 400,
    message: /^Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec\./,
  },
  {
    it: 'fields that stand there twice when strict',
    line: `POST ${maps}?fieldValidation=Strict`,
    options: { body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","a":"2"}}' },
    code: 400,
    message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"',
  },
  {
    it: 'a wrong type',
    line: `POST ${deployments}`,
    options: { body: deployment('d', { replicas: 'many' }) },
    code: 400,
    message:
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  },
  {
    it: 'an unknown dryRun',
    line: `POST ${maps}?dryRun=Some`,
    options: { body: map('x') },
    code: 422,
    message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  },
  {
    it: 'an unknown fieldValidation',
    line: `PUT ${maps}/old?fieldValidation=Hard`,
    options: { body: created },
    code: 422,
    message:
      'UpdateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Hard": supported values: "", "Ignore", "Strict", "Warn"',
  },
  {
    it: 'an unknown content type',
    line: `POST ${maps}`,
    options: { body: 'a', contentType: 'text/plain' },
    code: 415,
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  },
  {
    it: 'a POST to an object',
    line: `POST ${maps}/old`,
    options: { body: map('old') },
    code: 405,
    message: 'the server does not allow this method on the requested resource',
  },
  {
    it: 'an update of what is not there',
    line: `PUT ${maps}/none`,
    options: { body: map('none') },
    code: 404,
    message: 'configmaps "none" not found',
  },
  {
    it: 'an update under another name',
    line: `PUT ${maps}/old`,
    options: { body: map('new') },
    code: 400,
    message: 'the name of the object (new) does not match the name on the URL (old)',
  },
  {
    it: 'an update without a name',
    line: `PUT ${maps}/old`,
    options: { body: map('', { metadata: {} }) },
    code: 400,
    message: 'the name of the object (old based on URL) was undeterminable: name must be provided',
  },
  {
    it: 'an update with an old version',
    line: `PUT ${maps}/old`,
    options: { body: map('old', { metadata: { name: 'old', resourceVersion: '1' } }) },
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on configmaps "old": the object has been modified; please apply your changes to the latest version and try again',
  },
  {
    it: 'an update with another UID',
    line: `PUT ${maps}/old`,
    options: { body: map('old', { metadata: { name: 'old', uid: 'u' } }) },
    code: 409,
    message:
      /^Operation cannot be fulfilled on configmaps "old": StorageError: invalid object, Code: 4, Key: \/registry\/configmaps\/default\/old, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: u, UID in object meta: /,
  },
  {
    it: 'a patch of an unknown type',
    line: `PATCH ${maps}/old`,
    options: { body: {}, contentType: 'application/json' },
    code: 415,
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
  },
  {
    it: 'a JSON patch that does not fit',
    line: `PATCH ${maps}/old`,
    options: { body: [{ op: 'test', path: '/data/a', value: '9' }], contentType: 'application/json-patch+json' },
    code: 422,
    message: 'the server rejected our request due to an error in our request',
  },
  {
    it: 'force without apply',
    line: `PATCH ${maps}/old?force=true`,
    options: { body: {}, contentType: 'application/merge-patch+json' },
    code: 422,
    message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  },
  {
    it: 'a resource version in a patch that is not the newest',
    line: `PATCH ${maps}/old`,
    options: { body: { metadata: { resourceVersion: '1' } }, contentType: 'application/merge-patch+json' },
    code: 409,
    message: /the object has been modified/,
  },
  {
    it: 'a rename by patch',
    line: `PATCH ${maps}/old`,
    options: { body: { metadata: { name: 'new' } }, contentType: 'application/merge-patch+json' },
    code: 400,
    message: 'the name of the object (new) does not match the name on the URL (old)',
  },
]

async function withOld(): Promise<TestCluster> {
  const cluster = await testCluster()
  await send(cluster.server, `POST ${maps}`, { body: created })
  return cluster
}

for (const { it, line, options, code, reason, message } of refusals) {
  test(`writes refuse ${it}`, async () => {
    await using cluster = await withOld()
    const { status, object } = await send(cluster.server, line, options)
    if (typeof message === 'string') assert.equal(object.message, message)
    else assert.match(object.message, message)
    assert.equal(status, code)
    assert.equal(object.code, code)
    if (reason) assert.equal(object.reason, reason)
    assert.equal((await cluster.list(ConfigMap, 'default')).length, 1)
  })
}

test('create fills in what only the server knows', async () => {
  await using cluster = await testCluster()
  const given = {
    uid: 'mine',
    creationTimestamp: '2001-01-01T00:00:00Z',
    deletionTimestamp: '2001-01-01T00:00:00Z',
    generation: 7,
  }
  const body = { ...deployment('d'), metadata: { name: 'd', ...given }, status: { replicas: 5 } }
  const { status, object } = await send(cluster.server, `POST ${deployments}`, { body })
  assert.equal(status, 201)
  assert.match(object.metadata.uid, /^[0-9a-f-]{36}$/)
  assert.equal(object.metadata.creationTimestamp, '2026-01-01T00:00:00Z')
  assert.equal(object.metadata.deletionTimestamp, undefined)
  assert.equal(object.metadata.generation, 1)
  assert.equal(object.metadata.namespace, 'default')
  assert.deepEqual(object.status, {})
  assert.equal(object.spec.strategy.type, 'RollingUpdate')
})

test('create makes a name from generateName, and another when it is taken', async () => {
  await using cluster = await testCluster()
  const body = map('', { metadata: { generateName: 'job-' } })
  const names = new Set<string>()
  for (let i = 0; i < 20; i++) names.add((await send(cluster.server, `POST ${maps}`, { body })).object.metadata.name)
  assert.equal(names.size, 20)
  for (const name of names) assert.match(name, /^job-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
})

test('create warns about unknown fields unless told to ignore them', async () => {
  await using cluster = await testCluster()
  const body = map('w', { colour: 'red' })
  const warned = await send(cluster.server, `POST ${maps}`, { body })
  assert.deepEqual(warned.warnings, ['unknown field "colour"'])
  assert.equal(warned.object.colour, undefined)
  const silent = await send(cluster.server, `PUT ${maps}/w?fieldValidation=Ignore`, { body })
  assert.deepEqual(silent.warnings, [])
})

test('dry runs answer as if and store nothing', async () => {
  await using cluster = await withOld()
  const before = (await cluster.store.status()).revision
  const lines = ['POST', 'PUT', 'PATCH', 'DELETE'] as const
  const answers = await Promise.all([
    send(cluster.server, `${lines[0]} ${maps}?dryRun=All`, { body: map('new') }),
    send(cluster.server, `${lines[1]} ${maps}/old?dryRun=All`, { body: map('old', { data: { a: '2' } }) }),
    send(cluster.server, `${lines[2]} ${maps}/old?dryRun=All`, {
      body: { data: { b: '3' } },
      contentType: 'application/merge-patch+json',
    }),
    send(cluster.server, `${lines[3]} ${maps}/old?dryRun=All`),
  ])
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 200, 200, 200],
  )
  assert.deepEqual(answers[1]?.object.data, { a: '2' })
  assert.deepEqual(answers[2]?.object.data, { a: '1', b: '3' })
  assert.equal((await cluster.store.status()).revision, before)
})

test('an update that changes nothing keeps the version', async () => {
  await using cluster = await withOld()
  const before = (await send(cluster.server, `GET ${maps}/old`)).object
  const { object } = await send(cluster.server, `PUT ${maps}/old`, { body: { ...created, data: { a: '1' } } })
  assert.deepEqual(object, before)
})

test('update keeps status and counts generations; status keeps the spec and does not', async () => {
  await using cluster = await testCluster()
  const { object: first } = await send(cluster.server, `POST ${deployments}`, { body: deployment('d') })
  const status = { observedGeneration: 1, replicas: 2 }
  const put = await send(cluster.server, `PUT ${deployments}/d`, {
    body: { ...first, spec: { ...first.spec, replicas: 3 }, status },
  })
  assert.equal(put.object.metadata.generation, 2)
  assert.deepEqual(put.object.status, {})
  const changed = { ...put.object, spec: { ...first.spec, replicas: 9 }, status }
  const { object } = await send(cluster.server, `PUT ${deployments}/d/status`, { body: changed })
  assert.equal(object.spec.replicas, 3)
  assert.deepEqual(object.status, status)
  assert.equal(object.metadata.generation, 2)
})

test('patch merges by type', async () => {
  await using cluster = await testCluster()
  await send(cluster.server, `POST ${deployments}`, { body: deployment('d') })
  const containers = [{ name: 'side', image: 's' }]
  const body = { spec: { template: { spec: { containers } } } }
  const strategic = await send(cluster.server, `PATCH ${deployments}/d`, {
    body,
    contentType: 'application/strategic-merge-patch+json',
  })
  const names = (object: any) => object.spec.template.spec.containers.map(({ name }: { name: string }) => name)
  assert.deepEqual(names(strategic.object).toSorted(), ['c', 'side'])
  const merge = await send(cluster.server, `PATCH ${deployments}/d`, { body, contentType: 'application/merge-patch+json' })
  assert.deepEqual(names(merge.object), ['side'])
  const operations = [{ op: 'replace', path: '/spec/replicas', value: 7 }]
  const json = await send(cluster.server, `PATCH ${deployments}/d`, {
    body: operations,
    contentType: 'application/json-patch+json',
  })
  assert.equal(json.object.spec.replicas, 7)
})

test('bytes and object of an answer agree', async () => {
  await using cluster = await withOld()
  for (const line of [`GET ${maps}/old`, `GET ${maps}`] as const) {
    const { response, object } = await send(cluster.server, line)
    assert(response.type === 'object' && (response.bytes || response.pieces))
    assert.deepEqual(JSON.parse(JSON.stringify(response.object)), object)
  }
})

test('duplicate owner references are dropped with a warning', async () => {
  await using cluster = await testCluster()
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' }
  const body = map('o', { metadata: { name: 'o', ownerReferences: [owner, owner] } })
  const { object, warnings } = await send(cluster.server, `POST ${maps}`, { body })
  assert.equal(object.metadata.ownerReferences.length, 1)
  assert.match(warnings[0] ?? '', /^\.metadata\.ownerReferences contains duplicate entries; API server dedups .*: u$/)
})
