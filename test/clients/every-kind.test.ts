/** The calls that upstream's conformance tests make of a kind (`e2e/framework/conformance`), made of every kind. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { answersDeleted } from '#apiserver/registry/delete.ts'
import { qualified } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type SendOptions, type Sent, send } from '#testing/send.ts'
import { clusterObjects, namespacedObjects } from '../hostile/corpus.ts'

let cluster: TestCluster

before(async () => {
  cluster = await testCluster()
})

after(() => cluster[Symbol.asyncDispose]())

/** Whose labels a write of the status leaves alone. */
const keepLabels = [
  ...['apiservices', 'deployments', 'flowschemas', 'prioritylevelconfigurations', 'resourceclaims', 'servicecidrs'],
  ...['validatingadmissionpolicies', 'volumeattachments'],
]

/** Kinds that the corpus has not. */
const moreOfTheCluster: Readonly<Record<string, object>> = {
  'apis/flowcontrol.apiserver.k8s.io/v1/flowschemas': {
    spec: {
      ...{ priorityLevelConfiguration: { name: 'catch-all' }, matchingPrecedence: 9000 },
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: 'u' } }],
          resourceRules: [{ verbs: ['get'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }],
        },
      ],
    },
  },
  'apis/networking.k8s.io/v1/servicecidrs': { spec: { cidrs: ['10.99.0.0/24'] } },
  'apis/networking.k8s.io/v1/ipaddresses': {
    metadata: { name: '10.97.1.2' },
    spec: { parentRef: { resource: 'services', namespace: 'a', name: 'b' } },
  },
  'apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies': {
    spec: {
      matchConstraints: { resourceRules: [{ apiGroups: ['x'], apiVersions: ['*'], operations: ['CREATE'], resources: ['y'] }] },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
    },
  },
  'apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings': { spec: { policyName: 'a' } },
}

const conditions = [
  {
    type: 'TestCondition',
    status: 'True',
    reason: 'TestReason',
    message: 'TestMessage',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  },
]

const types = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  apply: 'application/apply-patch+yaml',
  json: 'application/json-patch+json',
}

const all = [
  ...Object.entries(namespacedObjects).map(([path, body]) => ({ path, body, isNamespaced: true })),
  ...Object.entries({ ...clusterObjects, ...moreOfTheCluster }).map(([path, body]) => ({ path, body, isNamespaced: false })),
].filter(({ path }) => !path.includes('hostile'))

