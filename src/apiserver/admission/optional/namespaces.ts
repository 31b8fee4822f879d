/** NamespaceAutoProvision and NamespaceExists: what becomes of requests in a namespace that is not there. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { hasReason } from '#schema/status-error.ts'
import type { AdmissionPlugin, Place } from '../plugin.ts'

function isWithin({ kind }: Place): boolean {
  return !(kind.plural === 'namespaces' && kind.group === '')
}

export const namespaceAutoProvision: AdmissionPlugin = {
  name: 'NamespaceAutoProvision',
  handles: (request) => request.operation === 'CREATE' && isWithin(request),
  async mutate({ namespace, dryRun, kind }, { lister, client }) {
    if (namespace === '' || dryRun || kind.plural === 'localsubjectaccessreviews' || lister.get(Namespace, namespace)) return
    try {
      await client.create(Namespace, { metadata: { name: namespace } })
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
    }
  },
}

export const namespaceExists: AdmissionPlugin = {
  name: 'NamespaceExists',
  handles: (request) => request.operation !== 'CONNECT' && isWithin(request),
  async validate({ namespace }, { lister, client }) {
    if (namespace !== '' && !lister.get(Namespace, namespace)) await client.get(Namespace, { name: namespace })
  },
}
