/** DenyServiceExternalIPs: services take on no external addresses (CVE-2020-8554). */
import type { AdmissionPlugin } from '../plugin.ts'
import { refuse } from '../refuse.ts'

export const denyServiceExternalIps: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  handles: ({ operation, kind, subresource }) =>
    kind.plural === 'services' && kind.group === '' && !subresource && (operation === 'CREATE' || operation === 'UPDATE'),
  validate(request) {
    const { object, old } = request
    const known: readonly string[] = old?.spec.externalIPs ?? []
    const given: readonly string[] = object.spec.externalIPs ?? []
    if (given.every((address) => known.includes(address))) return
    throw refuse(request, 'Use of external IPs is denied by admission control.')
  },
}
