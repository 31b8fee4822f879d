import assert from 'node:assert/strict'
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import * as x509 from '@peculiar/x509'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { certificateSigningRequestHook } from '#apiserver/registry/hooks/certificate-signing-request.ts'
import { certificateSigner } from '#cluster/certificate-signer.ts'
import { issueAuthority } from '#cluster/pki-certificate.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { certificateApprovingController, planApproval } from './approving.ts'
import { certificateCleanerController, expiry } from './cleaner.ts'
import { kubeletClientProblem, kubeletServingProblem } from './request.ts'
import { certificateSigningController } from './signing.ts'

const client = ['client auth', 'digital signature', 'key encipherment']

async function csr(subject: string, names?: x509.JsonGeneralNames): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
    extensions: names ? [new x509.SubjectAlternativeNameExtension(names)] : [],
  })
  return Buffer.from(request.toString('pem')).toString('base64')
}

async function start() {
  const ca = await issueAuthority('test-ca', { now: Date.UTC(2026, 0, 1), days: 3650 })
  const controllers = [
    certificateApprovingController,
    certificateSigningController(certificateSigner(ca)),
    certificateCleanerController,
  ]
  return testCluster({ controllers, policy: true, hooks: [certificateSigningRequestHook] })
}

const kubeletSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
const at = { name: 'r' }

async function ask(cluster: TestCluster, user: { name: string; groups?: string[] }, spec: object) {
  const draft = { metadata: at, spec: { usages: client, signerName: kubeletSigner, ...spec } }
  await cluster.clientAs(user).create(CertificateSigningRequest, draft as never)
  return settled(cluster)
}

/** Signing takes time of its own, which no clock of a test holds back. */
async function settled(cluster: TestCluster) {
  for (let turns = 0; ; turns++) {
    await cluster.settle()
    const request = await cluster.client.get(CertificateSigningRequest, at)
    const { conditions = [], certificate } = request.status
    const isDone = certificate !== undefined || conditions.some(({ type }) => type === 'Failed')
    const isWaiting = conditions.length > 0 && !isDone
    if (turns >= 10_000 || (!isWaiting && (isDone || turns >= 500))) return request
    await setImmediate()
  }
}

async function allow(cluster: TestCluster, group: string, subresource: string) {
  const apiGroup = 'rbac.authorization.k8s.io'
  const bind = (name: string) =>
    cluster.client.create(ClusterRoleBinding, {
      metadata: { name: `${group}-${name}` },
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ kind: 'Group', apiGroup, name: group }],
    })
  await cluster.client.create(ClusterRole, {
    metadata: { name: 'may-ask' },
    rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create'] }],
  })
  await bind('may-ask')
  await bind(`system:certificates.k8s.io:certificatesigningrequests:${subresource}`)
}

const conditions = ({ status }: CertificateSigningRequest) =>
  status.conditions?.map(({ type, reason }) => `${type} ${reason}`) ?? []

test('a node that joins gets its client certificate: approved, signed with what it asked for, and cleaned up', async () => {
  await using cluster = await start()
  await allow(cluster, 'system:bootstrappers', 'nodeclient')
  const user = { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] }
  const request = await csr('CN=system:node:n1, O=system:nodes')
  const made = await ask(cluster, user, { request, expirationSeconds: 3600 })
  assert.deepEqual(conditions(made), ['Approved AutoApproved'])
  assert.equal(made.status.conditions?.[0]?.message, 'Auto approving kubelet client certificate after SubjectAccessReview.')
  const certificate = new X509Certificate(Buffer.from(made.status.certificate as never, 'base64'))
  assert.match(certificate.subject, /CN=system:node:n1/)
  assert.match(certificate.subject, /O=system:nodes/)
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  const lifetime = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)
  assert.equal(lifetime, 3_600_000)
  await cluster.advance(56 * 60_000)
  await assert.rejects(cluster.client.get(CertificateSigningRequest, at), (error) => hasReason(error, 'NotFound'))
  assert.deepEqual(cluster.errors, [])
})

