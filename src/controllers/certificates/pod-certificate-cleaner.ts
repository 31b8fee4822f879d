/** PodCertificateRequest cleaner: a quarter of an hour after its creation nobody needs a request any more (upstream `certificates/cleaner/pcrcleaner.go`). */
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { defineController } from '../runtime/controller.ts'

const lifetime = 15 * 60_000

export const podCertificateRequestCleaner = defineController({
  name: 'podcertificaterequest-cleaner-controller',
  account: 'podcertificaterequestcleaner',
  for: PodCertificateRequest,
  writes: [PodCertificateRequest],

  async reconcile(request, cluster) {
    const left = Date.parse(request.metadata.creationTimestamp) + lifetime - cluster.clock.now()
    if (left > 0) return { after: left / 1000 }
    await cluster.delete(PodCertificateRequest, request)
    return undefined
  },
})
