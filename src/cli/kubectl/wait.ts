/** `kubectl wait`: until objects are there, are gone, or meet a condition. */
import { sleep, systemClock } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { array, boolean, duration, text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, KubectlError } from './errors.ts'
import { followObject } from './follow-object.ts'
import { goValue } from './output/go-value.ts'
import { JsonPath, relaxedPath } from './output/jsonpath.ts'
import { gather, type Info, type Selection, selectionFlags } from './resources.ts'
import { resultFlags, resultPrinter } from './result.ts'
import type { Json } from './session.ts'
import { defineVerb, type VerbCall } from './verb.ts'
import { waitGone } from './wait-gone.ts'

const flags = {
  output: resultFlags.output,
  template: resultFlags.template,
  'show-managed-fields': resultFlags['show-managed-fields'],
  'allow-missing-template-keys': resultFlags['allow-missing-template-keys'],
  ...selectionFlags,
  'field-selector': text(),
  all: boolean(),
  'all-namespaces': boolean(false, { short: 'A' }),
  local: boolean(),
  for: array(),
  timeout: duration(30_000),
} as const

type Call = VerbCall<typeof flags>
type Check = (object: Json) => boolean
type Condition = 'create' | 'delete' | Check

export default defineVerb({
  usage:
    "wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
  summary: 'Wait for a specific condition on one or many resources',
  examples: [
    'wait --for=condition=Ready pod/web',
    'wait --for=delete pod/web --timeout=60s',
    "wait --for=jsonpath='{.status.phase}'=Running pod/web",
  ],
  flags,
  async run(call) {
    const { flags, session } = call
    const conditions = conditionsOf(flags.for)
    const week = 168 * 3600 * 1000
    const timeout = flags.timeout < 0 ? week : flags.timeout
    const end = systemClock.monotonic() + timeout
    const selection = selectionFor(call)
    if (conditions.includes('create')) await untilThere(call, selection, end)
    const { infos, errors } = await gather(session, selection)
    const isForDelete = conditions.includes('delete')
    const serious = errors.filter((error) => !(isForDelete && hasReason(error, 'NotFound')))
    const print = resultPrinter({ ...call, flags: { ...flags, 'dry-run': 'none', 'field-manager': '' } })
    for (const info of infos) {
      try {
        for (const condition of conditions) print(await meet(call, info, { condition, end, timeout }), 'condition met')
      } catch (error) {
        serious.push(error)
      }
    }
    aggregate(serious)
    if (infos.length === 0 && !isForDelete) throw new KubectlError('no matching resources found')
  },
})

function selectionFor({ flags, args }: Call): Selection {
  return {
    args,
    filename: flags.filename,
    recursive: flags.recursive,
    selector: flags.selector || undefined,
    fieldSelector: flags['field-selector'] || undefined,
    all: flags.all,
    allNamespaces: flags['all-namespaces'],
  }
}

function conditionsOf(given: readonly string[]): Condition[] {
  if (given.length === 0) throw new KubectlError('unrecognized condition: []')
  return given.map((text) => {
    const lower = text.toLowerCase()
    if (lower === 'delete' || lower === 'create') return lower
    if (text.startsWith('condition=')) return statusCheck(text.slice('condition='.length))
    if (text.startsWith('jsonpath=')) return pathCheck(text.slice('jsonpath='.length))
    throw new KubectlError(`unrecognized condition: ${JSON.stringify(text)}`)
  })
}

function statusCheck(text: string): Check {
  const equals = text.indexOf('=')
  const name = (equals < 0 ? text : text.slice(0, equals)).toLowerCase()
  const wanted = (equals < 0 ? 'true' : text.slice(equals + 1)).toLowerCase()
  return ({ metadata, status }) => {
    const found = (status?.conditions ?? []).find(({ type }: Json) => type?.toLowerCase() === name)
    if (!found) return false
    const observed = found.observedGeneration ?? status.observedGeneration
    if (metadata.generation !== undefined && observed !== undefined && observed < metadata.generation) return false
    return found.status?.toLowerCase() === wanted
  }
}

function pathCheck(text: string): Check {
  const parts = splitOnEquals(text)
  if (parts.length > 2) {
    throw new KubectlError(
      "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'",
    )
  }
  const expression = relaxedPath(parts[0] as string)
  if (expression === '') throw new KubectlError('jsonpath expression cannot be empty')
  const wanted = parts[1]?.replace(/^['"]+|['"]+$/g, '')
  if (wanted === '') {
    throw new KubectlError("jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3")
  }
  const path = new JsonPath(expression)
  return (object) => {
    const results = path.find(object)
    if ((results[0]?.length ?? 0) === 0) return false
    if (results.length > 1) throw new KubectlError('given jsonpath expression matches more than one list')
    if ((results[0]?.length ?? 0) > 1) throw new KubectlError('given jsonpath expression matches more than one value')
    if (wanted === undefined) return true
    const value = results[0]?.[0]
    if (typeof value === 'object' && value !== null) {
      throw new KubectlError('jsonpath leads to a nested object or list which is not supported')
    }
    return goValue(value).trim() === wanted.trim()
  }
}

/** At single equals signs; a double one is part of an expression. */
function splitOnEquals(text: string): string[] {
  return text
    .replaceAll('==', '\0')
    .split('=')
    .map((part) => part.replaceAll('\0', '=='))
}

async function untilThere({ session, terminal }: Call, selection: Selection, end: number): Promise<void> {
  for (;;) {
    const { infos, errors } = await gather(session, selection)
    const serious = errors.filter((error) => !hasReason(error, 'NotFound'))
    aggregate(serious)
    if (infos.length > 0 && errors.length === 0) return
    if (systemClock.monotonic() >= end) throw new KubectlError('timed out waiting for the condition')
    await sleep(systemClock, 500, terminal.signal)
  }
}

interface Wish {
  readonly condition: Condition
  /** Monotonic time. */
  readonly end: number
  readonly timeout: number
}

async function meet(call: Call, info: Info, { condition, end, timeout }: Wish): Promise<Json> {
  const { session } = call
  const { resource, namespace, name } = info
  const title = `${resource.plural}/${name}`
  if (condition === 'create') return info.object
  if (condition === 'delete') {
    if (timeout > 0) await waitGone(session, info, { uid: undefined, timeout: end - systemClock.monotonic() })
    else await session.get(pathOf(resource, { namespace, name })).then(() => refuse(`condition not met for ${title}`), missing)
    return info.object
  }
  if (timeout === 0) {
    const object = await session.get(pathOf(resource, { namespace, name }))
    return condition(object) ? object : refuse(`condition not met for ${title}`)
  }
  const late = `timed out waiting for the condition on ${title}`
  const rest = end - systemClock.monotonic()
  if (rest <= 0) refuse(late)
  const signal = AbortSignal.timeout(Math.ceil(rest))
  try {
    for await (const { type, object } of followObject(session, info, signal)) {
      if (type !== 'DELETED' && condition(object)) return object
    }
    return refuse(late)
  } catch (error) {
    if (signal.aborted) refuse(late)
    throw error
  }
}

function refuse(message: string): never {
  throw new KubectlError(message)
}

function missing(error: unknown): void {
  if (!hasReason(error, 'NotFound')) throw error
}
