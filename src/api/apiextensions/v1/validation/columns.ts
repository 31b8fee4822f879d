/** Printer columns of a custom resource. */
import type { FieldError, Path } from '#schema/field-error.ts'
import type { CustomResourceColumnDefinition } from '../custom-resource-definition-spec.ts'

const types = ['boolean', 'date', 'integer', 'number', 'string']
const formats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']

export function columnErrors({ name, type, format = '', jsonPath }: CustomResourceColumnDefinition, at: Path): FieldError[] {
  const oneOf = `must be one of ${types.join(',')}`
  const errors: FieldError[] = []
  if (name === '') errors.push(at.child('name').required())
  if (type === '') errors.push(at.child('type').required(oneOf))
  else if (!types.includes(type)) errors.push(at.child('type').invalid(type, oneOf))
  if (format !== '' && !formats.includes(format))
    errors.push(at.child('format').invalid(format, `must be one of ${formats.join(',')}`))
  if (jsonPath === '') errors.push(at.child('JSONPath').required())
  else errors.push(...simplePathErrors(jsonPath, at.child('JSONPath')))
  return errors
}

/** `.spec.replicas` and its like. */
export function simplePathErrors(path: string, at: Path): FieldError[] {
  if (path === '') return [at.invalid(path, 'must not be empty')]
  return path.startsWith('.') ? [] : [at.invalid(path, 'must be a simple json path starting with .')]
}
