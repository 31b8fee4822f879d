/** `meta.k8s.io/v1 Table`: what `kubectl get` prints, worked out by the server from a kind's columns. */
import { type Column, createdAt, type Kind, type KubeObject, type RowCondition } from './kind.ts'
import type { ObjectMeta } from './object-meta.ts'

export interface TableColumnDefinition {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly description: string
  /** 0 is always shown, 1 with `-o wide`. */
  readonly priority: number
}

export interface PartialObjectMetadata {
  readonly kind: 'PartialObjectMetadata'
  readonly apiVersion: string
  readonly metadata: ObjectMeta
}

export type Cell = string | number | boolean | null

export interface TableRow {
  readonly cells: readonly Cell[]
  readonly conditions?: readonly RowCondition[]
  readonly object: KubeObject | PartialObjectMetadata | null
}

export interface Table {
  readonly kind: 'Table'
  readonly apiVersion: string
  readonly metadata: ListMetadata
  /** Null where the client asked for rows alone, as watches do after their first event. */
  readonly columnDefinitions: readonly TableColumnDefinition[] | null
  readonly rows: readonly TableRow[]
}

/** `metav1.ListMeta`. */
export interface ListMetadata {
  readonly resourceVersion?: string
  readonly continue?: string
  readonly remainingItemCount?: number
}

export interface TableOptions {
  /** Milliseconds since the epoch, for ages. */
  readonly now: number
  /** What a row carries besides its cells; clients get the metadata unless they ask for something else. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object'
  readonly noHeaders?: boolean
  /** That of the list; for a single object its resource version. */
  readonly metadata?: ListMetadata
  /** Of `meta.k8s.io`; default v1. */
  readonly version?: 'v1' | 'v1beta1'
}

/** All columns are there, those of wide output too: the client picks by priority. */
export function toTable(kind: Kind, objects: readonly KubeObject[], options: TableOptions): Table {
  const { now, includeObject = 'Metadata', noHeaders = false, metadata = {}, version = 'v1' } = options
  const apiVersion = `meta.k8s.io/${version}`
  const columns = columnsOf(kind)
  // Upstream's own printers say <none>; a custom resource's missing field is null.
  const missing = kind.schema.json ? null : '<none>'
  return {
    kind: 'Table',
    apiVersion,
    metadata,
    columnDefinitions: noHeaders ? null : columns.map(definitionOf),
    rows: objects.map((object) => {
      const conditions = kind.def.rowConditions?.(object)
      return {
        cells: columns.map(({ value }) => value(object, { now }) ?? missing),
        ...(conditions && { conditions }),
        object: carried(object, includeObject, apiVersion),
      }
    }),
  }
}

/** The columns of a kind, the name first unless the kind puts it elsewhere (events). */
export function columnsOf(kind: Kind): readonly Column<any>[] {
  const known = columnLists.get(kind)
  if (known) return known
  const own = kind.def.columns ?? [createdAt]
  const columns = own.some(({ name }) => name === nameColumn.name) ? own : [nameColumn, ...own]
  columnLists.set(kind, columns)
  return columns
}

const columnLists = new WeakMap<Kind, readonly Column<any>[]>()

const nameColumn: Column<KubeObject> = {
  name: 'Name',
  format: 'name',
  doc: 'Name, unique within the namespace for its kind.',
  value: ({ metadata }) => metadata.name,
}

function definitionOf({ name, type = 'string', format, doc = '', priority = 0 }: Column<any>): TableColumnDefinition {
  return { name, type, format: format ?? (name === nameColumn.name ? 'name' : ''), description: doc, priority }
}

function carried(object: KubeObject, include: TableOptions['includeObject'], apiVersion: string): TableRow['object'] {
  if (include === 'None') return null
  if (include === 'Object') return object
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata }
}
