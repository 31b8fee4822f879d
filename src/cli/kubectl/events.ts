/** `kubectl events`: events in the order of their last sight, and with --watch those that come. */
import { watchEvents } from '#client/watch-lines.ts'
import { systemClock } from '#lib/clock.ts'
import { ageOf } from '#schema/kind.ts'
import { boolean, integer, list, text } from './command-line.ts'
import { structOf } from './create/generator.ts'
import { apiVersionOf } from './discovery.ts'
import { KubectlError } from './errors.ts'
import { escapeTerminal } from './output/go-value.ts'
import { tableWriter } from './output/tab-writer.ts'
import { objectPrinter, resultFlags } from './result.ts'
import { collect, type Json, statusError } from './session.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const { 'dry-run': _, 'field-manager': __, ...printFlags } = resultFlags

const flags = {
  ...printFlags,
  watch: boolean(false, { short: 'w' }),
  'all-namespaces': boolean(false, { short: 'A' }),
  for: text(),
  types: list(),
  'no-headers': boolean(),
  'chunk-size': integer(500),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'events [--for TYPE/NAME] [--watch] [--types=Normal,Warning]',
  summary: 'List events',
  examples: ['events', 'events --for pod/web --watch', 'events --types=Warning -A'],
  flags,
  async run(call) {
    const { flags, session, err } = call
    const fieldSelector = await selectorOf(call)
    const print = printerOf(call)
    if (flags.types.some((type) => !/^(normal|warning)$/i.test(type)))
      throw new KubectlError('valid --types are Normal or Warning')
    if (flags.watch) return watch(call, { fieldSelector, limit: '500' }, print)
    const events: Json[] = []
    for (let token: string | undefined; ; ) {
      const page = await session.get(pathOf(call), { query: { fieldSelector, limit: '500', continue: token } })
      events.push(...(page.items ?? []).filter((event: Json) => isWanted(call, event)))
      token = page.metadata?.continue || undefined
      if (!token) break
    }
    if (events.length === 0) {
      return err(flags['all-namespaces'] ? 'No events found.\n' : `No events found in ${session.namespace} namespace.\n`)
    }
    const items = events
      .map((event) => structOf({ ...event, kind: 'Event', apiVersion: 'v1' }))
      .sort((a, b) => timeOf(a) - timeOf(b))
    print({ kind: 'EventList', apiVersion: 'v1', metadata: {}, items })
  },
})

function pathOf({ flags, session }: Call): string {
  return flags['all-namespaces'] ? '/api/v1/events' : `/api/v1/namespaces/${encodeURIComponent(session.namespace)}/events`
}

function isWanted({ flags }: Call, { type = '' }: Json): boolean {
  return flags.types.length === 0 || flags.types.some((wanted) => wanted.toLowerCase() === type.toLowerCase())
}

async function selectorOf({ flags, session }: Call): Promise<string | undefined> {
  if (flags.for === '') return undefined
  const [type, name, ...more] = flags.for.split('/')
  if (name === undefined) throw new KubectlError('--for must be in resource/name form')
  if (more.length > 0) throw new KubectlError('arguments in resource/name form may not have more than one slash')
  const resource = await session.discovery.find((type as string).toLowerCase())
  const terms = { kind: resource.kind, apiVersion: apiVersionOf(resource), name }
  return Object.entries(terms)
    .map(([field, value]) => `involvedObject.${field}=${value}`)
    .join(',')
}

async function watch(call: Call, query: Record<string, string | undefined>, print: (object: Json) => void): Promise<void> {
  const { session, terminal } = call
  const answer = await session.raw('GET', pathOf(call), { query: { ...query, watch: 'true' } })
  if (answer.status >= 300) throw statusError(answer.status, await collect(answer.body))
  try {
    for await (const changes of watchEvents(answer.body)) {
      for (const { type, object } of changes) {
        if ((type === 'ADDED' || type === 'MODIFIED') && isWanted(call, object)) print(structOf(object))
      }
    }
  } catch (error) {
    if (!terminal.signal.aborted) throw error
  }
}

function printerOf({ flags, out }: Call): (object: Json) => void {
  const printer = objectPrinter(flags, { struct: true })
  if (printer) return (object) => out(printer(object))
  const everywhere = flags['all-namespaces']
  const writer = tableWriter(out)
  let hasHeader = flags['no-headers']
  return (object) => {
    if (!hasHeader) writer.write(`${everywhere ? 'NAMESPACE\t' : ''}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n`)
    hasHeader = true
    for (const event of object.items ?? [object]) {
      const { type = '', reason = '', involvedObject, message = '', metadata } = event
      const texts = [type, reason, `${involvedObject?.kind ?? ''}/${involvedObject?.name ?? ''}`, message.trim()]
      const cells = [...(everywhere ? [metadata.namespace] : []), intervalOf(event), ...texts.map(escapeTerminal)]
      writer.write(`${cells.join('\t')}\n`)
    }
    writer.flush()
  }
}

function timeOf({ series, lastTimestamp, eventTime }: Json): number {
  return Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? '') || 0
}

function intervalOf({ eventTime, firstTimestamp, lastTimestamp, series, count }: Json): string {
  const now = systemClock.now()
  const first = ageOf(eventTime ?? firstTimestamp, now)
  if (series) return `${ageOf(series.lastObservedTime, now)} (x${series.count} over ${first})`
  return count > 1 ? `${ageOf(lastTimestamp, now)} (x${count} over ${first})` : first
}
