import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MutatingAdmissionPolicy } from '#api/admissionregistration/v1/mutating-admission-policy.ts'
import { MutatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/mutating-admission-policy-binding.ts'
import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'

const on = (resource: string, group = '') => ({
  resourceRules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: [resource] }],
})

interface Policy {
  readonly name?: string
  readonly spec: Record<string, unknown>
  readonly binding?: Record<string, unknown>
}

async function validating(cluster: TestCluster, { name = 'rule', spec, binding = {} }: Policy): Promise<void> {
  const matchConstraints = on('configmaps')
  await cluster.client.create(ValidatingAdmissionPolicy, { metadata: { name }, spec: { matchConstraints, ...spec } } as never)
  const bound = { policyName: name, validationActions: ['Deny'], ...binding }
  await cluster.client.create(ValidatingAdmissionPolicyBinding, { metadata: { name: `${name}-here` }, spec: bound } as never)
  await cluster.settle()
}

async function mutating(cluster: TestCluster, { name = 'rule', spec, binding = {} }: Policy): Promise<void> {
  const matchConstraints = on('configmaps')
  const whole = { matchConstraints, reinvocationPolicy: 'Never', ...spec }
  await cluster.client.create(MutatingAdmissionPolicy, { metadata: { name }, spec: whole } as never)
  await cluster.client.create(MutatingAdmissionPolicyBinding, {
    metadata: { name: `${name}-here` },
    spec: { policyName: name, ...binding },
  } as never)
  await cluster.settle()
}

const map = (data: Record<string, string> = {}, metadata: object = {}) => ({
  metadata: { name: 'a', namespace: 'default', ...metadata },
  data,
})

test("a validation that does not hold refuses the request in upstream's words", async () => {
  await using cluster = await testCluster()
  await validating(cluster, { spec: { validations: [{ expression: 'object.data.size() < 2' }] } })
  const message =
    "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'rule' with binding 'rule-here' denied request: " +
    'failed expression: object.data.size() < 2'
  await assert.rejects(cluster.client.create(ConfigMap, map({ x: '1', y: '2' })), { code: 422, reason: 'Invalid', message })
  await cluster.client.create(ConfigMap, map({ x: '1' }))
})

const messages: [title: string, validation: object, told: string, code: number][] = [
  ['message', { message: 'too many' }, 'too many', 422],
  ['messageExpression', { message: 'no', messageExpression: "'has ' + string(object.data.size())" }, 'has 2', 422],
  ['messageExpression that fails', { message: 'no', messageExpression: 'object.nothing.text' + " + ''" }, 'no', 422],
  ['reason', { reason: 'Forbidden' }, 'failed expression: object.data.size() < 2', 403],
]

for (const [title, validation, told, code] of messages) {
  test(`what is told of a refusal: ${title}`, async () => {
    await using cluster = await testCluster()
    await validating(cluster, { spec: { validations: [{ expression: 'object.data.size() < 2', ...validation }] } })
    const refused = { code, message: new RegExp(`denied request: ${told.replace(/[()]/g, '.')}$`) }
    await assert.rejects(cluster.client.create(ConfigMap, map({ x: '1', y: '2' })), refused)
  })
}

test('an expression that fails refuses by failurePolicy', async () => {
  await using cluster = await testCluster()
  await validating(cluster, { name: 'strict', spec: { validations: [{ expression: "object.data.must == 'be'" }] } })
  await validating(cluster, {
    name: 'lax',
    spec: { failurePolicy: 'Ignore', validations: [{ expression: "object.data.may == 'be'" }] },
  })
  const message = /'strict' .* expression 'object.data.must == 'be'' resulted in error: no such key: must$/
  await assert.rejects(cluster.client.create(ConfigMap, map({ x: '1' })), { message })
  await cluster.client.create(ConfigMap, map({ must: 'be' }))
})

test('Warn warns and lets pass; dry run is judged as well', async () => {
  await using cluster = await testCluster()
  const spec = { validations: [{ expression: 'false', message: 'mind this' }] }
  await validating(cluster, { name: 'soft', spec, binding: { validationActions: ['Warn'] } })
  const warnings: string[] = []
  await cluster.client.create(ConfigMap, map(), { onWarning: (text: string) => warnings.push(text) } as never)
  await validating(cluster, { name: 'hard', spec })
  await assert.rejects(cluster.client.create(ConfigMap, map({}, { name: 'b' }), { dryRun: true } as never), { code: 422 })
})

test('variables are worked out from one another; conditions keep a policy out', async () => {
  await using cluster = await testCluster()
  await validating(cluster, {
    spec: {
      matchConditions: [{ name: 'not-free', expression: "!('free' in object.metadata.?labels.orValue({}))" }],
      variables: [
        { name: 'count', expression: 'object.data.size()' },
        { name: 'twice', expression: 'variables.count * 2' },
      ],
      validations: [{ expression: 'variables.twice < 3', messageExpression: "'twice is %d'.format([variables.twice])" }],
    },
  })
  await assert.rejects(cluster.client.create(ConfigMap, map({ x: '1', y: '2' })), { message: /: twice is 4$/ })
  await cluster.client.create(ConfigMap, map({ x: '1', y: '2' }, { labels: { free: 'yes' } }))
})

