/** `kubectl get`: tables, objects in other formats, and watches. */
import { watchEvents } from '#client/watch-lines.ts'
import { boolean, integer, list, text } from './command-line.ts'
import { kindName, pathOf } from './discovery.ts'
import { aggregate, KubectlError, usageError } from './errors.ts'
import { getFormats, nameOf, type Printer, printerFor } from './output/printer.ts'
import { sortObjects, sortRows } from './output/sort.ts'
import { tableWriter } from './output/tab-writer.ts'
import { TablePrinter } from './output/table.ts'
import { fetchObjects, fetchPages, findTargets, type Info, type Selection, type Target } from './resources.ts'
import { collect, type Json, statusError } from './session.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  output: text('', { short: 'o' }),
  template: text(),
  watch: boolean(false, { short: 'w' }),
  'watch-only': boolean(),
  'output-watch-events': boolean(),
  'ignore-not-found': boolean(),
  'field-selector': text(),
  selector: text('', { short: 'l' }),
  'all-namespaces': boolean(false, { short: 'A' }),
  filename: list({ short: 'f' }),
  recursive: boolean(false, { short: 'R' }),
  'show-labels': boolean(),
  'label-columns': list({ short: 'L' }),
  'sort-by': text(),
  'no-headers': boolean(),
  'show-kind': boolean(),
  'show-managed-fields': boolean(),
  'allow-missing-template-keys': boolean(true),
  'server-print': boolean(true),
  'chunk-size': integer(500),
  subresource: text(),
  raw: text(),
  kustomize: text('', { short: 'k' }),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'get (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags]',
  summary: 'Display one or many resources',
  examples: [
    'get pods',
    'get deployment web -o yaml',
    'get pods,services -A',
    'get pods -w',
    "get pods -o jsonpath='{.items[*].metadata.name}'",
  ],
  flags,
  async run(call) {
    const { flags, session } = call
    if (flags.raw) return raw(call)
    check(call)
    const selection: Selection = {
      args: call.args,
      filename: flags.filename,
      recursive: flags.recursive,
      allNamespaces: flags['all-namespaces'],
      selector: flags.selector || undefined,
      fieldSelector: flags['field-selector'] || undefined,
      subresource: flags.subresource || undefined,
      typeAlone: true,
    }
    const targets = await findTargets(session, selection)
    if (flags.watch || flags['watch-only']) return watch(call, targets.items)
    if (!isTable(call)) return printObjects(call, targets.items, targets.single)
    return printTables(call, targets.items)
  },
})

function check({ flags, args, path, err }: Call): void {
  if (flags['show-labels'] && flags.output && flags.output !== 'wide') {
    throw new KubectlError(`--show-labels option cannot be used with ${flags.output} printer`)
  }
  if (flags['output-watch-events'] && !flags.watch && !flags['watch-only']) {
    throw new KubectlError('--output-watch-events option can only be used with --watch or --watch-only')
  }
  if (args.length > 0 || flags.filename.length > 0) return
  err('You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n\n')
  throw usageError(
    path,
    'Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).',
  )
}

async function raw({ flags, session, args, terminal }: Call): Promise<void> {
  if (args.length > 0) throw new KubectlError('arguments may not be passed when --raw is specified')
  const answer = await session.raw('GET', flags.raw)
  const bytes = await collect(answer.body)
  if (answer.status >= 300) throw statusError(answer.status, bytes)
  terminal.stdout.write(bytes)
}

function isTable({ flags }: Call): boolean {
  return (flags.output === '' && flags.template === '') || flags.output === 'wide'
}

const tableAccept =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'

async function printTables(call: Call, targets: readonly Target[]): Promise<void> {
  const { flags, session, err, out } = call
  const pages: Info[] = []
  const errors: unknown[] = []
  const sortBy = flags['sort-by']
  for (const target of targets) {
    try {
      const options = {
        ...(flags['server-print'] && { accept: tableAccept }),
        ...(sortBy && { query: { includeObject: 'Object' } }),
        chunk: sortBy ? 0 : flags['chunk-size'],
      }
      for await (const page of fetchPages(session, target, options)) pages.push(page)
    } catch (error) {
      if (!(flags['ignore-not-found'] && isNotFound(error))) errors.push(error)
    }
  }
  const written = writeTables(call, sortBy ? sortedPages(pages, sortBy) : pages)
  out(written)
  if (written === '' && !flags['ignore-not-found'] && errors.length === 0) {
    const namespaced = !flags['all-namespaces'] && pages.every(({ resource }) => resource.namespaced)
    err(namespaced ? `No resources found in ${session.namespace} namespace.\n` : 'No resources found\n')
  }
  aggregate(errors)
}

/** As upstream, a table that cannot be sorted is not printed, and nothing is said about it. */
function sortedPages(pages: readonly Info[], field: string): readonly Info[] {
  return pages.filter(({ object }) => {
    try {
      if (object.kind === 'Table') sortRows(object, field)
      return true
    } catch {
      return false
    }
  })
}