for (const { path, body, isNamespaced } of all) {
  test(`${path} does all that conformance asks of a kind`, async () => {
    const resource = path.slice(path.lastIndexOf('/') + 1)
    const group = path.slice(0, path.lastIndexOf('/'))
    const apiVersion = group.replace(/^apis?\//, '')
    const found = kinds.find((kind) => kind.plural === resource && kind.apiVersion === apiVersion)
    assert(found, 'is served')
    const hasStatus = found.def.status
    const base = isNamespaced ? `/${group}/namespaces/default/${resource}` : `/${group}/${resource}`
    const given = JSON.parse(JSON.stringify(body).replaceAll('NAMESPACE', 'default'))
    const name = given.metadata?.name ?? 'test-conformance'
    const labels = { 'e2e-test.kubernetes.io': 'x', ...given.metadata?.labels }
    const initial = { ...given, apiVersion, kind: found.kind, metadata: { ...given.metadata, name, labels } }
    const one = `${base}/${name}`
    const selected = `labelSelector=${encodeURIComponent('e2e-test.kubernetes.io=x')}`

    const create = async () => {
      const sent = await ask(`POST ${base}?fieldValidation=Strict`, { body: initial }, 201)
      contains(sent.object, initial, 'create')
      await cluster.settle() // definitions of custom resources are told what became of them
    }
    await create()
    const made = await ask(`GET ${one}`)
    const labelledYes = { ...made.object.metadata, labels: { ...made.object.metadata.labels, updated: 'yes' } }
    const updated = await ask(`PUT ${one}`, { body: { ...made.object, metadata: labelledYes } })
    assert(BigInt(updated.object.metadata.resourceVersion) > BigInt(made.object.metadata.resourceVersion))
    assert.equal(updated.object.metadata.labels.updated, 'yes')

    const { resourceVersion: _, ...unversioned } = updated.object.metadata
    const blind = { body: { ...updated.object, metadata: unversioned } }
    const demands = found.def.requireVersion
    const overwritten = await ask(`PUT ${one}`, blind, demands ? 422 : 200)
    const why = 'metadata.resourceVersion: Invalid value: 0: must be specified for an update'
    if (demands) assert.equal(overwritten.object.message, `${qualified(found)} ${JSON.stringify(name)} is invalid: ${why}`)
    const absent = { ...initial, metadata: { ...initial.metadata, name: `${name}-put` } }
    const creates = found.def.createOnUpdate
    await ask(`PUT ${base}/${absent.metadata.name}`, { body: absent }, creates ? 201 : 404)
    if (creates) await ask(`DELETE ${base}/${absent.metadata.name}`)

    if (hasStatus) {
      const before = await ask(`GET ${one}/status`)
      assert.deepEqual(before.object, updated.object)
      if (demands) await ask(`PUT ${one}/status`, blind, 422)
      const metadata = { ...before.object.metadata, labels: { ...before.object.metadata.labels, status: 'written' } }
      const patched = await ask(`PUT ${one}/status`, { body: { ...before.object, metadata } })
      assert.equal(patched.object.metadata.name, name)
      assert.equal(patched.object.metadata.labels.status, keepLabels.includes(resource) ? undefined : 'written')
    }
    for (const [type, contentType] of Object.entries(types)) {
      const { object: deleted } = await ask(`DELETE ${one}`, { body: { gracePeriodSeconds: 0 } })
      // What waits for its finalizers is answered as it is.
      const waits = deleted.metadata?.finalizers || deleted.spec?.finalizers
      assert.equal(deleted.kind, waits || answersDeleted(found) ? found.kind : 'Status')
      await gone(one)
      await create()
      const labelled = { metadata: { name, labels: { patched: 'yes' } }, apiVersion, kind: found.kind }
      const patch = type === 'json' ? [{ op: 'add', path: '/metadata/labels/patched', value: 'yes' }] : labelled
      const query = type === 'apply' ? '?fieldManager=test-apply&force=true&fieldValidation=Strict' : '?fieldValidation=Strict'
      const { object } = await ask(`PATCH ${one}${query}`, { body: patch, contentType })
      assert.equal(object.metadata.labels.patched, 'yes', type)
      contains(object, { ...initial, metadata: { ...initial.metadata, labels: { ...labels, patched: 'yes' } } }, type)
      if (!hasStatus) continue
      const status = statuses[`${apiVersion} ${resource}`] ?? statuses[resource] ?? { conditions }
      const whole = type === 'json' ? [{ op: 'add', path: '/status', value: status }] : { ...labelled, status }
      const answer = await ask(`PATCH ${one}/status${query}`, { body: whole, contentType })
      contains(answer.object.status, status, `${type} status`)
    }
    const listed = await ask(`GET ${base}?${selected}`)
    assert.equal(listed.object.items.length, 1)
    if (isNamespaced) {
      const everywhere = await ask(`GET /${group}/${resource}?${selected}`)
      assert.equal(everywhere.object.items.length, 1)
    }
    // Namespaces go one by one.
    await ask(`DELETE ${resource === 'namespaces' ? one : `${base}?${selected}`}`, { body: { gracePeriodSeconds: 0 } })
    await gone(one)
    assert.deepEqual((await ask(`GET ${base}?${selected}`)).object.items, [])
  })
}

const statuses: Readonly<Record<string, object>> = {
  resourcequotas: { hard: { pods: '1' }, used: { pods: '0' } },
  cronjobs: { lastScheduleTime: '2026-01-01T00:00:00Z' },
  'autoscaling/v1 horizontalpodautoscalers': { currentReplicas: 1, desiredReplicas: 2 },
  ingresses: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
  persistentvolumes: { phase: 'Bound', message: 'm' },
  nodes: { capacity: { cpu: '4', 'example.com/x': '3' } },
  volumeattachments: { attached: true },
  resourceclaims: { allocation: { devices: {} }, reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] },
  customresourcedefinitions: { storedVersions: ['v1'] },
  replicasets: { replicas: 0, conditions },
}

/** A finalizer of the server's own is taken away, as its controller would. */
async function gone(one: string): Promise<void> {
  const left = await send(cluster.server, `GET ${one}` as `GET /`)
  if (left.status === 404) return
  if (left.object.kind === 'Namespace') {
    await ask(`PUT ${one}/finalize`, { body: { ...left.object, spec: {} } })
    return
  }
  await ask(`PATCH ${one}`, { body: { metadata: { finalizers: null } }, contentType: types.merge })
  await ask(`GET ${one}`, {}, 404)
}

async function ask(line: string, options: SendOptions = {}, status = 200): Promise<Sent> {
  const sent = await send(cluster.server, line as `GET /`, options)
  assert.equal(sent.status, status, `${line}: ${sent.object?.message}`)
  return sent
}

/** All that was sent is in the answer; other fields may be there. */
function contains(actual: any, expected: any, at: string): void {
  if (Array.isArray(expected)) {
    assert(Array.isArray(actual), at)
    for (const [index, item] of expected.entries()) contains(actual[index], item, `${at}[${index}]`)
  } else if (expected !== null && typeof expected === 'object') {
    assert(actual !== null && typeof actual === 'object', `${at}: ${JSON.stringify(actual)}`)
    for (const [key, value] of Object.entries(expected)) {
      if (key !== 'stringData' && key !== 'lastTransitionTime') contains(actual[key], value, `${at}.${key}`)
    }
  } else assert.equal(actual, expected, at)
}
