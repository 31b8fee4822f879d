/** The constraints that stand in schemas: required, enum, bounds, lengths, formats. Compiled once per schema. */
import type { FieldError, Path } from './field-error.ts'
import { formats } from './formats.ts'
import type { Constraints, Field, ListNode, Node, ObjectNode } from './words.ts'

/** What is wrong with a decoded value; `skip` names fields of its top level that are not looked at. */
export function constraintErrors(schema: Node, value: unknown, at: Path, skip?: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = []
  if (!skip || schema.type !== 'object') checkOf(schema)?.(value, at, errors)
  else {
    for (const [name, field] of Object.entries(schema.fields)) {
      if (!skip.has(name)) fieldCheck(field)?.((value as Record<string, unknown>)[name], at.child(name), errors)
    }
  }
  return errors
}

/** Adds what is wrong with a value that is there. */
type Check = (value: unknown, at: Path, errors: FieldError[]) => void

const checks = new WeakMap<Node, Check | null>()
const fieldChecks = new WeakMap<Field, Check | null>()

/** undefined where nothing below the schema is constrained. */
function checkOf(node: Node): Check | undefined {
  const known = checks.get(node)
  if (known !== undefined) return known ?? undefined
  // A schema that contains itself finds this entry, which looks up the finished one when it is called.
  checks.set(node, (value, at, errors) => checks.get(node)?.(value, at, errors))
  const check = compile(node)
  checks.set(node, check ?? null)
  return check
}

function compile(node: Node): Check | undefined {
  switch (node.type) {
    case 'object':
      return objectCheck(node)
    case 'list':
      return listCheck(node)
    case 'map': {
      const check = checkOf(node.values)
      return (
        check &&
        ((value, at, errors) => {
          for (const [key, item] of Object.entries(value as object)) check(item, at.key(key), errors)
        })
      )
    }
    case 'string':
      return stringCheck(node)
    case 'int32':
    case 'int64':
    case 'double':
      return numberCheck(node)
    default:
      return undefined
  }
}

function objectCheck(node: ObjectNode): Check | undefined {
  const fields = Object.entries(node.fields).flatMap(([name, field]) => {
    const check = fieldCheck(field)
    return check ? [{ name, check }] : []
  })
  if (fields.length === 0) return undefined
  return (value, at, errors) => {
    const object = value as Record<string, unknown>
    for (const { name, check } of fields) check(object[name], at.child(name), errors)
  }
}

/** Unlike the others this check is asked about absent values too. */
function fieldCheck(field: Field): Check | undefined {
  const known = fieldChecks.get(field)
  if (known !== undefined) return known ?? undefined
  const check = compileField(field)
  fieldChecks.set(field, check ?? null)
  return check
}

function compileField({ schema, presence }: Field): Check | undefined {
  const check = checkOf(schema)
  if (presence === 'required') {
    return (value, at, errors) => {
      if (isEmpty(value)) errors.push(at.required())
      else check?.(value, at, errors)
    }
  }
  return (
    check &&
    ((value, at, errors) => {
      if (value !== undefined && value !== null) check(value, at, errors)
    })
  )
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (typeof value !== 'object') return false
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0
}

function listCheck(node: ListNode): Check | undefined {
  const { minItems, maxItems } = node
  const check = checkOf(node.items)
  if (!check && minItems === undefined && maxItems === undefined) return undefined
  return (value, at, errors) => {
    const items = value as unknown[]
    if (minItems !== undefined && items.length < minItems) errors.push(at.tooFew(items.length, minItems))
    if (maxItems !== undefined && items.length > maxItems) errors.push(at.tooMany(items.length, maxItems))
    if (check) for (const [i, item] of items.entries()) check(item, at.index(i), errors)
  }
}

function stringCheck({ enum: values, maxLength, format }: Constraints): Check | undefined {
  if (!values && maxLength === undefined && !format) return undefined
  const allowed = values && new Set(values)
  const supported = [...(values ?? [])].filter((value) => value !== '').sort()
  return (value, at, errors) => {
    const text = value as string
    if (allowed && !allowed.has(text)) errors.push(at.notSupported(text, supported))
    if (maxLength !== undefined && Buffer.byteLength(text) > maxLength) errors.push(at.tooLong(maxLength))
    if (format && text !== '') for (const problem of formats[format]?.(text) ?? []) errors.push(at.invalid(text, problem))
  }
}

function numberCheck({ min, max }: Constraints): Check | undefined {
  if (min === undefined && max === undefined) return undefined
  return (value, at, errors) => {
    const number = value as number | bigint
    if (min !== undefined && number < min) errors.push(at.invalid(number, `must be greater than or equal to ${min}`))
    if (max !== undefined && number > max) errors.push(at.invalid(number, `must be less than or equal to ${max}`))
  }
}
