import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { SubjectAccessReview } from '#api/authorization/v1/subject-access-review.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { openApiSchemas } from '#apiserver/publish/openapi-schemas.ts'
import type { Kind } from './kind.ts'
import { type OpenApiOptions, openapiV2, openapiV3 } from './openapi.ts'

const options: OpenApiOptions = {
  schemas: openApiSchemas,
  groupVersions: [
    { group: '', version: 'v1' },
    { group: 'apps', version: 'v1' },
  ],
  release: 'v1.36.0',
}

const v3 = (...kinds: Kind[]): any => openapiV3(kinds, options)
const v2 = (...kinds: Kind[]): any => openapiV2(kinds, options)
const schemaOf = (document: any, name: string) => document.components.schemas[name]
const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1'

/** Without descriptions, which are prose. */
function bare(value: any): any {
  if (Array.isArray(value)) return value.map(bare)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, held]) => key !== 'description' || typeof held !== 'string')
  return Object.fromEntries(entries.map(([key, held]) => [key, bare(held)]))
}

test('openapiV3() writes structs as upstream does', () => {
  const document = v3(Deployment)
  assert.deepEqual(bare(schemaOf(document, 'io.k8s.api.apps.v1.DeploymentSpec')), {
    type: 'object',
    properties: {
      minReadySeconds: { type: 'integer', format: 'int32' },
      paused: { type: 'boolean' },
      progressDeadlineSeconds: { type: 'integer', format: 'int32' },
      replicas: { type: 'integer', format: 'int32' },
      revisionHistoryLimit: { type: 'integer', format: 'int32' },
      selector: { allOf: [{ $ref: `#/components/schemas/${metaV1}.LabelSelector` }] },
      strategy: {
        allOf: [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy' }],
        default: {},
        'x-kubernetes-patch-strategy': 'retainKeys',
      },
      template: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodTemplateSpec' }], default: {} },
    },
    required: ['selector', 'template'],
  })
})

const fields: [string, string, string, unknown][] = [
  [
    'lists with a merge key',
    'io.k8s.api.core.v1.PodSpec',
    'volumes',
    {
      type: 'array',
      items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Volume' }], default: {} },
      'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge,retainKeys',
    },
  ],
  [
    'lists of scalars that are merged',
    `${metaV1}.ObjectMeta`,
    'finalizers',
    {
      type: 'array',
      items: { type: 'string', default: '' },
      'x-kubernetes-list-type': 'set',
      'x-kubernetes-patch-strategy': 'merge',
    },
  ],
  [
    'maps of quantities',
    'io.k8s.api.core.v1.ResourceRequirements',
    'limits',
    { type: 'object', additionalProperties: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity' } },
  ],
  [
    'ports by number or name',
    'io.k8s.api.core.v1.HTTPGetAction',
    'port',
    { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.util.intstr.IntOrString' }] },
  ],
  ['enumerations', 'io.k8s.api.core.v1.PodSpec', 'restartPolicy', { type: 'string', enum: ['Always', 'Never', 'OnFailure'] }],
  ['defaults that are published', 'io.k8s.api.core.v1.LocalObjectReference', 'name', { type: 'string', default: '' }],
  [
    'defaults with an enumeration',
    'io.k8s.api.core.v1.ContainerPort',
    'protocol',
    { type: 'string', enum: ['SCTP', 'TCP', 'UDP'], default: 'TCP' },
  ],
  ['times', `${metaV1}.ObjectMeta`, 'creationTimestamp', { allOf: [{ $ref: `#/components/schemas/${metaV1}.Time` }] }],
  ['field sets', `${metaV1}.ManagedFieldsEntry`, 'fieldsV1', { allOf: [{ $ref: `#/components/schemas/${metaV1}.FieldsV1` }] }],
]
for (const [what, schema, field, want] of fields) {
  test(`openapiV3() writes ${what}`, () => assert.deepEqual(bare(schemaOf(v3(Pod), schema).properties[field]), want))
}

test('openapiV3() says which of several fields is given', () => {
  assert.deepEqual(schemaOf(v3(Pod), 'io.k8s.api.core.v1.SeccompProfile')['x-kubernetes-unions'], [
    { discriminator: 'type', 'fields-to-discriminateBy': { localhostProfile: 'LocalhostProfile' } },
  ])
})

test('openapiV3() gives scalars with a type of their own a definition', () => {
  const { schemas } = v3(Pod).components
  assert.deepEqual(bare(schemas['io.k8s.apimachinery.pkg.api.resource.Quantity']), {
    oneOf: [{ type: 'string' }, { type: 'number' }],
  })
  assert.deepEqual(bare(schemas['io.k8s.apimachinery.pkg.util.intstr.IntOrString']), {
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  })
  assert.deepEqual(bare(schemas[`${metaV1}.Time`]), { type: 'string', format: 'date-time' })
  assert.deepEqual(bare(schemas[`${metaV1}.OwnerReference`])['x-kubernetes-map-type'], 'atomic')
})

test('openapiV3() stamps kinds, lists and what belongs to every group', () => {
  const { schemas } = v3(Deployment).components
  const stamp = (name: string) => schemas[name]['x-kubernetes-group-version-kind']
  assert.deepEqual(stamp('io.k8s.api.apps.v1.Deployment'), [{ group: 'apps', kind: 'Deployment', version: 'v1' }])
  assert.deepEqual(stamp('io.k8s.api.apps.v1.DeploymentList'), [{ group: 'apps', kind: 'DeploymentList', version: 'v1' }])
  assert.deepEqual(stamp('io.k8s.api.autoscaling.v1.Scale'), [{ group: 'autoscaling', kind: 'Scale', version: 'v1' }])
  assert.deepEqual(stamp(`${metaV1}.DeleteOptions`), [
    { group: '', kind: 'DeleteOptions', version: 'v1' },
    { group: 'apps', kind: 'DeleteOptions', version: 'v1' },
  ])
  assert.equal(stamp('io.k8s.api.apps.v1.DeploymentSpec'), undefined)
})

/** Path, method, id, action. */
const operations: [Kind, string, string, string, string][] = [
  [Deployment, '/apis/apps/v1/deployments', 'get', 'listAppsV1DeploymentForAllNamespaces', 'list'],
  [Deployment, '/apis/apps/v1/namespaces/{namespace}/deployments', 'get', 'listAppsV1NamespacedDeployment', 'list'],
  [Deployment, '/apis/apps/v1/namespaces/{namespace}/deployments', 'post', 'createAppsV1NamespacedDeployment', 'post'],
  [
    Deployment,
    '/apis/apps/v1/namespaces/{namespace}/deployments',
    'delete',
    'deleteAppsV1CollectionNamespacedDeployment',
    'deletecollection',
  ],
  [Deployment, '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'get', 'readAppsV1NamespacedDeployment', 'get'],
  [Deployment, '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'put', 'replaceAppsV1NamespacedDeployment', 'put'],
  [Deployment, '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'patch', 'patchAppsV1NamespacedDeployment', 'patch'],
  [Deployment, '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'delete', 'deleteAppsV1NamespacedDeployment', 'delete'],
  [
    Deployment,
    '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status',
    'patch',
    'patchAppsV1NamespacedDeploymentStatus',
    'patch',
  ],
  [
    Deployment,
    '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale',
    'get',
    'readAppsV1NamespacedDeploymentScale',
    'get',
  ],
  [
    Deployment,
    '/apis/apps/v1/watch/namespaces/{namespace}/deployments',
    'get',
    'watchAppsV1NamespacedDeploymentList',
    'watchlist',
  ],
  [Pod, '/api/v1/namespaces/{namespace}/pods/{name}/log', 'get', 'readCoreV1NamespacedPodLog', 'get'],
  [Pod, '/api/v1/namespaces/{namespace}/pods/{name}/exec', 'post', 'connectCoreV1PostNamespacedPodExec', 'connect'],
  [
    Pod,
    '/api/v1/namespaces/{namespace}/pods/{name}/proxy/{path}',
    'put',
    'connectCoreV1PutNamespacedPodProxyWithPath',
    'connect',
  ],
  [Pod, '/api/v1/namespaces/{namespace}/pods/{name}/eviction', 'post', 'createCoreV1NamespacedPodEviction', 'post'],
  [
    ServiceAccount,
    '/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token',
    'post',
    'createCoreV1NamespacedServiceAccountToken',
    'post',
  ],
  [
    SubjectAccessReview,
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    'post',
    'createAuthorizationV1SubjectAccessReview',
    'post',
  ],
]
for (const [kind, path, method, id, action] of operations) {
  test(`openapiV3() and openapiV2() have ${method} ${path}`, () => {
    for (const document of [v3(kind), v2(kind)]) {
      const operation = document.paths[path][method]
      assert.equal(operation.operationId, id)
      assert.equal(operation['x-kubernetes-action'], action)
      assert.ok(operation['x-kubernetes-group-version-kind'].kind)
    }
  })
}

test('openapiV3() lets reviews be created and nothing else', () => {
  const paths = Object.keys(v3(SubjectAccessReview).paths)
  assert.deepEqual(paths, ['/apis/authorization.k8s.io/v1/', '/apis/authorization.k8s.io/v1/subjectaccessreviews'])
})

test('openapiV3() says what kubectl looks for before it asks for strict validation', () => {
  const { patch } = v3(Deployment).paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']
  const names = patch.parameters.map(({ name }: { name: string }) => name)
  assert.deepEqual(names, ['dryRun', 'fieldManager', 'fieldValidation', 'force'])
  assert.deepEqual(Object.keys(patch.requestBody.content).sort(), [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
  ])
})

test('openapiV2() has no defaults, and references with their descriptions beside them', () => {
  const document = v2(Deployment)
  const text = JSON.stringify(document)
  assert.doesNotMatch(text, /"default":/)
  assert.doesNotMatch(text, /allOf|oneOf|components/)
  const { strategy } = document.definitions['io.k8s.api.apps.v1.DeploymentSpec'].properties
  assert.equal(strategy.$ref, '#/definitions/io.k8s.api.apps.v1.DeploymentStrategy')
  assert.equal(typeof strategy.description, 'string')
})

for (const [name, document] of [
  ['openapiV3()', v3(Pod)],
  ['openapiV2()', v2(Pod, Deployment)],
]) {
  test(`${name} refers to nothing that is not there`, () => {
    const schemas = Object.keys(document.definitions ?? document.components.schemas)
    const prefix = document.definitions ? '#/definitions/' : '#/components/schemas/'
    const wanted = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref)
    assert.deepEqual(
      [...new Set(wanted)].filter((ref) => !schemas.includes(ref?.slice(prefix.length) ?? '')),
      [],
    )
  })
}
