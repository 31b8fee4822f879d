/** `-o`: from an output format to what prints objects in it. */
import { readFileSync } from 'node:fs'
import { toYaml } from '#schema/yaml.ts'
import { KubectlError } from '../errors.ts'
import type { Json } from '../session.ts'
import { columnsFromSpec, columnsFromTemplate, printCustomColumns } from './custom-columns.ts'
import { goJson } from './go-json.ts'
import { goSyntax } from './go-value.ts'
import { JsonPath } from './jsonpath.ts'

/** Answers the text of one object; a list is an object with items. */
export type Printer = (object: Json) => string

export interface PrinterOptions {
  readonly template?: string
  readonly noHeaders?: boolean
  readonly showManagedFields?: boolean
  /** Keys as they stand, not sorted: objects that kubectl holds as Go structs. */
  readonly struct?: boolean
}

const basic = [
  'go-template',
  'go-template-file',
  'json',
  'jsonpath',
  'jsonpath-as-json',
  'jsonpath-file',
  'kyaml',
  'name',
  'template',
  'templatefile',
  'yaml',
]

/** The formats that an error lists, for commands that print what they changed. */
export const resultFormats: readonly string[] = basic
export const getFormats: readonly string[] = ['custom-columns', 'custom-columns-file', ...basic, 'wide'].sort()

/** Undefined for formats that this function does not know: '' and `wide` are the caller's. */
export function printerFor(format: string, allowed: readonly string[], options: PrinterOptions = {}): Printer {
  const printer = rawPrinter(format, options)
  if (!printer || !allowed.includes(format.split('=')[0] as string)) {
    throw new KubectlError(
      `unable to match a printer suitable for the output format "${format}", allowed formats are: ${allowed.join(',')}`,
    )
  }
  // Templates see everything, as in kubectl.
  const hides = !options.showManagedFields && (format === 'json' || format === 'yaml')
  return hides ? (object) => printer(withoutManagedFields(object)) : printer
}

function rawPrinter(format: string, options: PrinterOptions): Printer | undefined {
  const equals = format.indexOf('=')
  const name = equals < 0 ? format : format.slice(0, equals)
  const argument = equals < 0 ? (options.template ?? '') : format.slice(equals + 1)
  switch (name) {
    case 'json':
      return (object) => `${goJson(object, { sorted: !options.struct })}\n`
    case 'yaml':
      return yamlPrinter()
    case 'name':
      return namesOf
    case 'jsonpath':
    case 'jsonpath-as-json':
      if (argument === '') throw new KubectlError('template format specified but no template given')
      return jsonPathPrinter(argument, name === 'jsonpath-as-json')
    case 'jsonpath-file':
      return jsonPathPrinter(readTemplate(argument), false)
    case 'custom-columns':
      return columnsPrinter(columnsFromSpec(argument), options.noHeaders ?? false)
    case 'custom-columns-file':
      return columnsPrinter(columnsFromTemplate(readTemplate(argument)), options.noHeaders ?? false)
    case 'go-template':
    case 'go-template-file':
    case 'template':
    case 'templatefile':
      throw new KubectlError(`output format "${name}" is not supported; use -o jsonpath= or -o custom-columns=`)
    default:
      return undefined
  }
}

/** Several documents are parted by `---`. */
function yamlPrinter(): Printer {
  let count = 0
  return (object) => `${count++ > 0 ? '---\n' : ''}${toYaml(object)}`
}

function columnsPrinter(columns: ReturnType<typeof columnsFromSpec>, noHeaders: boolean): Printer {
  let count = 0
  return (object) => printCustomColumns(columns, itemsOf(object), noHeaders || count++ > 0)
}

function jsonPathPrinter(template: string, asJson: boolean): Printer {
  let path: JsonPath
  try {
    path = new JsonPath(template)
  } catch (error) {
    throw new KubectlError(`error parsing jsonpath ${template}, ${(error as Error).message}`)
  }
  return (object) => {
    try {
      return path.print(object, { asJson })
    } catch (error) {
      const lines = [
        `error executing jsonpath ${JSON.stringify(template)}: Error executing template: ${(error as Error).message}. Printing more information for debugging the template:`,
        '\ttemplate was:',
        `\t\t${template}`,
        '\tobject given to jsonpath engine was:',
        `\t\t${goSyntax(object)}`,
        '\n\n',
      ]
      throw new KubectlError(lines.join('\n'))
    }
  }
}

export function itemsOf(object: Json): Json[] {
  return Array.isArray(object.items) ? object.items : [object]
}

function namesOf(object: Json): string {
  return itemsOf(object)
    .map((one) => `${nameOf(one)}\n`)
    .join('')
}

/** `pod/web`, `deployment.apps/web`. */
export function nameOf({ apiVersion = '', kind = '', metadata }: Json): string {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
  return `${kind.toLowerCase()}${group ? `.${group}` : ''}/${metadata?.name ?? ''}`
}

function withoutManagedFields(object: Json): Json {
  if (Array.isArray(object.items)) return { ...object, items: object.items.map(withoutManagedFields) }
  if (!object.metadata?.managedFields) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

function readTemplate(path: string): string {
  if (path === '') throw new KubectlError('template format specified but no template given')
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new KubectlError(`error reading --template ${path}, open ${path}: no such file or directory\n`)
  }
}
