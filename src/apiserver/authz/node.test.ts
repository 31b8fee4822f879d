import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { listerOf } from '#testing/lister.ts'
import type { Attributes, Decision } from './authorizer.ts'
import { nodeAuthorizer } from './node.ts'

const spec = {
  nodeName: 'n1',
  serviceAccountName: 'web',
  imagePullSecrets: [{ name: 'pull' }],
  containers: [
    {
      name: 'c',
      envFrom: [{ configMapRef: { name: 'all' } }],
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'key', key: 'k' } } }],
    },
  ],
  volumes: [
    { name: 'a', secret: { secretName: 'mounted' } },
    { name: 'b', projected: { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] } },
    { name: 'c', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'tmp', ephemeral: {} },
  ],
}
const lister = listerOf([
  Pod,
  [
    { metadata: { name: 'web', namespace: 'shop' }, spec },
    {
      metadata: { name: 'static', namespace: 'shop', annotations: { 'kubernetes.io/config.mirror': 'x' } },
      spec: { nodeName: 'n1', containers: [], imagePullSecrets: [{ name: 'loot' }] },
    },
  ],
])
const authorizer = nodeAuthorizer({ lister })

/** `verb group/resource/subresource namespace/name selector`, with '-' for what is empty. */
function decide(node: string, request: string): string {
  const [verb = '', resources = '', object = '-/-', fieldSelector = ''] = request.split(' ')
  const [group = '', resource = '', subresource = ''] = resources.split('/').map((part) => (part === '-' ? '' : part))
  const [namespace = '', name = ''] = object.split('/').map((part) => (part === '-' ? '' : part))
  const user = { name: `system:node:${node}`, groups: ['system:nodes'] }
  const attributes: Attributes = {
    user,
    verb,
    isResource: true,
    path: '',
    group,
    version: 'v1',
    resource,
    subresource,
    namespace,
    name,
  }
  const { verdict, reason } = authorizer.authorize({ ...attributes, ...(fieldSelector && { fieldSelector }) }) as Decision
  return verdict === 'allow' ? 'allow' : (reason ?? 'no')
}

const stranger = "no relationship found between node 'n1' and this object"

test('nodeAuthorizer() decides by what the node runs', () => {
  const cases: [string, string][] = [
    ['get -/secrets shop/mounted', 'allow'],
    ['get -/secrets shop/pull', 'allow'],
    ['watch -/secrets shop/key', 'allow'],
    ['get -/secrets shop/other', stranger],
    ['get -/secrets shop/loot', stranger],
    ['get -/secrets other/mounted', stranger],
    ['list -/secrets shop/-', 'No Object name found'],
    ['list -/secrets', 'can only read namespaced object of this type'],
    ['update -/secrets shop/mounted', 'can only read resources of this type'],
    ['get -/configmaps shop/all', 'allow'],
    ['get -/configmaps shop/kube-root-ca.crt', 'allow'],
    ['get -/persistentvolumeclaims shop/data', 'allow'],
    ['get -/persistentvolumeclaims shop/web-tmp', 'allow'],
    ['list -/persistentvolumeclaims shop/-', 'can only get individual resources of this type'],
    ['patch -/persistentvolumeclaims/status shop/data', 'allow'],
    ['create -/serviceaccounts/token shop/web', 'allow'],
    ['create -/serviceaccounts/token shop/other', stranger],
    ['create -/serviceaccounts shop/web', 'can only create token subresource of serviceaccount'],
    ['get coordination.k8s.io/leases kube-node-lease/n1', 'allow'],
    [
      'update coordination.k8s.io/leases kube-node-lease/n2',
      'can only access node lease with the same name as the requesting node',
    ],
    ['get coordination.k8s.io/leases kube-system/n1', 'can only access leases in the "kube-node-lease" system namespace'],
    ['list coordination.k8s.io/leases kube-node-lease/-', 'can only get, create, update, patch, or delete a node lease'],
    ['get -/nodes -/n1', 'allow'],
    ['get -/nodes -/n2', "node 'n1' cannot read 'n2', only its own Node object"],
    ['list -/nodes', "node 'n1' cannot read all nodes, only its own Node object"],
    ['patch -/nodes/status -/n1', 'allow'],
    ['delete -/nodes -/n1', 'no'],
    ['list -/pods -/- spec.nodeName=n1', 'allow'],
    ['watch -/pods -/- spec.nodeName==n1,status.phase!=Failed', 'allow'],
    ['list -/pods -/- spec.nodeName=n2', 'can only list/watch pods with spec.nodeName field selector'],
    ['list -/pods -/- spec.nodeName!=n1', 'can only list/watch pods with spec.nodeName field selector'],
    ['get -/pods shop/web', 'allow'],
    ['get -/pods shop/else', stranger],
    ['update -/pods shop/web', 'no'],
    ['patch -/pods/status shop/web', 'allow'],
    ['create -/pods/eviction shop/web', 'allow'],
    ['list -/services', 'allow'],
    ['create -/services shop/x', 'no'],
    ['create -/events shop/x', 'allow'],
    ['create events.k8s.io/events shop/x', 'no'],
    ['watch certificates.k8s.io/clustertrustbundles', 'allow'],
    ['create certificates.k8s.io/podcertificaterequests shop/x', 'allow'],
    [
      'list certificates.k8s.io/podcertificaterequests shop/',
      'can only list/watch podcertificaterequests with spec.nodeName field selector',
    ],
    [
      'update certificates.k8s.io/podcertificaterequests/status shop/x',
      'nodes may not access subresources of podcertificaterequests',
    ],
    ['get storage.k8s.io/csinodes -/n2', 'can only access CSINode with the same name as the requesting node'],
  ]
  for (const [request, expected] of cases) assert.equal(decide('n1', request), expected, request)
})

test('nodeAuthorizer() gives one node nothing of another', () => {
  assert.equal(decide('n2', 'get -/secrets shop/mounted'), "no relationship found between node 'n2' and this object")
})

test('nodeAuthorizer() has no opinion on others', () => {
  const base = {
    verb: 'get',
    isResource: true,
    path: '',
    group: '',
    version: 'v1',
    resource: 'services',
    subresource: '',
    namespace: '',
    name: '',
  }
  assert.deepEqual(authorizer.authorize({ ...base, user: { name: 'system:node:n1', groups: [] } }), { verdict: 'noOpinion' })
  assert.deepEqual(authorizer.authorize({ ...base, user: { name: 'system:node:', groups: ['system:nodes'] } }), {
    verdict: 'noOpinion',
    reason: 'unknown node for user "system:node:"',
  })
})
