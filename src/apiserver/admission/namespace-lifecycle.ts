/** NamespaceLifecycle: nothing is made in a namespace that is missing or on its way out, and three namespaces never go. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { type Soon, then } from '#lib/soon.ts'
import { forbidden, StatusError } from '#schema/status-error.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

const immortal = new Set(['default', 'kube-system', 'kube-public'])

export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  handles: ({ operation }) => operation !== 'CONNECT',
  mutate(request, context) {
    const { operation, kind, namespace, name } = request
    if (isNamespace(request)) {
      if (operation === 'DELETE' && immortal.has(name)) throw forbidden(kind, name, 'this namespace may not be deleted')
      return
    }
    if (!namespace || operation === 'DELETE' || isAccessReview(request)) return
    return then(findNamespace(request, context), ({ status }) => {
      if (operation === 'CREATE' && status?.phase === 'Terminating') throw terminating(request)
    })
  },
}

function isNamespace({ kind }: AdmissionRequest): boolean {
  return kind.kind === Namespace.kind && kind.group === ''
}

/** To answer these with "not found" would tell which namespaces exist. */
function isAccessReview({ kind }: AdmissionRequest): boolean {
  return kind.group === 'authorization.k8s.io' && kind.plural === 'localsubjectaccessreviews'
}

/** The cache may be a moment behind: a namespace that it lacks, or that is about to go, is looked up past it. Throws NotFound. */
function findNamespace({ namespace, operation }: AdmissionRequest, { lister, client }: AdmissionContext): Soon<Namespace> {
  const cached = lister.get(Namespace, namespace)
  if (cached && (operation !== 'CREATE' || !cached.metadata.deletionTimestamp)) return cached
  return readNamespace(namespace, client)
}

async function readNamespace(namespace: string, client: AdmissionContext['client']): Promise<Namespace> {
  try {
    return await client.get(Namespace, { name: namespace })
  } catch (error) {
    if (error instanceof StatusError && error.reason === 'NotFound') throw error
    throw new StatusError('InternalError', `Internal error occurred: ${(error as Error).message}`, { cause: error })
  }
}

function terminating(request: AdmissionRequest): StatusError {
  const { namespace } = request
  const error = refuse(request, `unable to create new content in namespace ${namespace} because it is being terminated`)
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  }
  return new StatusError('Forbidden', error.message, { details: { ...error.details, causes: [cause] } })
}
