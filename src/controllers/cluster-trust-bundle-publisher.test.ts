import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterTrustBundle } from '#api/certificates/v1beta1/cluster-trust-bundle.ts'
import { issueAuthority } from '#cluster/pki-certificate.ts'
import { testCluster } from '#testing/cluster.ts'
import { clusterTrustBundlePublisher } from './cluster-trust-bundle-publisher.ts'

const signerName = 'kubernetes.io/kube-apiserver-serving'
const authority = async (name: string) => (await issueAuthority(name, { now: Date.UTC(2026, 0, 1), days: 3650 })).certificate

test('the trust bundle of the API server is published, kept, and rid of earlier authorities', async () => {
  const [ca, old] = [await authority('now'), await authority('before')]
  await using cluster = await testCluster({
    controllers: [clusterTrustBundlePublisher(ca)],
    kinds: [ClusterTrustBundle],
    policy: true,
  })
  const { client } = cluster
  await cluster.settle()
  const bundles = async () =>
    (await cluster.list(ClusterTrustBundle)).map(({ metadata, spec }) => [metadata.name, spec.trustBundle])
  const [[name = '', text] = [], ...others] = await bundles()
  assert.match(name, /^kubernetes\.io:kube-apiserver-serving:[0-9a-f]{24}$/)
  assert.deepEqual([text, others], [ca, []])
  await client.create(ClusterTrustBundle, {
    metadata: { name: 'kubernetes.io:kube-apiserver-serving:old' },
    spec: { signerName, trustBundle: old },
  })
  await client.create(ClusterTrustBundle, { metadata: { name: 'mine' }, spec: { trustBundle: old } })
  await cluster.settle()
  assert.deepEqual((await bundles()).map(([one]) => one).sort(), [name, 'mine'].sort())
  await client.delete(ClusterTrustBundle, { name })
  await cluster.settle()
  assert.deepEqual((await bundles()).map(([one]) => one).sort(), [name, 'mine'].sort())
  await client.patch(ClusterTrustBundle, { name }, { type: 'merge', body: { spec: { trustBundle: old } } })
  await cluster.settle()
  assert.equal((await client.get(ClusterTrustBundle, { name })).spec.trustBundle, ca)
  assert.deepEqual(cluster.errors, [])
})
