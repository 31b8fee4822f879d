import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'
import { programOf } from './field-managers.ts'

const maps = '/api/v1/namespaces/default/configmaps'
const pods = '/api/v1/namespaces/default/pods'
const merge = 'application/merge-patch+json'

const map = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', ...metadata },
  data,
})

const agents: [string, string][] = [
  ['kubectl/v1.36.0 (linux/amd64) kubernetes/abc', 'kubectl'],
  ['curl', 'curl'],
  ['', ''],
  ['a\u0007b c/1', 'ab c'],
  [`${'ü'.repeat(80)}/1`, 'ü'.repeat(64)],
]
for (const [agent, name] of agents) {
  test(`programOf() makes ${JSON.stringify(name)} of ${JSON.stringify(agent)}`, () => assert.equal(programOf(agent), name))
}

test('a create is recorded under the program that sent it, defaults included', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const { object } = await send(server, `POST ${pods}`, { body })
  assert.deepEqual(object.metadata.managedFields, [
    {
      manager: 'test',
      operation: 'Update',
      apiVersion: 'v1',
      time: object.metadata.creationTimestamp,
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:spec': {
          'f:containers': {
            'k:{"name":"c"}': {
              '.': {},
              ...{ 'f:image': {}, 'f:imagePullPolicy': {}, 'f:name': {}, 'f:resources': {} },
              ...{ 'f:terminationMessagePath': {}, 'f:terminationMessagePolicy': {} },
            },
          },
          ...{ 'f:dnsPolicy': {}, 'f:enableServiceLinks': {}, 'f:restartPolicy': {}, 'f:schedulerName': {} },
          ...{ 'f:securityContext': {}, 'f:terminationGracePeriodSeconds': {} },
        },
      },
    },
  ])
})

test('an update takes over what it changes and adds, and what it removes is nobody’s', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  await send(server, `POST ${maps}?fieldManager=one`, { body: map({ a: '1', b: '1', c: '1' }) })
  const { object } = await send(server, `PUT ${maps}/m?fieldManager=two`, { body: map({ a: '2', b: '1', d: '1' }) })
  const owners = Object.fromEntries(object.metadata.managedFields.map((entry: any) => [entry.manager, entry.fieldsV1]))
  assert.deepEqual(owners, {
    one: { 'f:data': { '.': {}, 'f:b': {} } },
    two: { 'f:data': { 'f:a': {}, 'f:d': {} } },
  })
})

test('a write that changes nothing keeps entries and times', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  const first = await send(server, `POST ${maps}?fieldManager=one`, { body: map({ a: '1' }) })
  const put = await send(server, `PUT ${maps}/m?fieldManager=two`, { body: map({ a: '1' }) })
  const patch = await send(server, `PATCH ${maps}/m?fieldManager=two`, { body: { data: { a: '1' } }, contentType: merge })
  assert.deepEqual(put.object, first.object)
  assert.deepEqual(patch.object, first.object)
})

test('a status has entries of its own, and writes of either part say nothing about the other', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
    status: { message: 'ignored' },
  }
  await send(server, `POST ${pods}?fieldManager=one`, { body })
  const status = { spec: { activeDeadlineSeconds: 3 }, status: { message: 'hello' } }
  const { object } = await send(server, `PATCH ${pods}/p/status?fieldManager=kubelet`, { body: status, contentType: merge })
  const [kubelet, one] = object.metadata.managedFields.toSorted((a: any, b: any) => (a.manager < b.manager ? -1 : 1))
  assert.equal(one.fieldsV1['f:status'], undefined)
  assert.equal(kubelet.subresource, 'status')
  assert.deepEqual(kubelet.fieldsV1, { 'f:status': { 'f:message': {} } })
})

test('a client clears the record with one empty entry or an empty list', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  for (const managedFields of [[{}], []]) {
    await send(server, `POST ${maps}`, { body: map({ a: '1' }) })
    const { object } = await send(server, `PUT ${maps}/m`, { body: map({ a: '1' }, { managedFields }) })
    assert.equal(object.metadata.managedFields, undefined)
    await send(server, `DELETE ${maps}/m`)
  }
})

test('a JSON patch clears the record too', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  await send(server, `POST ${maps}`, { body: map({ a: '1' }) })
  const body = [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }]
  const { object } = await send(server, `PATCH ${maps}/m`, { body, contentType: 'application/json-patch+json' })
  assert.equal(object.metadata.managedFields, undefined)
})

test('entries that are not valid are ignored, valid ones count', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  await send(server, `POST ${maps}?fieldManager=one`, { body: map({ a: '1' }) })
  const invalid = [{ operation: 'Wish', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }]
  const kept = await send(server, `PUT ${maps}/m`, { body: map({ a: '1' }, { managedFields: invalid }) })
  assert.equal(kept.object.metadata.managedFields[0].manager, 'one')
  const valid = [
    { manager: 'x', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { 'f:a': {} } } },
  ]
  const taken = await send(server, `PUT ${maps}/m`, { body: map({ a: '1' }, { managedFields: valid }) })
  assert.deepEqual(taken.object.metadata.managedFields, valid)
})

test('the eleventh entry of updates joins the oldest two', async () => {
  await using cluster = await testCluster()
  const { server } = cluster
  await send(server, `POST ${maps}?fieldManager=m00`, { body: map({ a: '1' }) })
  let object: any
  for (let i = 1; i <= 11; i++) {
    const body = { data: { [`k${i}`]: '1' } }
    const line = `PATCH ${maps}/m?fieldManager=m${String(i).padStart(2, '0')}` as const
    object = (await send(server, line, { body, contentType: merge })).object
  }
  const names = object.metadata.managedFields.map((entry: any) => entry.manager)
  assert.equal(names.length, 10)
  assert.ok(names.includes('ancient-changes'))
})
