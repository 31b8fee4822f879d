/** ServiceAccount controller: every active namespace has a ServiceAccount `default`, which pods use that name none. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { hasReason } from '#schema/status-error.ts'
import { isNamespaceTerminating } from '../pod-control.ts'
import { defineController } from '../runtime/controller.ts'

const name = 'default'

export const serviceAccountController = defineController({
  name: 'serviceaccount-controller',
  account: 'service-account-controller',
  for: Namespace,
  reads: [ServiceAccount],
  writes: [ServiceAccount],
  watches: [
    {
      kind: ServiceAccount,
      when: ({ object, old }) => !object && old?.metadata.name === name,
      visits: ({ metadata }: ServiceAccount) => [{ name: metadata.namespace ?? '' }],
    },
  ],

  async reconcile(namespace, cluster) {
    if (namespace.status.phase !== 'Active' || namespace.metadata.deletionTimestamp) return
    const at = { name, namespace: namespace.metadata.name }
    if (cluster.get(ServiceAccount, at)) return
    try {
      await cluster.create(ServiceAccount, { metadata: at })
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists') && !isNamespaceTerminating(error)) throw error
    }
  },
})
