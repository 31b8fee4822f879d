/**
 * OpenAPI documents: version 3 for one group-version each (KEP-2896), version 2 (Swagger) for all. Field names, paths, ids and
 * extensions are those that upstream publishes; descriptions are our own.
 */
import type { Kind } from './kind.ts'
import { type Operation, type OperationSchemas, type PathItem, pathsOf, tagOf } from './openapi-operations.ts'
import type { Parameter } from './openapi-parameters.ts'
import { type Definitions, type Dialect, definitions, type GroupVersionKind, type JsonObject } from './openapi-schema.ts'
import type { ObjectNode } from './words.ts'

export type { OperationSchemas } from './openapi-operations.ts'
export type { JsonObject } from './openapi-schema.ts'

export interface OpenApiOptions {
  readonly schemas: OperationSchemas
  /** Everything that is served, for those structs that belong to every group. */
  readonly groupVersions: readonly { readonly group: string; readonly version: string }[]
  /** `v1.36.0`. */
  readonly release: string
}

/** The document of one group-version; all kinds are of that one. */
export function openapiV3(kinds: readonly Kind[], options: OpenApiOptions): JsonObject {
  const { group, version } = kinds[0] as Kind
  const found = definitions(3, kindsByName(kinds, options))
  const items = pathsOf(group, version, { kinds, schemas: options.schemas })
  const paths = items.map((item) => [
    item.path,
    pathItem(item, { dialect: 3, found, tag: tagOf(group, version), custom: customOf(kinds) }),
  ])
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: options.release },
    paths: Object.fromEntries(paths),
    components: { schemas: found.all(), securitySchemes: { BearerToken: bearerToken } },
  }
}

export function openapiV2(kinds: readonly Kind[], options: OpenApiOptions): JsonObject {
  const found = definitions(2, kindsByName(kinds, options))
  const paths: [string, JsonObject][] = []
  for (const members of Map.groupBy(kinds, ({ apiVersion }) => apiVersion).values()) {
    const { group, version } = members[0] as Kind
    const context = { dialect: 2, found, tag: tagOf(group, version), custom: customOf(members) } as const
    const items = pathsOf(group, version, { kinds: members, schemas: options.schemas })
    for (const item of items) paths.push([item.path, pathItem(item, context)])
  }
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: options.release },
    paths: Object.fromEntries(paths.sort(([a], [b]) => (a < b ? -1 : 1))),
    definitions: found.all(),
    securityDefinitions: { BearerToken: bearerToken },
    security: [{ BearerToken: [] }],
  }
}