test('a node renews its own certificate, and gets none for another node', async () => {
  await using cluster = await start()
  await allow(cluster, 'system:nodes', 'selfnodeclient')
  const user = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  const own = await ask(cluster, user, { request: await csr('CN=system:node:n1, O=system:nodes') })
  assert.equal(own.status.conditions?.[0]?.message, 'Auto approving self kubelet client certificate after SubjectAccessReview.')
  await cluster.client.delete(CertificateSigningRequest, at)
  const foreign = ask(cluster, user, { request: await csr('CN=system:node:n2, O=system:nodes') })
  await assert.rejects(foreign, { message: /can only create a node CSR with CN=system:node:n1$/ })
  // One that is no client's certificate waits for somebody to look at it, a day long.
  const other = await ask(cluster, user, {
    usages: ['digital signature'],
    request: await csr('CN=system:node:n1, O=system:nodes'),
  })
  assert.deepEqual([conditions(other), other.status.certificate], [[], undefined])
  await cluster.advance(24 * 3_600_000 + 1000)
  await assert.rejects(cluster.client.get(CertificateSigningRequest, at), (error) => hasReason(error, 'NotFound'))
})

test('an approved request that its signer does not take fails with the reason', async () => {
  await using cluster = await start()
  const made = await ask(
    cluster,
    { name: 'admin', groups: ['system:masters'] },
    {
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['server auth'],
      request: await csr('CN=someone'),
    },
  )
  const now = made.metadata.creationTimestamp
  const approved = {
    type: 'Approved',
    status: 'True' as const,
    reason: 'Me',
    message: '',
    lastUpdateTime: now,
    lastTransitionTime: now,
  }
  await cluster.client.update(CertificateSigningRequest, { ...made, status: { conditions: [approved] } } as never, {
    subresource: 'approval',
  })
  const after = await settled(cluster)
  assert.deepEqual(conditions(after).sort(), ['Approved Me', 'Failed SignerValidationFailure'])
  assert.equal(after.status.certificate, undefined)
})

test('planApproval() leaves alone what is decided, for another signer, or no node’s', async () => {
  const request = await csr('CN=system:node:n1, O=system:nodes')
  const of = async (spec: object, status: object = {}) =>
    (
      await planApproval({
        spec: { request, usages: client, signerName: kubeletSigner, username: 'x', ...spec },
        status,
      } as never)
    ).length
  assert.equal(await of({}), 1)
  assert.equal(await of({ username: 'system:node:n1' }), 2)
  assert.equal(await of({ signerName: 'kubernetes.io/kubelet-serving' }), 0)
  assert.equal(await of({ usages: ['client auth'] }), 0)
  assert.equal(await of({ request: await csr('CN=system:node:n1, O=people') }), 0)
  assert.equal(await of({}, { conditions: [{ type: 'Denied' }] }), 0)
  assert.equal(await of({ request: Buffer.from('nonsense').toString('base64') }), 0)
})

const facts = { commonName: 'system:node:n', organizations: ['system:nodes'], dnsNames: [], addresses: [], emails: [], uris: [] }
const serving = ['server auth', 'digital signature', 'key encipherment']
const table: readonly [string, object, readonly string[], boolean, boolean][] = [
  ['a client', {}, client, true, false],
  ['a client without encipherment', {}, client.slice(0, 2), true, false],
  ['a server with a name', { dnsNames: ['n'] }, serving, false, true],
  ['a server with an address', { addresses: ['10.0.0.1'] }, serving, false, true],
  ['a server without either', {}, serving, false, false],
  ['a client with a name', { dnsNames: ['n'] }, client, false, false],
  ['somebody else', { commonName: 'n' }, client, false, false],
  ['one of more organisations', { organizations: ['system:nodes', 'system:masters'] }, client, false, false],
]
for (const [name, over, usages, asClient, asServer] of table) {
  test(`kubelet requests: ${name}`, () => {
    const all = { ...facts, ...over }
    assert.equal(kubeletClientProblem(all, usages) === undefined, asClient)
    assert.equal(kubeletServingProblem(all, usages) === undefined, asServer)
  })
}

test('expiry() of requests by what became of them', () => {
  const hour = 3_600_000
  const created = new Date(0).toISOString()
  const of = (type: string | undefined, certificate?: string) => {
    const told = type ? [{ type, status: 'True', lastUpdateTime: new Date(hour).toISOString() }] : []
    return expiry({ metadata: { creationTimestamp: created }, status: { conditions: told, certificate } } as never) / hour
  }
  const pem = Buffer.from('x').toString('base64')
  assert.deepEqual(
    [of(undefined), of('Denied'), of('Failed'), of('Approved'), of('Approved', pem)],
    [24, 2, 2, Number.POSITIVE_INFINITY, 2],
  )
})
