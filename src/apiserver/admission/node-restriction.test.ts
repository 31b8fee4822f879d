import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { defaultGates } from '#api/feature-gates.ts'
import type { Kind } from '#schema/kind.ts'
import { listerOf } from '#testing/lister.ts'
import { commonNameOf } from './certificate-subject-restriction.ts'
import { nodeRestriction } from './node-restriction.ts'
import type { AdmissionContext, AdmissionRequest } from './plugin.ts'

const bound = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'a',
    containers: [],
    volumes: [
      {
        name: 't',
        projected: {
          sources: [{ serviceAccountToken: { path: 't' } }, { serviceAccountToken: { path: 'v', audience: 'vault' } }],
        },
      },
    ],
  },
}
const elsewhere = { metadata: { name: 'db', namespace: 'shop', uid: 'u2' }, spec: { nodeName: 'n2', containers: [] } }
const account = { metadata: { name: 'a', namespace: 'shop', uid: 'sa-uid' } }
const lister = listerOf(
  [ServiceAccount, [account]],
  [Pod, [bound, elsewhere]],
  [Node, [{ metadata: { name: 'n1', uid: 'node-uid' } }]],
)
const context = {
  lister,
  gates: defaultGates,
  authorizer: { name: 'none', authorize: () => ({ verdict: 'noOpinion' }) },
} as unknown as AdmissionContext

/** The refusal's text behind `is forbidden: `, or 'ok'. */
async function judge(kind: Kind, over: Partial<AdmissionRequest>): Promise<string> {
  const user = { name: 'system:node:n1', groups: ['system:nodes'] }
  const base = { operation: 'CREATE' as const, kind, subresource: '', namespace: kind.namespaced ? 'shop' : '', name: '', user }
  const request: AdmissionRequest = { ...base, dryRun: false, object: undefined, options: {}, warn: () => {}, ...over }
  assert.ok(nodeRestriction.handles(request))
  try {
    await nodeRestriction.mutate?.(request, context)
    return 'ok'
  } catch (error) {
    return (error as Error).message.replace(/^.* is forbidden: /s, '')
  }
}

const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'node-uid', controller: true }
const mirror = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'static-n1', annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner], ...metadata },
  spec: { nodeName: 'n1', containers: [], ...spec },
})