test('parameters come from other objects: by name, by labels, and missing', async () => {
  await using cluster = await testCluster()
  const spec = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    matchConstraints: on('pods'),
    validations: [
      { expression: 'object.metadata.name.startsWith(params.data.prefix)', messageExpression: "'wants ' + params.data.prefix" },
    ],
  }
  const name = { paramRef: { name: 'settings', parameterNotFoundAction: 'Deny' } }
  await validating(cluster, { spec, binding: name })
  const pod = (name: string) => ({ metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } })
  const missing =
    /denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/
  await assert.rejects(cluster.client.create(Pod, pod('x')), { message: missing })
  await cluster.client.create(ConfigMap, map({ prefix: 'web-' }, { name: 'settings', labels: { for: 'pods' } }))
  await cluster.settle()
  await assert.rejects(cluster.client.create(Pod, pod('x')), { message: /: wants web-$/ })
  await cluster.client.create(Pod, pod('web-1'))
  const selector = { paramRef: { selector: { matchLabels: { for: 'pods' } }, parameterNotFoundAction: 'Allow' } }
  await cluster.client.create(ValidatingAdmissionPolicyBinding, {
    metadata: { name: 'second' },
    spec: { policyName: 'rule', validationActions: ['Deny'], ...selector },
  } as never)
  await cluster.client.create(ConfigMap, map({ prefix: 'web-1' }, { name: 'more', labels: { for: 'pods' } }))
  await cluster.settle()
  await assert.rejects(cluster.client.create(Pod, pod('web-2')), { message: /'second' denied request: wants web-1$/ })
})

test('selectors and exclusions narrow what a policy sees', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Namespace, { metadata: { name: 'prod', labels: { env: 'prod' } } })
  const matchConstraints = {
    ...on('configmaps'),
    namespaceSelector: { matchLabels: { env: 'prod' } },
    objectSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] },
    excludeResourceRules: [{ ...on('configmaps').resourceRules[0], resourceNames: ['known'] }],
  }
  await validating(cluster, { spec: { matchConstraints, validations: [{ expression: 'false' }] } })
  const create = (metadata: object) => cluster.client.create(ConfigMap, map({}, { namespace: 'prod', ...metadata }))
  await assert.rejects(create({ name: 'a' }), { code: 422 })
  await create({ name: 'a', namespace: 'default' })
  await create({ name: 'b', labels: { skip: 'me' } })
  await create({ name: 'known' })
})

test('request, namespaceObject and authorizer are what upstream shows', async () => {
  await using cluster = await testCluster()
  const validations = [
    {
      expression:
        "request.operation == 'CREATE' && request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps'",
    },
    { expression: "request.userInfo.username != '' && request.namespace == 'default' && !request.dryRun" },
    { expression: "namespaceObject.metadata.name == 'default' && oldObject == null" },
    { expression: "authorizer.group('').resource('pods').namespace('default').check('create').allowed()" },
    { expression: "authorizer.requestResource.check('create').allowed()" },
    { expression: "!authorizer.serviceAccount('default', 'nobody').path('/healthz').check('post').errored()" },
  ]
  await validating(cluster, { spec: { validations } })
  await cluster.client.create(ConfigMap, map())
})

const wrong: [title: string, spec: object, told: RegExp][] = [
  [
    'undeclared reference',
    { validations: [{ expression: 'objekt.data' }] },
    /spec\.validations\[0\]\.expression: Invalid value: "objekt\.data": compilation failed: ERROR: <input>:1:1: undeclared reference to 'objekt' \(in container ''\)/,
  ],
  ['type', { validations: [{ expression: "'a'" }] }, /must evaluate to bool but got string/],
  ['params without paramKind', { validations: [{ expression: 'params.x == 1' }] }, /undeclared reference to 'params'/],
  [
    'variable before it is declared',
    {
      variables: [
        { name: 'a', expression: 'variables.b' },
        { name: 'b', expression: '1' },
      ],
      validations: [{ expression: 'true' }],
    },
    /spec\.variables\[0\]\.expression: .*undefined field 'b'/s,
  ],
]

for (const [title, spec, told] of wrong) {
  test(`a policy with a wrong expression is refused: ${title}`, async () => {
    await using cluster = await testCluster()
    await assert.rejects(validating(cluster, { spec: spec as never }), { code: 422, message: told })
  })
}

