import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '#client/client.ts'
import { notFound } from '#schema/status-error.ts'
import { joined, trustBundles } from './trust-bundles.ts'

const certificate = (base64: string) => `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`

test("joined() has each certificate once, without what stood around it, and in an order of the node's own", () => {
  const text = joined([`# one\n${certificate('QUFB')}`, certificate('QkJC') + certificate('QUFB')], 'n1')
  assert.deepEqual(new Set(text.split(/(?<=END CERTIFICATE-----\n)/)), new Set([certificate('QUFB'), certificate('QkJC')]))
  assert.equal(joined([certificate('QkJC'), certificate('QUFB')], 'n1'), text)
  assert.equal(joined([], 'n1'), '')
})

const bundle = { spec: { trustBundle: certificate('QUFB') } }
const client = (found: object[]) =>
  ({
    get: async () => {
      if (found[0]) return found[0]
      throw notFound({ group: 'certificates.k8s.io', plural: 'clustertrustbundles' }, 'x')
    },
    list: async () => ({ items: found }),
  }) as unknown as Client

for (const [it, found, projection, want] of [
  ['one of that name', [bundle], { name: 'x' }, certificate('QUFB')],
  ['all of a signer', [bundle, bundle], { signerName: 's', labelSelector: {} }, certificate('QUFB')],
  ['none, where none is fine', [], { name: 'x', optional: true }, ''],
  ['none of that name', [], { name: 'x' }, /while getting ClusterTrustBundle: .*not found/],
  ['none of that signer', [], { signerName: 's', labelSelector: {} }, /matched zero ClusterTrustBundles/],
  ['no selector', [bundle], { signerName: 's' }, /matched zero ClusterTrustBundles/],
] as const) {
  test(`trustBundles() answers for ${it}`, async () => {
    const asked = trustBundles({ client: client([...found]), nodeName: 'n1' }).anchors({ path: 'p', ...projection } as never)
    if (typeof want === 'string') assert.equal(await asked, want)
    else await assert.rejects(asked, want)
  })
}
