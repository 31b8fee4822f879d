/** The parameters that a binding brings (upstream `generic.CollectParams`); one evaluation for each. */
import type { ParamKind, ParamRef } from '#api/admissionregistration/v1/rule.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { labelSelectorMatcher } from '#schema/selector.ts'
import type { AdmissionContext, AdmissionRequest } from '../plugin.ts'

/** The policy or its binding cannot be used as it is; failurePolicy decides what becomes of the request. */
export class ConfigurationError extends Error {
  /** Whether the fault is the policy's, not the binding's. */
  readonly isPolicys: boolean
  constructor(message: string, isPolicys = false) {
    super(message)
    this.name = 'ConfigurationError'
    this.isPolicys = isPolicys
  }
}

const withoutParams = [undefined] as const

type Sources = Pick<AdmissionContext, 'lister' | 'kinds'>

/** `[undefined]` where the policy takes none; empty where there are none and that is no error. Throws ConfigurationError. */
export function collectParams(
  { paramKind, paramRef }: { paramKind?: ParamKind | undefined; paramRef?: ParamRef | undefined },
  request: AdmissionRequest,
  sources: Sources,
): readonly (KubeObject | undefined)[] {
  const kind = paramKind && kindOf(paramKind, sources)
  if (!kind || !paramRef) return withoutParams
  const found = findParams(kind, paramRef, { request, lister: sources.lister })
  if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny') {
    throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction')
  }
  return found
}

function kindOf({ apiVersion = '', kind = '' }: ParamKind, { kinds }: Sources): Kind {
  const found = kinds.byName(apiVersion, kind)
  if (found) return found
  throw new ConfigurationError(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`, true)
}

function findParams(
  kind: Kind,
  paramRef: ParamRef,
  { request, lister }: { request: AdmissionRequest; lister: AdmissionContext['lister'] },
): readonly KubeObject[] {
  if (!kind.namespaced && paramRef.namespace) {
    throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
  }
  const namespace = kind.namespaced ? paramRef.namespace || request.namespace : undefined
  if (kind.namespaced && !namespace) {
    throw new ConfigurationError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources')
  }
  if (paramRef.name) {
    const found = lister.get(kind, paramRef.name, namespace)
    return found ? [found] : []
  }
  if (!paramRef.selector) throw new ConfigurationError('one of name or selector must be provided')
  const matcher = labelSelectorMatcher(paramRef.selector)
  return lister.list(kind, namespace).filter(({ metadata }) => matcher.matches(metadata.labels))
}