/** One table for each type, parted by empty lines. */
function writeTables(call: Call, pages: readonly Info[]): string {
  const { flags } = call
  const withKind = flags['show-kind'] || new Set(pages.map(({ resource }) => resource)).size > 1
  let text = ''
  let separate = false
  const writer = tableWriter((part) => {
    if (separate && part !== '') text += '\n'
    if (part !== '') separate = false
    text += part
  })
  let last: Info | undefined
  let printer: TablePrinter | undefined
  for (const page of pages) {
    if (!printer || last?.resource !== page.resource) {
      writer.flush()
      writer.forget()
      if (last && !flags['no-headers'] && text !== '') separate = true
      printer = tablePrinter(call, page, withKind)
      last = page
    }
    printer.print(page.object, writer)
  }
  writer.flush()
  return text
}

function tablePrinter({ flags }: Call, { resource }: Info, withKind: boolean): TablePrinter {
  return new TablePrinter({
    wide: flags.output === 'wide',
    noHeaders: flags['no-headers'],
    withNamespace: flags['all-namespaces'] && resource.namespaced,
    kind: withKind ? kindName(resource) : undefined,
    labels: flags['label-columns'],
    showLabels: flags['show-labels'],
  })
}

function printerOf({ flags }: Call): Printer {
  return printerFor(flags.output || 'go-template', getFormats, {
    template: flags.template,
    noHeaders: flags['no-headers'],
    showManagedFields: flags['show-managed-fields'],
  })
}

async function printObjects(call: Call, targets: readonly Target[], single: boolean): Promise<void> {
  const { flags, session, out } = call
  const errors: unknown[] = []
  const objects: Json[] = []
  for (const target of targets) {
    try {
      for await (const { object } of fetchObjects(session, target, { chunk: flags['chunk-size'] })) objects.push(object)
    } catch (error) {
      if (flags['ignore-not-found'] && isNotFound(error)) continue
      if (single) throw error
      errors.push(error)
    }
  }
  if (objects.length === 0 && flags['ignore-not-found']) return aggregate(errors)
  const printer = printerOf(call)
  if (single && objects.length === 1) out(printer(objects[0] as Json))
  else {
    if (flags['sort-by']) sortObjects(objects, flags['sort-by'])
    out(printer({ apiVersion: 'v1', items: objects, kind: 'List', metadata: { resourceVersion: '' } }))
  }
  aggregate(errors)
}

async function watch(call: Call, targets: readonly Target[]): Promise<void> {
  const { flags, session } = call
  if (new Set(targets.map(({ resource }) => resource)).size > 1) {
    throw new KubectlError('you may only specify a single resource type')
  }
  if (flags['sort-by']) {
    call.err(
      `warning: ${flags.watch ? '--watch requested, --sort-by will be ignored for watch events received' : '--watch-only requested, --sort-by will be ignored'}\n`,
    )
  }
  const [target] = targets
  if (!target || targets.length > 1)
    throw new KubectlError(
      'watch is only supported on individual resources and resource collections - more than 1 resource was found',
    )
  const isList = target.name === undefined
  const accept = isTable(call) && flags['server-print'] ? { accept: tableAccept } : {}
  const show = watchPrinter(call, target)
  let version = '0'
  try {
    for await (const { object } of fetchPages(session, target, accept)) {
      if (isList) version = object.metadata?.resourceVersion ?? version
      if (!flags['watch-only']) for (const one of isList && object.items ? object.items : [object]) show('ADDED', one)
    }
  } catch (error) {
    if (flags['ignore-not-found'] && isNotFound(error)) return
    throw error
  }
  await follow(call, target, { version, ...accept, show, skipFirst: !isList })
}

/** Prints events until the server ends the watch or the user does. An object that was printed already comes again first. */
async function follow(
  { session, terminal }: Call,
  target: Target,
  options: { version: string; accept?: string; show: (type: string, object: Json) => void; skipFirst: boolean },
): Promise<void> {
  const { resource, namespace, name } = target
  const selectors = [target.fieldSelector, name && `metadata.name=${name}`].filter(Boolean).join(',')
  const query = {
    watch: 'true',
    resourceVersion: options.version,
    labelSelector: target.selector || undefined,
    fieldSelector: selectors || undefined,
  }
  const answer = await session.raw('GET', pathOf(resource, { namespace }), {
    query,
    ...(options.accept && { accept: options.accept }),
  })
  if (answer.status >= 300) throw statusError(answer.status, await collect(answer.body))
  let skip = options.skipFirst
  try {
    for await (const events of watchEvents(answer.body)) {
      for (const { type, object } of events) {
        if (type !== 'BOOKMARK' && !skip) options.show(type, object)
        skip = false
      }
    }
  } catch (error) {
    if (!terminal.signal.aborted) throw error
  }
}

function watchPrinter(call: Call, target: Target): (type: string, object: Json) => void {
  const { flags, out } = call
  const shown = flags['output-watch-events']
  if (isTable(call)) {
    const writer = tableWriter(out)
    const printer = tablePrinter(call, { resource: target.resource } as Info, flags['show-kind'])
    return (type, object) => {
      printer.print(object, writer, shown ? type : undefined)
      writer.flush()
    }
  }
  // Names stay names, whatever the event.
  if (flags.output === 'name') return (_type, object) => out(`${nameOf(object)}\n`)
  const printer = printerOf(call)
  return (type, object) => out(printer(shown ? { object, type } : object))
}

function isNotFound(error: unknown): boolean {
  return (error as { reason?: string }).reason === 'NotFound'
}
