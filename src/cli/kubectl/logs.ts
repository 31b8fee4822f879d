/** `kubectl logs`: what containers have written. */
import { sleep, systemClock } from '#lib/clock.ts'
import { StatusError } from '#schema/status-error.ts'
import { boolean, duration, integer, text } from './command-line.ts'
import { KubectlError, usageError } from './errors.ts'
import { containerOf, containersOf, goType, objectOf, podPath, podsOf, selectorOf } from './pods.ts'
import { collect, type Json, statusError } from './session.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  'all-pods': boolean(),
  'all-containers': boolean(),
  follow: boolean(false, { short: 'f' }),
  timestamps: boolean(),
  'limit-bytes': integer(),
  previous: boolean(false, { short: 'p' }),
  tail: integer(-1),
  'ignore-errors': boolean(),
  'since-time': text(),
  since: duration(),
  container: text('', { short: 'c' }),
  selector: text('', { short: 'l' }),
  'insecure-skip-tls-verify-backend': boolean(),
  'pod-running-timeout': duration(20_000),
  'max-log-requests': integer(5),
  prefix: boolean(),
} as const

type Call = VerbCall<typeof flags>

const usage =
  "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command"
const tailOfSelection = 10

export default defineVerb({
  usage: 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]',
  summary: 'Print the logs for a container in a pod',
  examples: ['logs web', 'logs -f deployment/web', 'logs -l app=web --prefix --tail=20', 'logs web -c init --previous'],
  flags,
  async run(call) {
    const { flags, args, path } = call
    if (args.length > 2 || (args.length === 0 && !flags.selector)) throw usageError(path, usage)
    if (args.length === 1 && flags.selector) throw usageError(path, 'only a selector (-l) or a POD name is allowed')
    const sources = await check(call, await sourcesOf(call))
    if (!flags.follow || sources.length === 1) {
      for (const source of sources) await consume(call, source)
      return
    }
    if (sources.length > flags['max-log-requests']) {
      throw new KubectlError(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${flags['max-log-requests']}, use --max-log-requests to increase the limit`,
      )
    }
    await Promise.all(sources.map((source) => consume(call, source)))
  },
})

interface Source {
  readonly pod: Json
  readonly container: string
}

async function check({ flags, args, changed }: Call, sources: () => Promise<Source[]>): Promise<Source[]> {
  if (flags['since-time'] && flags.since !== 0) {
    throw new KubectlError('at most one of `sinceTime` or `sinceSeconds` may be specified')
  }
  const container = args[1] ?? flags.container
  if (flags['all-containers'] && container) {
    throw new KubectlError(`--all-containers=true should not be specified with container name ${container}`)
  }
  if (changed.has('container') && args.length === 2)
    throw new KubectlError('only one of -c or an inline [CONTAINER] arg is allowed')
  if (flags['limit-bytes'] < 0) throw new KubectlError('--limit-bytes must be greater than 0')
  if (flags.since < 0) throw new KubectlError('--since must be greater than 0')
  if (flags.tail < -1) throw new KubectlError('--tail must be greater than or equal to -1')
  return sources()
}

/** The object is looked up first, as upstream does; what is wrong with the flags is said after that. */
async function sourcesOf(call: Call): Promise<() => Promise<Source[]>> {
  const { session, flags, args, err } = call
  if (flags.selector) {
    const path = `/api/v1/namespaces/${encodeURIComponent(session.namespace)}/pods`
    const { items = [] } = await session.get(path, { query: { labelSelector: flags.selector } })
    if (items.length === 0) err(`No resources found in ${session.namespace} namespace.\n`)
    return async () => items.flatMap((pod: Json) => containersIn(call, pod))
  }
  const object = await objectOf(session, args[0] as string).catch((error) => {
    if (!(error instanceof StatusError) || error.reason !== 'NotFound') throw error
    throw new KubectlError(`error from server (NotFound): ${error.message} in namespace ${JSON.stringify(session.namespace)}`)
  })
  return async () => (await podsFor(call, object)).flatMap((pod) => containersIn(call, pod))
}

async function podsFor({ session, flags, err }: Call, object: Json): Promise<Json[]> {
  if (object.kind === 'Pod') return [object]
  const selector = selectorOf(object)
  if (selector === undefined) {
    throw new KubectlError(`cannot get the logs from ${goType(object)}: selector for ${goType(object)} not implemented`)
  }
  const { namespace } = object.metadata
  const pods = await podsOf(session, { namespace, selector, timeout: flags['pod-running-timeout'], forLogs: true })
  if (flags['all-pods']) return pods
  if (pods.length > 1) err(`Found ${pods.length} pods, using pod/${pods[0]?.metadata.name}\n`)
  return pods.slice(0, 1)
}

function containersIn({ flags, args, err }: Call, pod: Json): Source[] {
  if (flags['all-containers']) return containersOf(pod).map(({ name }) => ({ pod, container: name }))
  const wanted = args[1] ?? flags.container
  const annotated: string = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'] ?? ''
  const isKnown = containersOf(pod).some(({ name }) => name === annotated)
  if (!wanted && annotated && !isKnown) {
    err(`Default container name ${JSON.stringify(annotated)} not found in pod ${pod.metadata.name}\n`)
    return [{ pod, container: containerOf({ ...pod, metadata: { ...pod.metadata, annotations: {} } }, '', err) }]
  }
  return [{ pod, container: containerOf(pod, wanted, flags['all-pods'] ? undefined : err) }]
}

/** Whole lines, so that those of several containers do not mix. While following, a log that is not there yet is asked for again. */
async function consume(call: Call, source: Source): Promise<void> {
  const { flags, terminal, err } = call
  const end = systemClock.monotonic() + flags['pod-running-timeout']
  for (;;) {
    try {
      return await print(call, source)
    } catch (error) {
      if (terminal.signal.aborted) return
      const text = (error as Error).message
      if (flags['ignore-errors']) return call.out(`error: ${text}\n`)
      if (!flags.follow) throw error
      err(`${text}\n`)
      if (!(error instanceof StatusError)) throw error
      if (systemClock.monotonic() >= end) throw new KubectlError('timed out waiting for the condition')
      await sleep(systemClock, 1000, terminal.signal)
    }
  }
}

async function print(call: Call, { pod, container }: Source): Promise<void> {
  const { session, flags, terminal } = call
  const answer = await session.raw('GET', podPath(pod, 'log'), {
    query: queryOf(call, container),
    accept: 'application/json, */*',
  })
  if (answer.status >= 300) throw statusError(answer.status, await collect(answer.body), `(get pods ${pod.metadata.name})`)
  const prefix = flags.prefix || flags['all-pods'] ? Buffer.from(`[pod/${pod.metadata.name}/${container}] `) : Buffer.alloc(0)
  for await (const line of linesOf(answer.body)) terminal.stdout.write(Buffer.concat([prefix, line]))
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let partial = Buffer.alloc(0)
  for await (const chunk of body) {
    partial = Buffer.concat([partial, chunk])
    for (let end = partial.indexOf(0x0a); end >= 0; end = partial.indexOf(0x0a)) {
      yield partial.subarray(0, end + 1)
      partial = partial.subarray(end + 1)
    }
  }
  if (partial.length > 0) yield partial
}

function queryOf({ flags, changed }: Call, container: string): Record<string, string | undefined> {
  const tail = flags.tail !== -1 ? flags.tail : flags.selector && !changed.has('tail') ? tailOfSelection : undefined
  const since = flags['since-time']
  if (since && Number.isNaN(Date.parse(since))) {
    throw new KubectlError(
      `parsing time ${JSON.stringify(since)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(since)} as "2006"`,
    )
  }
  return {
    container,
    follow: flags.follow ? 'true' : undefined,
    previous: flags.previous ? 'true' : undefined,
    timestamps: flags.timestamps ? 'true' : undefined,
    tailLines: tail === undefined ? undefined : String(tail),
    limitBytes: flags['limit-bytes'] ? String(flags['limit-bytes']) : undefined,
    sinceSeconds: flags.since ? String(Math.round(flags.since / 1000)) : undefined,
    sinceTime: since || undefined,
    insecureSkipTLSVerifyBackend: flags['insecure-skip-tls-verify-backend'] ? 'true' : undefined,
  }
}
