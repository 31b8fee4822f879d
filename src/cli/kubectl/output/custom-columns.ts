/** `-o custom-columns=NAME:.metadata.name,...` and its form in a file. */
import { KubectlError } from '../errors.ts'
import type { Json } from '../session.ts'
import { escapeTerminal, goValue } from './go-value.ts'
import { JsonPath, relaxedPath } from './jsonpath.ts'
import { tableWriter } from './tab-writer.ts'

export interface CustomColumn {
  readonly header: string
  readonly path: string
}

export function columnsFromSpec(spec: string): CustomColumn[] {
  if (spec === '') throw new KubectlError('custom-columns format specified but no custom columns given')
  return spec.split(',').map((part) => {
    const colon = part.indexOf(':')
    if (colon < 0) throw new KubectlError(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`)
    return { header: part.slice(0, colon), path: relaxedPath(part.slice(colon + 1)) }
  })
}

export function columnsFromTemplate(text: string): CustomColumn[] {
  const [first, second] = text.split('\n')
  const expected = 'Expected format is one line of space separated headers, one line of space separated column specs.'
  if (!first) throw new KubectlError(`invalid template, missing header line. ${expected}`)
  if (second === undefined) throw new KubectlError(`invalid template, missing spec line. ${expected}`)
  const words = (line: string) => line.split(/\s+/).filter(Boolean)
  const headers = words(first)
  const specs = words(second)
  if (headers.length !== specs.length) {
    throw new KubectlError(`number of headers (${headers.length}) and field specifications (${specs.length}) don't match`)
  }
  return headers.map((header, at) => ({ header, path: relaxedPath(specs[at] as string) }))
}

export function printCustomColumns(columns: readonly CustomColumn[], objects: readonly Json[], noHeaders: boolean): string {
  let text = ''
  const writer = tableWriter((part) => {
    text += part
  })
  if (!noHeaders) writer.write(`${columns.map(({ header }) => header).join('\t')}\n`)
  const paths = columns.map(({ path }) => new JsonPath(path))
  for (const object of objects) writer.write(`${paths.map((path) => cellOf(path, object)).join('\t')}\n`)
  writer.flush()
  return text
}

function cellOf(path: JsonPath, object: Json): string {
  const results = path.find(object)
  const values = results.flat().map((value) => escapeTerminal(goValue(value)))
  return [...((results[0]?.length ?? 0) === 0 ? ['<none>'] : []), ...values].join(',')
}
