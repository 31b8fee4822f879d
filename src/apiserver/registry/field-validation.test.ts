import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'

let cluster: TestCluster

before(async () => {
  cluster = await testCluster()
})

after(() => cluster[Symbol.asyncDispose]())

const deployments = '/apis/apps/v1/namespaces/default/deployments'
const template = '{"metadata":{"labels":{"app":"nginx"}},"spec":{"containers":[{"name":"nginx","image":"nginx:latest"}]}}'
const selector = '"selector":{"matchLabels":{"app":"nginx"}}'
const twice = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"my-dep","unknownMeta":{"a":1,"a":2},"labels":{"app":"nginx"}},
"spec":{"unknownField":"foo","replicas":2,"replicas":3,${selector},"template":${template}},"unknownLast":1}`

const found = [
  'unknown field "metadata.unknownMeta"',
  'unknown field "spec.unknownField"',
  'duplicate field "spec.replicas"',
  'unknown field "unknownLast"',
]

test('strict decoding tells unknown and duplicate fields in the order of the text', async () => {
  const { status, object } = await send(cluster.server, `POST ${deployments}?fieldValidation=Strict`, { body: twice })
  assert.equal(status, 400)
  assert.equal(
    object.message,
    `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${found.join(', ')}`,
  )
})

test('a warning is given for each finding of strict decoding', async () => {
  const { status, warnings } = await send(cluster.server, `POST ${deployments}?dryRun=All`, { body: twice })
  assert.equal(status, 201)
  assert.deepEqual(warnings, found)
})

const yaml = `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
unknown: 1
data:
  a: "1"
  a: "2"
also: 2
data2: {}
`

test('strict decoding tells repeated keys of YAML by their lines, and unknown ones as they stand when in order', async () => {
  const options = { body: yaml, contentType: 'application/yaml' }
  const maps = '/api/v1/namespaces/default/configmaps'
  const unknown = ['unknown field "also"', 'unknown field "data2"', 'unknown field "unknown"']
  const strict = await send(cluster.server, `POST ${maps}?fieldValidation=Strict`, options)
  const repeated = 'error converting YAML to JSON: yaml: unmarshal errors:\n  line 8: key "a" already set in map'
  assert.equal(
    strict.object.message,
    `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${[repeated, ...unknown].join(', ')}`,
  )
  const warned = await send(cluster.server, `POST ${maps}?dryRun=All`, options)
  assert.deepEqual(warned.warnings, ['line 8: key "a" already set in map', ...unknown])
})

test('server-side apply warns of repeated keys by their lines', async () => {
  const body = yaml.replace(/^(unknown|also|data2).*\n/gm, '')
  const options = { body, contentType: 'application/apply-patch+yaml' }
  const line = 'PATCH /api/v1/namespaces/default/configmaps/a?fieldManager=m&dryRun=All' as const
  assert.deepEqual((await send(cluster.server, line, options)).warnings, ['line 7: key "a" already set in map'])
  const strict = await send(cluster.server, `${line}&fieldValidation=Strict`, options)
  assert.equal(
    strict.object.message,
    'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key "a" already set in map',
  )
})

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io'
const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { nonResourceAttributes: {} } }
const reviews = 'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews'

test('a review has no table', async () => {
  const { status, object } = await send(cluster.server, reviews, { body: review, accept: table })
  assert.equal(status, 406)
  assert.equal(object.reason, 'NotAcceptable')
  assert.equal((await send(cluster.server, reviews, { body: review, accept: `${table},application/json` })).status, 201)
})

test('what could not be answered is not done', async () => {
  const maps = '/api/v1/namespaces/default/configmaps' as const
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'unseen' } }
  assert.equal((await send(cluster.server, `POST ${maps}`, { body, accept: 'text/html' })).status, 406)
  assert.equal((await send(cluster.server, `GET ${maps}/unseen`)).status, 404)
})