const bearerToken = { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' }

/** Which kinds the definitions stand for. Options and events of watches belong to every group. */
function kindsByName(kinds: readonly Kind[], { schemas, groupVersions }: OpenApiOptions) {
  const names = new Map<string, GroupVersionKind[]>()
  for (const { group, kind, version, def } of kinds) {
    names.set(def.schemaName, [{ group, kind, version }])
    names.set(`${def.schemaName}List`, [{ group, kind: `${kind}List`, version }])
  }
  const everywhere = (kind: string) => groupVersions.map(({ group, version }) => ({ group, kind, version }))
  names.set(schemas.deleteOptions.name, everywhere('DeleteOptions'))
  names.set(schemas.watchEvent.name, everywhere('WatchEvent'))
  names.set(schemas.status.name, [{ group: '', kind: 'Status', version: 'v1' }])
  names.set(schemas.resourceList.name, [{ group: '', kind: 'APIResourceList', version: 'v1' }])
  return (name: string) => names.get(name) ?? foreignKind(name)
}

/** Bodies of subresources that live in another group. */
function foreignKind(name: string): readonly GroupVersionKind[] {
  return foreign.filter(({ name: other }) => other === name).map(({ group, kind, version }) => ({ group, kind, version }))
}

const foreign = [
  { name: 'io.k8s.api.autoscaling.v1.Scale', group: 'autoscaling', kind: 'Scale', version: 'v1' },
  { name: 'io.k8s.api.policy.v1.Eviction', group: 'policy', kind: 'Eviction', version: 'v1' },
  { name: 'io.k8s.api.authentication.v1.TokenRequest', group: 'authentication.k8s.io', kind: 'TokenRequest', version: 'v1' },
  { name: 'io.k8s.api.core.v1.Binding', group: '', kind: 'Binding', version: 'v1' },
]

interface Context {
  readonly dialect: Dialect
  readonly found: Definitions
  readonly tag: string
  /** Kinds that are custom resources, which know neither protobuf nor strategic merging. */
  readonly custom: ReadonlySet<string>
}

function customOf(kinds: readonly Kind[]): ReadonlySet<string> {
  return new Set(kinds.filter(({ def }) => def.custom).map(({ kind }) => kind))
}

function pathItem({ parameters, operations }: PathItem, context: Context): JsonObject {
  const entries = operations.map((operation) => [operation.method, operationObject(operation, context)])
  return {
    ...Object.fromEntries(entries),
    ...(parameters.length > 0 && { parameters: parameters.map((one) => parameterObject(one, context.dialect)) }),
  }
}

function operationObject(operation: Operation, context: Context): JsonObject {
  const { id, doc, action, kind, codes } = operation
  const responses = codes.map((code) => [String(code), response(code, operation, context)])
  return {
    description: doc,
    operationId: id,
    ...(context.dialect === 2 ? requestV2(operation, context) : requestV3(operation, context)),
    responses: { ...Object.fromEntries(responses), 401: { description: 'Unauthorized' } },
    tags: [context.tag],
    ...(action && { 'x-kubernetes-action': action }),
    ...(kind && { 'x-kubernetes-group-version-kind': kind }),
  }
}

function parameterObject({ name, in: place, type, doc }: Parameter, dialect: Dialect): JsonObject {
  const shape = { type, uniqueItems: true }
  return {
    name,
    in: place,
    description: doc,
    ...(place === 'path' && { required: true }),
    ...(dialect === 2 ? shape : { schema: shape }),
  }
}

const media = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'] as const
const streamed = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'] as const
const patches = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const

/** Leaves out what custom resources do not know. */
function spoken(types: readonly string[], { kind }: Operation, { custom }: Context): readonly string[] {
  if (!kind || !custom.has(kind.kind)) return types
  return types.filter((type) => !type.includes('protobuf') && !type.includes('strategic'))
}

function requestV3(operation: Operation, context: Context): JsonObject {
  const { parameters, body, isPatch, method } = operation
  const { found } = context
  const types = isPatch ? spoken(patches, operation, context) : (['*/*'] as const)
  const content = body && contentOf(types, found.refTo(body))
  return {
    ...(parameters.length > 0 && { parameters: parameters.map((one) => parameterObject(one, 3)) }),
    ...(content && { requestBody: { content, ...(method !== 'delete' && { required: true }) } }),
  }
}

function contentOf(types: readonly string[], schema: JsonObject): JsonObject {
  return Object.fromEntries(types.map((type) => [type, { schema }]))
}

function requestV2(operation: Operation, context: Context): JsonObject {
  const { parameters, body, isPatch, method } = operation
  const { found } = context
  const list = parameters.map((one) => parameterObject(one, 2))
  if (body) list.push({ name: 'body', in: 'body', ...(method !== 'delete' && { required: true }), schema: found.refTo(body) })
  return {
    consumes: isPatch ? spoken(patches, operation, context) : ['*/*'],
    produces: spoken(typesOf(operation), operation, context),
    schemes: ['https'],
    ...(list.length > 0 && { parameters: list }),
  }
}

function typesOf({ answer, action, isWatchable }: Operation): readonly string[] {
  if (action === 'connect') return ['*/*']
  if (answer === 'text') return ['text/plain', ...media]
  return isWatchable ? [...media, ...streamed] : media
}

const codeWords: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }

function response(code: number, operation: Operation, context: Context): JsonObject {
  const { dialect, found } = context
  const { answer } = operation
  const schema = isObject(answer) ? found.refTo(answer) : { type: 'string' }
  const description = codeWords[code]
  return dialect === 2
    ? { description, schema }
    : { description, content: contentOf(spoken(typesOf(operation), operation, context), schema) }
}

function isObject(answer: ObjectNode | 'text'): answer is ObjectNode {
  return answer !== 'text'
}
