/** The variables that expressions of policies and match conditions may name (upstream `admission/plugin/cel/compile.go`). */
import { Namespace } from '#api/core/v1/namespace.ts'
import { type CelDeclared, type CelEnvironment, type CelProgram, compileCel } from '#schema/cel/compile.ts'
import { celTypeOfSchema } from '#schema/cel/schema-type.ts'
import { Bool, type CelField, type CelType, Dyn, listOf, mapOf, Str } from '#schema/cel/type.ts'

export interface PolicyEnvironment {
  readonly hasParams: boolean
  readonly hasAuthorizer: boolean
  /** Types of `variables`, in order; absent where there are none, as for webhooks. */
  readonly variables?: ReadonlyMap<string, CelType> | undefined
  /** In place of "anything", when a policy's types are checked. */
  readonly object?: CelType | undefined
  readonly params?: CelType | undefined
}

function struct(name: string, fields: Readonly<Record<string, CelType>>): CelType {
  const entries = Object.entries(fields).map(([jsonName, type]): [string, CelField] => [
    jsonName,
    { type, jsonName, required: false },
  ])
  return { kind: 'object', name, params: [], fields: new Map(entries) }
}

const kindType = struct('kubernetes.GroupVersionKind', { group: Str, version: Str, kind: Str })
const resourceType = struct('kubernetes.GroupVersionResource', { group: Str, version: Str, resource: Str })
const userType = struct('kubernetes.UserInfo', { username: Str, uid: Str, groups: listOf(Str), extra: mapOf(Str, listOf(Str)) })

export const requestType = struct('kubernetes.AdmissionRequest', {
  kind: kindType,
  resource: resourceType,
  subResource: Str,
  requestKind: kindType,
  requestResource: resourceType,
  requestSubResource: Str,
  name: Str,
  namespace: Str,
  operation: Str,
  userInfo: userType,
  dryRun: Bool,
  options: Dyn,
})

const shown = [
  'name',
  'generateName',
  'namespace',
  'labels',
  'annotations',
  'uid',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'resourceVersion',
  'finalizers',
]

/** What of a namespace expressions may see: not who manages it, nor who owns it. */
function namespaceTypeOf(): CelType {
  const whole = celTypeOfSchema(Namespace.schema)
  const fields = [...(whole.fields ?? [])].filter(([name]) => ['metadata', 'spec', 'status'].includes(name))
  const made = new Map(fields)
  const metadata = made.get('metadata') as CelField
  const visible = [...(metadata.type.fields ?? [])].filter(([name]) => shown.includes(name))
  made.set('metadata', {
    ...metadata,
    type: { kind: 'object', name: 'kubernetes.NamespaceMetadata', params: [], fields: new Map(visible) },
  })
  return { kind: 'object', name: 'kubernetes.Namespace', params: [], fields: made }
}

let namespaceType: CelType | undefined

/** Throws CelCompileError. */
export function compilePolicyExpression(
  expression: string,
  environment: PolicyEnvironment,
  result: Pick<CelEnvironment, 'expects' | 'mutation'> = {},
): CelProgram {
  namespaceType ??= namespaceTypeOf()
  const { hasParams, hasAuthorizer, object = 'dyn', params = 'dyn', variables } = environment
  const declared: Record<string, CelDeclared> = {
    object,
    oldObject: object,
    request: requestType,
    namespaceObject: namespaceType,
    ...(hasParams && { params }),
    ...(hasAuthorizer && { authorizer: 'authorizer', 'authorizer.requestResource': 'resourceCheck' }),
    ...(variables && { variables: variablesType(variables) }),
  }
  return compileCel(expression, { variables: declared, ...result })
}

function variablesType(variables: ReadonlyMap<string, CelType>): CelType {
  return struct('kubernetes.variables', Object.fromEntries(variables))
}
