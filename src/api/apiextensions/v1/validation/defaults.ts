/** Defaults are valid values themselves (apiextensions' `schema/defaulting/validation.go`). */
import { copyJson } from '#schema/copy.ts'
import { DecodeError, decode } from '#schema/decode.ts'
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import { ruleErrors } from '#schema/json-rules.ts'
import { itemsOf, type JsonSchema } from '#schema/json-schema.ts'
import { ObjectMeta } from '#schema/object-meta.ts'
import { structuralNode } from '#schema/structural.ts'
import { validateAnnotations, validateLabels } from '#schema/validate.ts'
import { embeddedErrors } from '#schema/validate-custom.ts'
import { canonical, jsonSchemaErrors } from '#schema/validate-json.ts'
import type { Schema } from '#schema/words.ts'

/** Those below additionalProperties are not looked at, as upstream. */
export function defaultErrors(schema: JsonSchema, at: Path, allowsUnpruned: boolean): FieldError[] {
  const budget = { remaining: 10_000_000 }
  const visit = (part: JsonSchema, here: Path, metadata: readonly string[] | undefined): FieldError[] => {
    const inside = part['x-kubernetes-embedded-resource'] ? undefined : metadata
    const items = itemsOf(part)
    const isResource = part === schema || part['x-kubernetes-embedded-resource'] === true
    return [
      ...(part.default === undefined
        ? []
        : oneDefault(part, here.child('default'), { metadata: inside, allowsUnpruned, budget })),
      ...(items ? visit(items, here.child('items'), inside) : []),
      ...Object.entries(part.properties ?? {}).flatMap(([name, child]) => {
        const isMeta = isResource && ['metadata', 'apiVersion', 'kind'].includes(name)
        return visit(child, here.child('properties').key(name), isMeta ? [name] : inside && [...inside, name])
      }),
    ]
  }
  return visit(schema, at, undefined)
}

interface DefaultPlace {
  /** Where in an object's type or metadata the default stands. */
  readonly metadata: readonly string[] | undefined
  readonly allowsUnpruned: boolean
  readonly budget: { remaining: number }
}

function oneDefault(schema: JsonSchema, at: Path, { metadata, allowsUnpruned, budget }: DefaultPlace): FieldError[] {
  const value = schema.default
  const problem = metadata && metadataProblem(metadata, value)
  if (problem !== undefined) return [at.invalid(value, `must result in valid metadata: ${problem}`)]
  const errors = metadata || allowsUnpruned || isPruned(schema, value) ? [] : [at.invalid(value, 'must not have unknown fields')]
  const embedded = metadata ? [] : embeddedErrors(schema, value, at)
  if (embedded.length > 0) return [...errors, ...embedded]
  const wrong = jsonSchemaErrors(schema, value, { at })
  if (wrong.length > 0) return [...errors, ...wrong]
  const isResource = schema['x-kubernetes-embedded-resource'] === true
  const changed = ruleErrors(schema, value, { at, former: { value }, budget, isResource })
  return [...errors, ...(changed.length > 0 ? changed : ruleErrors(schema, value, { at, budget, isResource }))]
}

function isPruned(schema: JsonSchema, value: unknown): boolean {
  return canonical(decode(structuralNode(schema) as Schema, copyJson(value))) === canonical(value)
}

function metadataProblem(path: readonly string[], value: unknown): string | undefined {
  const [first, ...rest] = path
  if (first !== 'metadata') return typeof value === 'string' ? undefined : 'must be a string'
  const metadata = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
  try {
    const { labels, annotations } = decode(ObjectMeta, metadata)
    const at = root.child('metadata')
    const errors = [...validateLabels(labels, at.child('labels')), ...validateAnnotations(annotations, at.child('annotations'))]
    return errors.length > 0 ? errors.map(formatFieldError).join(', ') : undefined
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
}