test('a hostile expression ends by its cost, and the request is refused', async () => {
  await using cluster = await testCluster()
  const loop = '[1,2,3,4,5,6,7,8,9,0]'
  const expression = Array.from({ length: 8 }).reduceRight((inner: string, _, i) => `${loop}.all(x${i}, ${inner})`, 'true')
  await validating(cluster, { spec: { validations: [{ expression }] } })
  await assert.rejects(cluster.client.create(ConfigMap, map()), { message: /operation cancelled: actual cost limit exceeded$/ })
})

test('ApplyConfiguration merges as server-side apply does', async () => {
  await using cluster = await testCluster()
  const containers =
    "object.spec.template.spec.containers.map(c, Object.spec.template.spec.containers{name: c.name, imagePullPolicy: 'Always'})"
  const template = `Object.spec.template{spec: Object.spec.template.spec{containers: ${containers}}}`
  const expression = `Object{spec: Object.spec{template: ${template}}}`
  await mutating(cluster, {
    spec: {
      matchConstraints: on('deployments', 'apps'),
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    },
  })
  const made = await cluster.client.create(Deployment, {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
    },
  } as never)
  const [container] = made.spec.template.spec?.containers ?? []
  assert.equal(container?.imagePullPolicy, 'Always')
  assert.equal(container?.image, 'i:1')
})

test('JSONPatch changes what it names, and a failed test changes nothing', async () => {
  await using cluster = await testCluster()
  const expression =
    "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'made/by': 'policy'}}, JSONPatch{op: 'replace', path: '/data/' + jsonpatch.escapeKey('a.b'), value: 'new'}]"
  const test = "[JSONPatch{op: 'test', path: '/data/a.b', value: 'other'}, JSONPatch{op: 'remove', path: '/data/a.b'}]"
  await mutating(cluster, {
    spec: {
      mutations: [
        { patchType: 'JSONPatch', jsonPatch: { expression } },
        { patchType: 'JSONPatch', jsonPatch: { expression: test } },
      ],
    },
  })
  const made = await cluster.client.create(ConfigMap, map({ 'a.b': 'old' }))
  assert.deepEqual([made.data, made.metadata.labels], [{ 'a.b': 'new' }, { 'made/by': 'policy' }])
})

test('reinvocationPolicy IfNeeded sees what a later policy changed; Never does not', async () => {
  await using cluster = await testCluster()
  const count = (key: string) =>
    `Object{metadata: Object.metadata{labels: {'${key}': string(object.metadata.?labels.orValue({}).size())}}}`
  const mutation = (key: string) => [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: count(key) } }]
  await mutating(cluster, { name: 'a-again', spec: { reinvocationPolicy: 'IfNeeded', mutations: mutation('again') } })
  await mutating(cluster, { name: 'b-once', spec: { mutations: mutation('once') } })
  const { metadata } = await cluster.client.create(ConfigMap, map())
  assert.deepEqual(metadata.labels, { again: '2', once: '1' })
})

test("a mutation that fails refuses in upstream's words", async () => {
  await using cluster = await testCluster()
  const expression = "Object{data: {'x': object.data.missing}}"
  await mutating(cluster, { spec: { mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }] } })
  const message =
    /^policy 'rule' with binding 'rule-here' denied request: expression '.*' resulted in error: no such key: missing$/
  await assert.rejects(cluster.client.create(ConfigMap, map({ a: '1' })), { code: 403, message })
})

test('atomic lists may not be changed by an apply configuration', async () => {
  await using cluster = await testCluster()
  const expression = "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'c', args: ['x']}]}}"
  await mutating(cluster, {
    spec: { matchConstraints: on('pods'), mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }] },
  })
  const pod = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const message =
    /error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: \.spec\.containers\[0\]\.args$/
  await assert.rejects(cluster.client.create(Pod, pod), { message })
})

const scaler = {
  metadata: { name: 'web', namespace: 'default' },
  spec: { scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }, maxReplicas: 3 },
}

test('policies see objects in the version that their rules name, and change them in it', async () => {
  await using cluster = await testCluster()
  const matchConstraints = on('horizontalpodautoscalers', 'autoscaling')
  const build = 'Object{spec: Object.spec{targetCPUUtilizationPercentage: 55}}'
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: build } }]
  await mutating(cluster, { name: 'fill', spec: { matchConstraints, mutations } })
  const validations = [
    { expression: "object.apiVersion == 'autoscaling/v1' && object.spec.targetCPUUtilizationPercentage == 55" },
    { expression: "request.kind.version == 'v1' && request.requestKind.version == 'v2'" },
  ]
  await validating(cluster, { name: 'check', spec: { matchConstraints, validations } })
  const made = await cluster.client.create(HorizontalPodAutoscaler, scaler as never)
  assert.equal(made.apiVersion, 'autoscaling/v2')
  assert.deepEqual(made.spec.metrics, [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 55 } } },
  ])
  assert.equal(made.spec.maxReplicas, 3)
})
