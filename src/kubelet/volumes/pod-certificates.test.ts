import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { requestedKey } from '#api/certificates/v1beta1/pod-certificate-key.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { PodCertificates } from './pod-certificates.ts'

const pod = { metadata: { name: 'web', namespace: 'ns', uid: 'u1' }, spec: { serviceAccountName: 'sa' } } as unknown as Pod

/** An API with one request, whose status a test sets. */
function bed() {
  const clock = new VirtualClock()
  const made: any[] = []
  const client = {
    get: async () => ({ metadata: { uid: 'uid' } }),
    create: async (_: unknown, object: any) => {
      const request = { ...object, metadata: { ...object.metadata, name: `req-${made.length}` }, status: {} }
      made.push(request)
      return request
    },
    list: async () => ({ items: made }),
  } as unknown as Client
  const certificates = new PodCertificates({ client, clock, random: seededRandom(1), nodeName: 'n1' })
  const issue = (request: any, text: string) => {
    const at = (hours: number) => new Date(clock.now() + hours * 3_600_000).toISOString()
    const times = { beginRefreshAt: at(1), notAfter: at(2) }
    request.status = { conditions: [{ type: 'Issued' }], certificateChain: text, ...times }
  }
  return { clock, made, certificates, issue }
}

for (const keyType of ['RSA3072', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519']) {
  test(`PodCertificates asks for a certificate of a key of ${keyType} in a request that verifies`, async () => {
    const { certificates, made, issue } = bed()
    const asked = () => certificates.credentials(pod, 'v/0', { signerName: 'a.b/c', keyType } as never)
    await assert.rejects(asked, { isQuiet: true })
    const [request] = made
    assert.deepEqual([request.spec.podUID, request.spec.nodeName, request.spec.serviceAccountUID], ['u1', 'n1', 'uid'])
    issue(request, 'chain')
    const { key, chain } = await asked()
    assert.equal(chain, 'chain')
    const own = createPublicKey(key).export({ format: 'der', type: 'spki' })
    assert.deepEqual(requestedKey(request.spec)?.export({ format: 'der', type: 'spki' }), own)
    assert.equal(made.length, 1)
  })
}

test('PodCertificates renews in time, and keeps to what it has until then', async () => {
  const { certificates, made, issue, clock } = bed()
  const asked = async () =>
    (await certificates.credentials(pod, 'v/0', { signerName: 'a.b/c', keyType: 'ED25519' } as never)).chain
  await asked().catch(() => {})
  issue(made[0], 'first')
  assert.equal(await asked(), 'first')
  const due = certificates.renewAt('u1') ?? 0
  assert(due > clock.now() + 3_500_000)
  await clock.advanceTo(due + 1)
  assert.equal(await asked(), 'first', 'the next is under way')
  assert.equal(made.length, 2)
  made[1].status = { conditions: [{ type: 'Denied', reason: 'No', message: 'not you' }] }
  assert.equal(await asked(), 'first')
  await clock.advanceTo(clock.now() + 3_600_000)
  await assert.rejects(asked, { isQuiet: true })
  made[2].status = { conditions: [{ type: 'Failed', reason: 'No', message: 'not you' }] }
  await assert.rejects(asked, /was failed: reason="No" message="not you"/)
})
