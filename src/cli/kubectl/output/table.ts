/** Server-made tables printed as kubectl prints them (cli-runtime `printers/tableprinter.go`). */
import type { Json } from '../session.ts'
import { goValue } from './go-value.ts'
import type { TabWriter } from './tab-writer.ts'

export interface TableOptions {
  readonly wide: boolean
  readonly noHeaders: boolean
  readonly withNamespace: boolean
  /** `pod`, `deployment.apps`: stands before each name. */
  readonly kind?: string | undefined
  readonly labels: readonly string[]
  readonly showLabels: boolean
}

interface Column {
  readonly name: string
  readonly type?: string
  readonly format?: string
  readonly priority?: number
}

export class TablePrinter {
  readonly #options: TableOptions
  #last: readonly Column[] = []
  #headersPrinted = false

  constructor(options: TableOptions) {
    this.#options = options
  }

  /** `event` is the type of the watch event that brought the table, where that is to be shown. */
  print(object: Json, writer: TabWriter, event?: string): void {
    const table = object.kind === 'Table' ? object : plainTable(object)
    const own: readonly Column[] = table.columnDefinitions ?? []
    const same = own.length === 0 || JSON.stringify(own) === JSON.stringify(this.#last)
    const noHeaders = this.#options.noHeaders || (this.#headersPrinted && same)
    if (!same) {
      this.#last = own
      this.#headersPrinted = false
    }
    const rows: Json[] = table.rows ?? []
    if (rows.length === 0) return
    this.#headersPrinted = true
    const columns = this.#columns(event)
    if (!noHeaders) writer.write(`${columns.map(({ name }) => name.toUpperCase()).join('\t')}\n`)
    for (const row of rows) writer.write(`${this.#cells(row, event).join('\t')}\n`)
  }

  #isShown = ({ priority }: Column) => this.#options.wide || !priority

  #columns(event: string | undefined): readonly { name: string }[] {
    const { withNamespace, labels, showLabels } = this.#options
    return [
      ...(event === undefined ? [] : [{ name: 'Event' }]),
      ...(withNamespace ? [{ name: 'Namespace' }] : []),
      ...this.#last.filter(this.#isShown),
      ...labels.map((label) => ({ name: label.split('/').at(-1) as string })),
      ...(showLabels ? [{ name: 'Labels' }] : []),
    ]
  }

  #cells(row: Json, event: string | undefined): string[] {
    const { withNamespace, labels, showLabels, kind } = this.#options
    const metadata = row.object?.metadata ?? {}
    const nameColumn = kind ? this.#last.findIndex(({ format, type }) => format === 'name' && type === 'string') : -1
    const cells = this.#last.map((_, at) => {
      const value = row.cells?.[at]
      const text = value === null || value === undefined ? '' : cellText(goValue(value))
      return at === nameColumn ? `${kind}/${text}` : text
    })
    return [
      ...(event === undefined ? [] : [eventTypes[event] ?? event]),
      ...(withNamespace ? [metadata.namespace ?? ''] : []),
      ...cells.filter((_, at) => this.#isShown(this.#last[at] as Column)),
      ...labels.map((label) => metadata.labels?.[label] ?? ''),
      ...(showLabels ? [labelsText(metadata.labels)] : []),
    ]
  }
}

const eventTypes: Record<string, string> = { ADDED: 'ADDED   ', MODIFIED: 'MODIFIED', DELETED: 'DELETED ', ERROR: 'ERROR   ' }

/** Cut at the first line break; escape sequences of terminals made harmless. */
function cellText(text: string): string {
  const end = text.search(/[\f\n\r]/)
  const line = end < 0 ? text : `${text.slice(0, end)}...`
  return line.replaceAll('\x1b', '^[')
}

export function labelsText(labels: Record<string, string> | undefined): string {
  const pairs = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return pairs.length === 0 ? '<none>' : pairs.map(([key, value]) => `${key}=${value}`).join(',')
}

/** For servers that make no tables: name and creation time. */
function plainTable(object: Json): Json {
  const objects: Json[] = Array.isArray(object.items) ? object.items : [object]
  return {
    columnDefinitions: [
      { name: 'Name', type: 'string', format: 'name' },
      { name: 'Age', type: 'string' },
    ],
    rows: objects.map((one) => ({
      cells: [one.metadata?.name ?? '', one.metadata?.creationTimestamp ?? '<unknown>'],
      object: one,
    })),
  }
}