test('NodeRestriction lets a node make mirror pods of itself and nothing more', async () => {
  const cases: [object, string][] = [
    [mirror(), 'ok'],
    [
      mirror({}, { annotations: {} }),
      'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ],
    [mirror({ nodeName: 'n2' }), 'node "n1" can only create pods with spec.nodeName set to itself'],
    [mirror({}, { ownerReferences: [] }), 'node "n1" can only create pods with an owner reference set to itself'],
    [
      mirror({}, { ownerReferences: [owner, owner] }),
      'node "n1" can only create pods with a single owner reference set to itself',
    ],
    [
      mirror({}, { ownerReferences: [{ ...owner, controller: false }] }),
      'node "n1" can only create pods with a controller owner reference set to itself',
    ],
    [
      mirror({}, { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
      'node "n1" must not set blockOwnerDeletion on an owner reference',
    ],
    [mirror({}, { ownerReferences: [{ ...owner, uid: 'x' }] }), 'node n1 UID mismatch: expected x got node-uid'],
    [mirror({ serviceAccountName: 'a' }), 'node "n1" can not create pods that reference a service account'],
    [mirror({ imagePullSecrets: [{ name: 's' }] }), 'node "n1" can not create pods that reference secrets'],
    [mirror({ volumes: [{ name: 'v', configMap: { name: 'c' } }] }), 'node "n1" can not create pods that reference configmaps'],
    [mirror({ resourceClaims: [{ name: 'c' }] }), 'node "n1" can not create pods that reference resourceclaims'],
    [
      mirror({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }),
      'node "n1" can not create pods that reference persistentvolumeclaims',
    ],
  ]
  for (const [object, expected] of cases) assert.equal(await judge(Pod, { object }), expected)
})

test('NodeRestriction keeps a node to its own pods', async () => {
  const cases: [Partial<AdmissionRequest>, string][] = [
    [{ operation: 'DELETE', name: 'web' }, 'ok'],
    [{ operation: 'DELETE', name: 'db' }, 'node "n1" can only delete pods with spec.nodeName set to itself'],
    [{ operation: 'DELETE', name: 'gone' }, 'pods "gone" not found'],
    [
      { operation: 'UPDATE', name: 'web', object: bound, old: bound },
      'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
    ],
    [{ operation: 'UPDATE', subresource: 'status', object: bound, old: bound }, 'ok'],
    [
      { operation: 'UPDATE', subresource: 'status', object: elsewhere, old: elsewhere },
      'node "n1" can only update pod status for pods with spec.nodeName set to itself',
    ],
    [
      {
        operation: 'UPDATE',
        subresource: 'status',
        object: { ...bound, metadata: { ...bound.metadata, labels: { a: 'b' } } },
        old: bound,
      },
      'node "n1" cannot update labels through pod status',
    ],
    [{ subresource: 'eviction', name: 'web', object: {} }, 'ok'],
    [{ subresource: 'eviction', name: 'db', object: {} }, 'node n1 can only evict pods with spec.nodeName set to itself'],
    [{ subresource: 'exec', object: {} }, `unexpected pod subresource "exec", only 'status' and 'eviction' are allowed`],
  ]
  for (const [over, expected] of cases) assert.equal(await judge(Pod, over), expected)
})

test('NodeRestriction keeps a node from making itself attractive', async () => {
  const node = (metadata: object = {}, spec: object = {}) => ({ metadata: { name: 'n1', ...metadata }, spec })
  const taints = [{ key: 'a', effect: 'NoSchedule' }]
  const update = (object: object, old: object = node()) => ({ operation: 'UPDATE' as const, name: 'n1', object, old })
  const cases: [Partial<AdmissionRequest>, string][] = [
    [{ object: node() }, 'ok'],
    [{ object: { metadata: { name: 'n2' }, spec: {} } }, 'node "n1" is not allowed to modify node "n2"'],
    [{ object: node({ labels: { 'kubernetes.io/hostname': 'n1', 'node.kubernetes.io/x': '1', mine: '1' } }) }, 'ok'],
    [
      { object: node({ labels: { 'node-restriction.kubernetes.io/a': '1', 'node-role.kubernetes.io/control-plane': '' } }) },
      'node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io/a, node-role.kubernetes.io/control-plane',
    ],
    [update(node({}, { taints })), 'node "n1" is not allowed to modify taints'],
    [update(node({ ownerReferences: [owner] })), 'node "n1" is not allowed to modify ownerReferences'],
    [update(node(), node({ labels: { 'topology.k8s.io/x': '1' } })), 'is not allowed to modify labels: topology.k8s.io/x'],
    [{ operation: 'DELETE', name: 'n2' }, 'node "n1" is not allowed to modify node "n2"'],
  ]
  for (const [over, expected] of cases) assert.equal(await judge(Node, over), expected)
})

test('NodeRestriction gives tokens only for the node’s pods and their audiences', async () => {
  const token = (ref: object | undefined, audiences?: string[]) => ({
    subresource: 'token',
    name: 'web',
    object: { kind: TokenRequest.kind, spec: { ...(ref && { boundObjectRef: ref }), ...(audiences && { audiences }) } },
  })
  const web = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u1' }
  const cases: [object, string][] = [
    [token(web), 'ok'],
    [token(web, ['vault']), 'ok'],
    [token(web, ['other']), 'audience "other" not found in pod spec volume'],
    [token(web, ['a', 'b']), 'node may only request 0 or 1 audiences'],
    [token(undefined), 'node requested token not bound to a pod'],
    [token({ ...web, uid: '' }), 'node requested token with a pod binding without a uid'],
    [
      token({ ...web, uid: 'u9' }),
      'the UID in the bound object reference (u9) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    [token({ ...web, name: 'db', uid: 'u2' }), 'node requested token bound to a pod scheduled on a different node'],
  ]
  for (const [over, expected] of cases) assert.equal(await judge(ServiceAccount, over), expected)
})

test('NodeRestriction keeps a node to its own lease', async () => {
  const lease = (name: string) => ({ object: { metadata: { name } }, namespace: 'kube-node-lease' })
  assert.equal(await judge(Lease, lease('n1')), 'ok')
  assert.equal(await judge(Lease, lease('n2')), 'can only access node lease with the same name as the requesting node')
  assert.equal(
    await judge(Lease, { ...lease('n1'), namespace: 'shop' }),
    'can only access leases in the "kube-node-lease" system namespace',
  )
})

test('NodeRestriction lets a node ask for certificates in its own name', async () => {
  // `openssl req -new -subj` of `/O=devs/CN=a`, on prime256v1.
  const pem = `-----BEGIN CERTIFICATE REQUEST-----
MIHVMH0CAQAwGzENMAsGA1UECgwEZGV2czEKMAgGA1UEAwwBYTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABEmbAWTzrBZkNQOuRm+L8hjahb7prTAUZqylcT824iVI
y0CB3dNUmLF8N48Qij84LfSSg5TkjvwObeqChFpMosugADAKBggqhkjOPQQDAgNI
ADBFAiBeDeaysPrJVRqzubOThsZDWqDuKEjFr88kPoU6Zo2SHAIhAIIDbUeNRFni
fJXqDIWyKjGA7H+3+nX3hSbpRLrplavT
-----END CERTIFICATE REQUEST-----
`
  assert.equal(commonNameOf(pem), 'a')
  const request = Buffer.from(pem).toString('base64')
  const asked = (signerName: string, own = request) =>
    judge(CertificateSigningRequest, { object: { spec: { signerName, request: own } } })
  assert.equal(await asked('example.com/other'), 'ok')
  assert.equal(await asked('kubernetes.io/kubelet-serving'), 'can only create a node CSR with CN=system:node:n1')
  assert.match(await asked('kubernetes.io/kube-apiserver-client-kubelet', 'eA=='), /^unable to parse csr: /)
})

test('NodeRestriction lets a node ask for certificates of the pods that run on it', async () => {
  const right = {
    ...{
      nodeName: 'n1',
      nodeUID: 'node-uid',
      podName: 'web',
      podUID: 'u1',
      serviceAccountName: 'a',
      serviceAccountUID: 'sa-uid',
    },
  }
  const asked = (over: object, more: object = {}) =>
    judge(PodCertificateRequest, { object: { spec: { ...right, ...over } }, ...more })
  const cases: [object, RegExp][] = [
    [{}, /^ok$/],
    [{ nodeName: 'n2' }, /^PodCertificateRequest\.Spec\.NodeName="n2", which is not the requesting node "n1"$/],
    [{ nodeUID: 'x' }, /names node UID "x", inconsistent with the running node \("node-uid"\)$/],
    [{ podName: 'none' }, /while retrieving pod "shop\/none" named in the PodCertificateRequest: pod "none" not found$/],
    [{ podUID: 'x' }, /contains pod UID \("x"\) which differs from running pod "u1"$/],
    [{ podName: 'db', podUID: 'u2' }, /^pod "shop\/db" is not running on node "n1" named in the PodCertificateRequest$/],
    [{ serviceAccountName: 'b' }, /contains serviceAccountName \("b"\) that differs from running pod \("a"\)$/],
    [{ serviceAccountUID: 'x' }, /names service account UID "x", which differs from the running service account \("sa-uid"\)$/],
  ]
  for (const [over, wanted] of cases) assert.match(await asked(over), wanted)
  assert.equal(await asked({}, { operation: 'UPDATE' }), 'unexpected operation UPDATE')
  assert.equal(await asked({}, { subresource: 'status' }), 'unexpected subresource status')
})

test('NodeRestriction looks at nodes alone', async () => {
  const pod = { object: { metadata: { name: 'x' }, spec: { nodeName: 'n2', containers: [] } } }
  assert.equal(await judge(Pod, { ...pod, user: { name: 'ann', groups: ['system:nodes'] } }), 'ok')
  assert.match(await judge(Pod, pod), /pod/)
})
