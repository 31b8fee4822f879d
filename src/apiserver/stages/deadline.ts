/** No request but those that stream takes longer than a minute, a write no longer than 34 seconds, and none longer than its client wants. */
import type { Clock } from '#lib/clock.ts'
import { parseDuration } from '#schema/go-time.ts'
import { badRequest, StatusError } from '#schema/status-error.ts'
import type { Request, Response, Stage } from '../request.ts'

/** Upstream's `--request-timeout` and `requestTimeoutUpperBound`, in milliseconds. */
const longest = 60_000
const longestWrite = 34_000

const streaming = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])
const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

/** In-process callers have signals of their own. What was begun goes on when nobody waits any longer, as upstream. */
export function deadline(clock: Clock): Stage {
  return async (request, next) => {
    const { info, origin } = request
    if (origin.type !== 'network' || isLongRunning(request)) return next()
    const isWrite = info.isResource && writes.has(info.verb)
    const bound = isWrite ? longestWrite : longest
    const wanted = wantedTimeout(request)
    const limit = wanted > 0 && wanted < bound ? wanted : bound
    const why = isWrite ? 'within requested timeout - context deadline exceeded' : 'within the allotted timeout'
    return within(clock, limit, {
      run: next,
      late: () => new StatusError('Timeout', `Timeout: request did not complete ${why}`, { details: {} }),
    })
  }
}

function isLongRunning({ info }: Request): boolean {
  return info.isResource && (info.verb === 'watch' || info.verb === 'proxy' || streaming.has(info.subresource))
}

/** Milliseconds; 0 where the client has no wish. */
function wantedTimeout({ query }: Request): number {
  const text = query.get('timeout')
  if (!text) return 0
  try {
    return Number(parseDuration(text)) / 1e6
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`)
  }
}

interface Timed {
  run(): Promise<Response>
  late(): Error
}

function within(clock: Clock, limit: number, { run, late }: Timed): Promise<Response> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limit, () => reject(late()))
    run()
      .finally(() => timer.cancel())
      .then(resolve, reject)
  })
}
