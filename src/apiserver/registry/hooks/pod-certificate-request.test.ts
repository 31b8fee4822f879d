import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import type { Attributes } from '../../authz/authorizer.ts'
import type { WriteContext } from '../write-context.ts'
import { podCertificateRequestHook } from './pod-certificate-request.ts'

const request = (certificateChain?: string) =>
  ({
    spec: { signerName: 'example.com/pods' },
    status: { ...(certificateChain && { certificateChain }) },
  }) as PodCertificateRequest

/** What the authorizer is asked before the write is taken; it allows signers of these names. */
async function ask(now: PodCertificateRequest, old: PodCertificateRequest, allowed: readonly string[]) {
  const asked: string[] = []
  const authorize = async ({ verb, group, resource, name }: Attributes) => {
    asked.push(`${verb} ${resource}.${group} ${name}`)
    return { verdict: allowed.includes(name) ? 'allow' : 'no opinion' }
  }
  const context = {
    kind: PodCertificateRequest,
    name: 'r',
    user: { name: 'u', groups: [] },
    registry: { authorizer: { authorize } },
  }
  await podCertificateRequestHook.beforeWrite?.(now, old, context as unknown as WriteContext)
  return asked
}

test('podCertificateRequestHook lets those alone issue who may sign', async () => {
  const exact = 'sign signers.certificates.k8s.io example.com/pods'
  const all = 'sign signers.certificates.k8s.io example.com/*'
  assert.deepEqual(await ask(request('chain'), request(), ['example.com/pods']), [exact])
  assert.deepEqual(await ask(request('chain'), request(), ['example.com/*']), [exact, all])
  assert.deepEqual(await ask(request('chain'), request('chain'), []), [])
  const why = 'spec.signerName: Forbidden: User "u" is not permitted to "sign" for signer "example.com/pods"'
  for (const [now, old] of [
    [request('chain'), request()],
    [request(), request('chain')],
    [request('other'), request('chain')],
  ] as const) {
    await assert.rejects(ask(now, old, ['other.com/*']), {
      message: `PodCertificateRequest.certificates.k8s.io "r" is invalid: ${why}`,
    })
  }
})
