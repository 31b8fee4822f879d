/**
 * What `kubectl explain` prints, from an OpenAPI v3 document: the fields of a resource, or of what a path leads to.
 * Source of the layout: kubectl `pkg/explain/v2/templates/plaintext.tmpl`.
 */
import type { GroupVersionKind, JsonObject } from './openapi-schema.ts'
import { indent, wrapWords } from './wrap-words.ts'

export interface ExplainOptions {
  readonly group: string
  readonly version: string
  /** The plural. */
  readonly resource: string
  /** Names of fields, from the object inwards. */
  readonly path: readonly string[]
  /** Names and types of all fields below, and no descriptions. */
  readonly isRecursive?: boolean
}

/** Throws an Error with kubectl's text where the resource or the field does not exist. */
export function explain(document: JsonObject, options: ExplainOptions): string {
  const { group, version, resource, path, isRecursive = false } = options
  const kind = kindOf(document, options)
  if (!kind) throw new Error(`GVR (${group}/${version}, Resource=${resource}) not found in OpenAPI schema`)
  const schema = schemasOf(document).find((one) => standsFor(one, kind))
  if (!schema) {
    const text = `map[group:${kind.group} kind:${kind.kind} version:${kind.version}]`
    throw new Error(`GVK ${text} not found in OpenAPI schema`)
  }
  const printed = new Explainer(document, isRecursive).at(schema, path, new Set())
  if (!printed) throw new Error(`field "${path.at(-1)}" does not exist`)
  const head = `${kind.group ? `GROUP:      ${kind.group}\n` : ''}KIND:       ${kind.kind}\nVERSION:    ${kind.version}\n\n`
  return `${head}${printed}\n`
}

function schemasOf(document: JsonObject): OpenApiSchema[] {
  const { schemas } = document.components as { schemas: Record<string, OpenApiSchema> }
  return Object.keys(schemas)
    .sort()
    .map((name) => schemas[name] as OpenApiSchema)
}

function standsFor(schema: OpenApiSchema, { group, kind, version }: GroupVersionKind): boolean {
  const kinds = schema['x-kubernetes-group-version-kind'] ?? []
  return kinds.some((one) => one.group === group && one.kind === kind && one.version === version)
}

