import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'
import { organizationsOf } from './certificate-subject-restriction.ts'

/** `openssl req -new -subj` of `/O=system:masters/CN=a` and of `/O=devs/CN=a`, on prime256v1. */
const masters = `-----BEGIN CERTIFICATE REQUEST-----
MIHfMIGHAgEAMCUxFzAVBgNVBAoMDnN5c3RlbTptYXN0ZXJzMQowCAYDVQQDDAFh
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESZsBZPOsFmQ1A65Gb4vyGNqFvumt
MBRmrKVxPzbiJUjLQIHd01SYsXw3jxCKPzgt9JKDlOSO/A5t6oKEWkyiy6AAMAoG
CCqGSM49BAMCA0cAMEQCIHyZH4SexNDvI5MT+flhR4+Z2bdC3ng/35S6tkdpxgd/
AiBlKVRXNuyH/p9095LkV9ibH8eFA62+RR1eVz35W0EC1A==
-----END CERTIFICATE REQUEST-----
`
const devs = `-----BEGIN CERTIFICATE REQUEST-----
MIHVMH0CAQAwGzENMAsGA1UECgwEZGV2czEKMAgGA1UEAwwBYTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABEmbAWTzrBZkNQOuRm+L8hjahb7prTAUZqylcT824iVI
y0CB3dNUmLF8N48Qij84LfSSg5TkjvwObeqChFpMosugADAKBggqhkjOPQQDAgNI
ADBFAiBeDeaysPrJVRqzubOThsZDWqDuKEjFr88kPoU6Zo2SHAIhAIIDbUeNRFni
fJXqDIWyKjGA7H+3+nX3hSbpRLrplavT
-----END CERTIFICATE REQUEST-----
`

function signing(name: string, pem: string, signerName: string) {
  const request = Buffer.from(pem).toString('base64')
  return { metadata: { name }, spec: { request, signerName, usages: ['client auth' as const] } }
}

test('organizationsOf() reads the groups of a request', () => {
  assert.deepEqual(organizationsOf(masters), ['system:masters'])
  assert.deepEqual(organizationsOf(devs), ['devs'])
})

test('CertificateSubjectRestriction keeps the almighty group for those who have it', async () => {
  await using cluster = await testCluster()
  const client = 'kubernetes.io/kube-apiserver-client'
  await assert.rejects(cluster.client.create(CertificateSigningRequest, signing('a', masters, client)), {
    message:
      'certificatesigningrequests.certificates.k8s.io "a" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  })
  await cluster.client.create(CertificateSigningRequest, signing('a', devs, client))
  await cluster.client.create(CertificateSigningRequest, signing('b', masters, 'example.com/own'))
})

test('Approving and signing take a right on the signer', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  await client.create(CertificateSigningRequest, signing('a', devs, 'example.com/own'))
  const requests = {
    apiGroups: ['certificates.k8s.io'],
    resources: ['certificatesigningrequests/status', 'certificatesigningrequests'],
  }
  const may = (name: string, rules: object[]) => {
    const bound = [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }]
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
    return Promise.all([
      client.create(ClusterRole, { metadata: { name }, rules: [{ ...requests, verbs: ['*'] }, ...rules] } as never),
      client.create(ClusterRoleBinding, { metadata: { name }, roleRef, subjects: bound } as never),
    ])
  }
  const signers = { apiGroups: ['certificates.k8s.io'], resources: ['signers'] }
  await may('nobody', [])
  await may('signer', [{ ...signers, verbs: ['sign'], resourceNames: ['example.com/*'] }])
  const sign = async (name: string) => {
    const current = edit(await client.get(CertificateSigningRequest, { name: 'a' }))
    current.status = { conditions: [{ type: 'Failed', status: 'True', reason: 'r' }] } as never
    return cluster.clientAs({ name }).update(CertificateSigningRequest, current, { subresource: 'status' })
  }
  await assert.rejects(sign('nobody'), {
    message:
      'certificatesigningrequests.certificates.k8s.io "a" is forbidden: user not permitted to sign requests with signerName "example.com/own"',
  })
  await sign('signer')
})
