import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import { VolumeAttributesClass } from '#api/storage/v1/volume-attributes-class.ts'
import type { Kind } from '#schema/kind.ts'
import { testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'
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

const at = (plural: string, version: string) => `/apis/resource.k8s.io/${version}/namespaces/default/${plural}` as const

test('a ResourceClaim of v1beta1 holds its request flat, and is the same one in v1', async () => {
  await using cluster = await testCluster({ kinds: previewKinds })
  const request = { name: 'r', deviceClassName: 'c', count: 2 }
  const other = { name: 'o', firstAvailable: [{ name: 's', deviceClassName: 'd' }] }
  const body = {
    ...{ apiVersion: 'resource.k8s.io/v1beta1', kind: 'ResourceClaim', metadata: { name: 'a' } },
    spec: { devices: { requests: [request, other] } },
  }
  const old = await send(cluster.server, `POST ${at('resourceclaims', 'v1beta1')}`, { body })
  assert.equal(old.status, 201, old.object.message)
  assert.deepEqual(old.warnings, ['resource.k8s.io/v1beta1 ResourceClaim is deprecated in v1.35+, unavailable in v1.38+'])
  assert.deepEqual(old.object.spec.devices.requests[0], { ...request, allocationMode: 'ExactCount' })
  assert.equal(old.object.spec.devices.requests[1].deviceClassName, '')
  const now = await send(cluster.server, `GET ${at('resourceclaims', 'v1')}/a`)
  assert.deepEqual(now.object.spec.devices.requests[0], {
    name: 'r',
    exactly: { deviceClassName: 'c', count: 2, allocationMode: 'ExactCount' },
  })
  assert.equal(now.object.spec.devices.requests[1].exactly, undefined)
  const refused = await send(cluster.server, `POST ${at('resourceclaims', 'v1beta1')}`, {
    body: { ...body, metadata: { name: 'b' }, spec: { devices: { requests: [{ name: 'r', deviceClassName: '' }] } } },
  })
  assert.equal(refused.status, 422)
})

test('a ResourceSlice of v1beta1 holds its devices in basic', async () => {
  await using cluster = await testCluster({ kinds: previewKinds })
  const pool = { name: 'p', generation: 1, resourceSliceCount: 1 }
  const devices = [{ name: 'd', basic: { attributes: { model: { string: 'x' } } } }]
  const body = { metadata: { name: 's' }, spec: { driver: 'd.example.com', nodeName: 'n', pool, devices } }
  const old = await send(cluster.server, 'POST /apis/resource.k8s.io/v1beta1/resourceslices', { body })
  assert.equal(old.status, 201, old.object.message)
  assert.deepEqual(old.object.spec.devices, devices)
  const now = await send(cluster.server, 'GET /apis/resource.k8s.io/v1/resourceslices/s')
  assert.deepEqual(now.object.spec.devices, [{ name: 'd', attributes: { model: { string: 'x' } } }])
  const patched = await send(cluster.server, 'PATCH /apis/resource.k8s.io/v1beta1/resourceslices/s', {
    ...{ body: { metadata: { labels: { a: 'b' } } }, contentType: 'application/merge-patch+json' },
  })
  assert.equal(patched.status, 200, patched.object.message)
  assert.deepEqual(patched.object.spec.devices, devices)
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