/** The kind that the paths of a resource are about. */
function kindOf(document: JsonObject, { group, version, resource }: ExplainOptions): GroupVersionKind | undefined {
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`
  const bases = [`${root}/${resource}`, `${root}/namespaces/{namespace}/${resource}`]
  const paths = document.paths as Record<string, Record<string, JsonObject>>
  for (const path of bases.flatMap((base) => [base, `${base}/{name}`])) {
    for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
      const kind = paths[path]?.[method]?.['x-kubernetes-group-version-kind']
      if (kind) return kind as GroupVersionKind
    }
  }
  return undefined
}

/** What of a schema is looked at. */
interface OpenApiSchema {
  readonly $ref?: string
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, OpenApiSchema>>
  readonly required?: readonly string[]
  readonly items?: OpenApiSchema
  readonly additionalProperties?: OpenApiSchema | boolean
  readonly allOf?: readonly OpenApiSchema[]
  readonly enum?: readonly unknown[]
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[]
}

class Explainer {
  readonly #document: JsonObject
  readonly #isRecursive: boolean

  constructor(document: JsonObject, isRecursive: boolean) {
    this.#document = document
    this.#isRecursive = isRecursive
  }

  /** What is printed of the schema that the path leads to; '' where it leads nowhere. `seen` are the references on the way. */
  at(schema: OpenApiSchema, path: readonly string[], seen: ReadonlySet<string>): string {
    const resolved = this.#resolve(schema) ?? schema
    const [first, ...rest] = path
    if (first === undefined) return this.#page(resolved)
    if (schema.$ref && seen.has(schema.$ref)) return ''
    const onWay = new Set([...seen, schema.$ref ?? ''])
    const property = own(resolved.properties, first)
    if (property) {
      const title = rest.length > 0 ? '' : `FIELD: ${first} <${this.#typeOf(property)}>\n${longEnum(property)}\n\n`
      return title + this.at(property, rest, new Set())
    }
    if (resolved.items) return this.at(resolved.items, path, onWay)
    if (isSchema(resolved.additionalProperties)) return this.at(resolved.additionalProperties, path, onWay)
    for (const part of resolved.allOf ?? []) {
      const printed = this.at(part, path, onWay)
      if (printed) return printed
    }
    return ''
  }

  #page(schema: OpenApiSchema): string {
    const description = indent(4, wrapWords(this.#description(schema) || '<empty>', 76))
    const fields = this.#fields(schema, 1, new Set())
    return `DESCRIPTION:\n${description}\n${fields && `FIELDS:\n${fields}`}`
  }

  #resolve({ $ref }: OpenApiSchema): OpenApiSchema | undefined {
    if (!$ref?.startsWith('#/')) return undefined
    let found: unknown = this.#document
    for (const step of $ref.slice(2).split('/')) found = own(found as JsonObject, step)
    return found as OpenApiSchema | undefined
  }

  /** Of the schema and of everything that it is made of, one after the other. */
  #description(schema: OpenApiSchema): string {
    const resolved = this.#resolve(schema) ?? schema
    const { description, allOf = [], items, additionalProperties } = resolved
    const parts = [...allOf, ...(items ? [items] : []), ...(isSchema(additionalProperties) ? [additionalProperties] : [])]
    return `${description ? `${description}\n` : ''}${parts.map((part) => this.#description(part)).join('')}`
  }

  #fields(schema: OpenApiSchema, level: number, seen: ReadonlySet<string>): string {
    if (schema.$ref && seen.has(schema.$ref)) return ''
    const onWay = new Set([...seen, schema.$ref ?? ''])
    const resolved = this.#resolve(schema) ?? schema
    const { properties = {}, allOf = [], items, additionalProperties } = resolved
    let printed = ''
    for (const name of Object.keys(properties).sort()) {
      printed += this.#field(resolved, name, level)
      if (this.#isRecursive) printed += this.#fields(properties[name] as OpenApiSchema, level + 1, onWay)
    }
    const parts = [...allOf, ...(items ? [items] : []), ...(isSchema(additionalProperties) ? [additionalProperties] : [])]
    return printed + parts.map((part) => this.#fields(part, level, onWay)).join('')
  }

  #field({ properties, required = [] }: OpenApiSchema, name: string, level: number): string {
    const schema = properties?.[name] as OpenApiSchema
    const depth = level * 2
    const mark = required.includes(name) ? ' -required-' : ''
    const line = `${indent(depth, name)}\t<${this.#typeOf(schema)}>${mark}${shortEnum(schema, depth)}\n`
    if (this.#isRecursive) return line
    return `${line}${indent(depth + 2, wrapWords(schema.description || '<no description>', 78 - depth))}\n\n`
  }

  /** `string`, `[]Container`, `map[string]Quantity`: structs by their name, others by their type. */
  #typeOf({ items, additionalProperties, allOf, properties, $ref, type }: OpenApiSchema): string {
    if (items) return `[]${this.#typeOf(items)}`
    if (isSchema(additionalProperties)) return `map[string]${this.#typeOf(additionalProperties)}`
    if (allOf?.length === 1 && !properties) return this.#typeOf(allOf[0] as OpenApiSchema)
    if ($ref) {
      const target = this.#resolve({ $ref })
      if (target?.type && target.type !== 'object') return target.type
      return $ref.split('/').at(-1)?.split('.').at(-1) || 'Object'
    }
    return type && type !== 'object' ? type : 'Object'
  }
}

function isSchema(value: OpenApiSchema | boolean | undefined): value is OpenApiSchema {
  return typeof value === 'object'
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined
}

const enumText = (value: unknown) => (value === '' ? '""' : String(value))

function longEnum(schema: OpenApiSchema): string {
  return schema.enum ? `ENUM:${schema.enum.map((value) => `\n    ${enumText(value)}`).join('')}` : ''
}

const enumLimit = 4

function shortEnum(schema: OpenApiSchema, depth: number): string {
  if (!schema.enum) return ''
  const shown = schema.enum.slice(0, enumLimit).map(enumText).join(', ')
  return `\n${indent(depth, '')}enum: ${shown}${schema.enum.length > enumLimit ? ', ....' : ''}`
}
