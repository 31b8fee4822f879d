import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import { VolumeAttributesClass } from '#api/storage/v1/volume-attributes-class.ts'
import type { Kind } from '#schema/kind.ts'
import { testCluster } from '#testing/cluster.ts'
import { certificateSigningRequestHook } from './hooks/certificate-signing-request.ts'

test('an object that is made in a beta version is there in the stable one', async () => {
  await using cluster = await testCluster({ kinds: previewKinds })
  const beta = previewKinds.find(({ apiVersion }) => apiVersion === 'storage.k8s.io/v1beta1') as Kind
  const body = { metadata: { name: 'fast' }, driverName: 'd.example.com', parameters: { iops: '9' } }
  const made = await cluster.client.create(beta, body)
  assert.equal(made.apiVersion, 'storage.k8s.io/v1beta1')
  const [stable] = await cluster.list(VolumeAttributesClass)
  assert.equal(stable?.apiVersion, 'storage.k8s.io/v1')
  assert.deepEqual(stable?.parameters, { iops: '9' })
})

const pem = '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'

test('a CertificateSigningRequest says who made it, whatever the client says', async () => {
  await using cluster = await testCluster({ hooks: [certificateSigningRequestHook] })
  const made = await cluster.client.create(CertificateSigningRequest, {
    metadata: { name: 'a' },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'example.com/signer',
      usages: ['client auth'],
      username: 'somebody-else',
    },
  })
  assert.equal(made.spec.username, 'kubernetes-admin')
  assert.deepEqual(made.spec.groups, ['system:masters', 'system:authenticated'])
})
