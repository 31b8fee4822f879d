/** What there is to be called, as the server itself says: every path, method, parameter and schema of its OpenAPI documents. */
import type { FuzzClient } from './fuzz-client.ts'

export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly allOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
}

export interface Endpoint {
  readonly method: string
  /** With `{name}` and the like. */
  readonly template: string
  /** The template without its namespace, name and subresource: the key of the corpus. */
  readonly resource: string
  readonly isNamespaced: boolean
  readonly isSubresource: boolean
  /** Names of query parameters. */
  readonly parameters: readonly string[]
  readonly kind: { readonly apiVersion: string; readonly kind: string } | undefined
  /** Of what is written. */
  readonly schema: Schema | undefined
  readonly schemas: Schemas
}

export type Schemas = Readonly<Record<string, Schema>>

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const

export async function readEndpoints(client: FuzzClient): Promise<Endpoint[]> {
  const root = await client.json('/openapi/v3')
  const endpoints: Endpoint[] = []
  for (const path of Object.keys(root.paths).sort()) {
    // Of the corpus; nobody serves it.
    if (path === 'apis/x.y/v1') continue
    const document = await client.json(`/openapi/v3/${path}`)
    for (const [template, item] of Object.entries<any>(document.paths)) {
      const shared = item.parameters ?? []
      for (const method of methods) {
        if (item[method]) endpoints.push(endpointOf(method, template, { operation: item[method], shared, document }))
      }
    }
  }
  const plain = { resource: '', isNamespaced: false, isSubresource: false, parameters: [], kind: undefined, schema: undefined }
  for (const template of await otherPaths(client)) endpoints.push({ ...plain, method: 'GET', template, schemas: {} })
  return endpoints
}

/** Discovery, health, metrics, OpenAPI itself. */
async function otherPaths(client: FuzzClient): Promise<string[]> {
  const { paths } = await client.json('/')
  return [...paths, '/openapi/v3/api/v1', '/debug/api_priority_and_fairness/dump_queues', '/configz', '/statusz', '/flagz']
}

interface Operation {
  readonly operation: any
  readonly shared: readonly any[]
  readonly document: any
}

function endpointOf(method: string, template: string, { operation, shared, document }: Operation): Endpoint {
  const gvk = operation['x-kubernetes-group-version-kind']
  const taken = method === 'patch' ? operation.responses?.[200] : operation.requestBody
  const named = [...shared, ...(operation.parameters ?? [])].filter((parameter: any) => parameter.in === 'query')
  const parts = template.split('/').slice(1)
  const head = parts[0] === 'api' ? 2 : 3
  const isNamespaced = parts[head] === 'namespaces' && parts[head + 1] === '{namespace}' && parts.length > head + 2
  const rest = parts.slice(isNamespaced ? head + 2 : head)
  return {
    method: method.toUpperCase(),
    template,
    resource: [...parts.slice(0, head), rest[0]].join('/'),
    isNamespaced,
    isSubresource: rest.length > 2,
    parameters: named.map((parameter: any) => parameter.name),
    kind: gvk && { apiVersion: gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`, kind: gvk.kind },
    schema: (Object.values(taken?.content ?? {})[0] as any)?.schema,
    schemas: document.components?.schemas ?? {},
  }
}

export function resolve(schema: Schema | undefined, schemas: Schemas): Schema {
  let current = schema ?? {}
  for (let steps = 0; steps < 9; steps++) {
    const only = current.allOf?.length === 1 ? current.allOf[0] : undefined
    if (current.$ref) current = schemas[current.$ref.slice('#/components/schemas/'.length)] ?? {}
    else if (only && !current.properties) current = only
    else break
  }
  return current
}
